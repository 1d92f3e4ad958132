"""What charging cards costs the calls beside it."""

import contextlib
import statistics
import subprocess

from farebox_bench import servers

ACCOUNTS = 1000
# What a round of charges is beside: the provider answers after ten seconds, or at once.
CARDS = (("slow provider", "pm_card_slow"), ("fast provider", "pm_card_visa"))


def measure(load, binaries, directory):
    """Yields (what, figure) of debits beside a thousand recharges, and without."""
    for name, card in CARDS:
        ratios, quiet, busy, charges = [], [], [], 0
        for number in range(load.rounds):
            folder = directory / f"{card}-{number}"
            with servers.farebox(binaries, folder, "--payments", "simulated") as server:
                load.prepare(server)
                quiet.append(load.run(server, "debit", 256)["per_second"])
                with recharging(binaries, server, card) as storm:
                    busy.append(load.run(server, "debit", 256)["per_second"])
                    charges += finish(storm)
            ratios.append(busy[-1] / quiet[-1])
        yield f"debits/s, {name}", f"{statistics.median(busy):,.0f}"
        yield "debits/s without recharges", f"{statistics.median(quiet):,.0f}"
        yield "with over without", f"{statistics.median(ratios):.2f}"
        yield "charges credited meanwhile", f"{charges:,}"


@contextlib.contextmanager
def recharging(binaries, server, card):
    storm = subprocess.Popen([str(binaries / "farebox-recharges"), f"--server={server.address}",
                              f"--accounts={ACCOUNTS}", f"--card={card}"],
                             stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        if storm.stdout.readline() != "ready\n":
            raise RuntimeError("the accounts with cards could not be made")
        yield storm
    finally:
        storm.kill()
        storm.wait()


def finish(storm):
    return int(storm.communicate("")[0])
