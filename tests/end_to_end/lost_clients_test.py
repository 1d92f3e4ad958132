#!/usr/bin/python3
"""Clients that disappear in the middle of a call, on the real server over real sockets: killed,
reset, in a network that swallows everything, or there and no longer answering.

What each held expires in its time and is free for others, its connection is dropped, and who is
still there notices nothing. Takes as long as the server waits for a sign of life, 70 s, and for
answers to be taken, 20 s.
Usage: lost_clients_test.py DIRECTORY_OF_BINARIES
"""

import contextlib
import ctypes
import json
import multiprocessing
import os
import pathlib
import re
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
import unittest
import urllib.request

from hyperframe import frame as h2

sys.dont_write_bytecode = True  # the tree stays as it was checked out
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from http2_peer import (  # noqa: E402
    BALANCE, OK, Closed, Connection, Server, framed, method, number, text)

BINARIES = pathlib.Path(sys.argv.pop(1))
AUTHORIZE = method("BillingService/Authorize")
WATCH = method("BillingService/WatchAccount")
REFLECTION = "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo"
DECK = "item,prefix,rate_per_minute,initial_increment,increment\nOUTBOUND_CALL,,0.06,1,1\n"
# Of all money of an account: a hold takes everything.
SECONDS = 600
MICROS = 600_000
TTL_SECONDS = 3
PATIENCE = 15
# server/base/limits.h: kKeepaliveInterval, kKeepaliveTimeout. The clock of the first begins anew
# when something is heard.
KEEPALIVE_SECONDS = 70
SLACK_SECONDS = 4
# server/base/limits.h: kSendTimeout.
SEND_TIMEOUT_SECONDS = 20
# Each is some tens of kilobytes: all are more than the systems on both sides keep.
ANSWERS = 200
OUTBOUND = 2
CLONE_NEWNET = 0x40000000


def authorize(account, request_id):
    """All that the account can pay for, for three seconds unless somebody asks for more."""
    call = number(1, OUTBOUND) + text(2, "+12025550123") + text(3, "+442071838750")
    return framed(text(1, account) + text(2, request_id) + text(3, text(1, call)) +
                  number(4, SECONDS) + number(5, TTL_SECONDS))


def await_that(is_so, what, seconds=PATIENCE):
    """Returns after how many seconds it was so."""
    begin = time.monotonic()
    while not is_so():
        if time.monotonic() > begin + seconds:
            raise AssertionError(f"after {seconds} s it is still not so: {what}")
        time.sleep(0.05)
    return time.monotonic() - begin


class Network:
    """A network of its own, at the end of a cable; lost() has it swallow whatever comes."""

    def __init__(self):
        # Several may be there at once.
        self.address, self.peer = (f"10.231.{os.getpid() % 256}.{host}" for host in (1, 2))
        self.name = f"farebox-{os.getpid()}"
        self.ours, self.theirs = f"fb{os.getpid()}a", f"fb{os.getpid()}b"
        self.ip("netns", "add", self.name)
        self.ip("link", "add", self.ours, "type", "veth", "peer", "name", self.theirs)
        self.ip("link", "set", self.theirs, "netns", self.name)
        self.ip("addr", "add", f"{self.address}/30", "dev", self.ours)
        self.ip("link", "set", self.ours, "up")
        self.ip("-n", self.name, "addr", "add", f"{self.peer}/30", "dev", self.theirs)
        self.ip("-n", self.name, "link", "set", self.theirs, "up")
        link = json.loads(self.ip("-json", "-n", self.name, "link", "show", self.theirs))
        # Nobody is to ask whether it is still there.
        self.ip("neigh", "replace", self.peer, "lladdr", link[0]["address"], "dev", self.ours,
                "nud", "permanent")

    @staticmethod
    def ip(*arguments):
        done = subprocess.run(["ip", *arguments], capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise OSError(done.stderr)
        return done.stdout

    def run_inside(self, act):
        """What is opened by `act` is in that network."""
        results = []

        def enter():
            with open(f"/run/netns/{self.name}", "rb") as space:
                if ctypes.CDLL(None, use_errno=True).setns(space.fileno(), CLONE_NEWNET) == 0:
                    results.append(act())
        thread = threading.Thread(target=enter)
        thread.start()
        thread.join()
        if not results:
            raise OSError("nothing could be opened in the other network")
        return results[0]

    def lose(self):
        self.ip("-n", self.name, "addr", "flush", "dev", self.theirs)

    def remove(self):
        with contextlib.suppress(OSError):
            self.ip("netns", "del", self.name)


class LivingPeer(threading.Thread):
    """Makes no call, but says that it lives when it is asked."""

    def __init__(self, port, host):
        super().__init__(daemon=True)
        self.connection = Connection(port, host)
        self.connection.socket.settimeout(None)
        self.is_over = False
        self.asked = 0
        self.start()

    def run(self):
        with contextlib.suppress(Closed, OSError):
            while not self.is_over:
                frame = self.connection.read()
                if isinstance(frame, h2.PingFrame) and "ACK" not in frame.flags:
                    self.asked += 1
                    self.connection.send(
                        h2.PingFrame(0, opaque_data=frame.opaque_data, flags=["ACK"]))

    def is_connected(self):
        return self.is_alive()

    def close(self):
        self.is_over = True
        with contextlib.suppress(OSError):
            self.connection.socket.shutdown(socket.SHUT_RDWR)
        self.join()
        self.connection.close()


class LostClients(unittest.TestCase):

    @classmethod
    def setUpClass(cls):
        cls.network = None
        with contextlib.suppress(OSError, KeyError):
            cls.network = Network()
        cls.host = cls.network.address if cls.network else "127.0.0.1"
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            cls.http_port = probe.getsockname()[1]
        cls.server = Server(BINARIES / "farebox-server", "--http-listen",
                            f"127.0.0.1:{cls.http_port}", "--insecure-listen-anywhere",
                            listen=f"{cls.host}:0", stderr=subprocess.DEVNULL)
        with tempfile.NamedTemporaryFile("w", suffix=".csv") as deck:
            deck.write(DECK)
            deck.flush()
            subprocess.run([str(BINARIES / "farebox"), f"--server={cls.host}:{cls.server.port}",
                            "rates", "import", "lost", deck.name], check=True, capture_output=True)

    @classmethod
    def tearDownClass(cls):
        status = cls.server.stop()
        if cls.network:
            cls.network.remove()
        assert status == 0

    @classmethod
    def ask(cls, rpc, request):
        asked = urllib.request.Request(
            f"http://127.0.0.1:{cls.http_port}/farebox.v1.{rpc}", json.dumps(request).encode(),
            {"Content-Type": "application/json"})
        with urllib.request.urlopen(asked, timeout=PATIENCE) as answer:
            return json.loads(answer.read())

    @classmethod
    def figure(cls, series):
        url = f"http://127.0.0.1:{cls.http_port}/metrics"
        with urllib.request.urlopen(url, timeout=PATIENCE) as answer:
            found = re.search(f"^{re.escape(series)} (.*)$", answer.read().decode(), re.MULTILINE)
        return float(found.group(1))

    def open_account(self):
        account = self.id().rsplit(".", 1)[1]
        self.ask("AccountService/CreateAccount", {
            "request_id": "open", "account": {"account_id": account, "currency_code": "USD",
                                              "deck": "lost"}})
        self.ask("BillingService/Credit", {
            "account_id": account, "request_id": "paid", "amount_micros": str(MICROS),
            "reason": "CREDIT_REASON_PAYMENT"})
        return account

    def held(self, account):
        return int(self.ask("BillingService/GetBalance",
                            {"account_id": account}).get("held_micros", 0))

    def hold_and_watch(self, connection, account):
        """A call that goes on: its hold, a stream about it, and the half of another request."""
        self.assertEqual(connection.call(AUTHORIZE, authorize(account, "call")), OK)
        watch = connection.start(connection.headers(WATCH, grpc_timeout=None))
        connection.data(watch, framed(text(1, account)))
        half = connection.start(connection.headers(BALANCE, grpc_timeout=None))
        connection.data(half, framed(b"", size=100)[:3], end=False)
        await_that(lambda: self.figure("farebox_watchers") >= 1, "the account is watched")
        self.assertEqual(self.held(account), MICROS)

    def expect_hold_to_expire(self, account):
        """And then the money is there for somebody else."""
        await_that(lambda: self.held(account) == 0, "nothing is held", TTL_SECONDS + SLACK_SECONDS)
        other = Connection(self.server.port, self.host)
        self.assertEqual(other.call(AUTHORIZE, authorize(account, "another")), OK)
        self.assertEqual(self.held(account), MICROS)
        other.close()

    def expect_quick_end(self, account, go):
        """Its connection and its stream end at once, its hold in its time."""
        connections = self.figure("farebox_connections")
        go()
        await_that(lambda: self.figure("farebox_connections") == connections - 1,
                   "its connection is gone", SLACK_SECONDS)
        await_that(lambda: self.figure("farebox_watchers") == 0, "nobody watches", SLACK_SECONDS)
        self.expect_hold_to_expire(account)

    def test_a_client_that_is_killed_leaves_nothing(self):
        account = self.open_account()
        context = multiprocessing.get_context("fork")
        ours, theirs = context.Pipe()

        def call():
            connection = Connection(self.server.port, self.host)
            self.hold_and_watch(connection, account)
            theirs.send("ready")
            time.sleep(10 * PATIENCE)
        client = context.Process(target=call, daemon=True)
        client.start()
        self.assertTrue(ours.poll(PATIENCE))

        self.expect_quick_end(account, lambda: os.kill(client.pid, signal.SIGKILL))

        client.join()

    def test_a_client_that_resets_its_connection_leaves_nothing(self):
        account = self.open_account()
        connection = Connection(self.server.port, self.host)
        self.hold_and_watch(connection, account)

        def reset():
            connection.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                                         struct.pack("ii", 1, 0))
            connection.close()
        self.expect_quick_end(account, reset)

    def test_who_gives_no_sign_of_life_is_dropped(self):
        account = self.open_account()
        living = LivingPeer(self.server.port, self.host)
        silent = {"it reads nothing": Connection(self.server.port, self.host)}
        if self.network:
            silent["the network swallows all"] = self.network.run_inside(
                lambda: Connection(self.server.port, self.host))
        last = list(silent.values())[-1]
        self.hold_and_watch(last, account)
        connections = self.figure("farebox_connections")
        if self.network:
            self.network.lose()
        begin = time.monotonic()

        self.expect_hold_to_expire(account)
        await_that(lambda: self.figure("farebox_connections") == connections - len(silent),
                   f"gone are: {', '.join(silent)}", KEEPALIVE_SECONDS + SLACK_SECONDS)

        took = time.monotonic() - begin
        print(f"gone after {took:.1f} s: {', '.join(silent)}", flush=True)
        self.assertLess(took, KEEPALIVE_SECONDS + SLACK_SECONDS)
        await_that(lambda: self.figure("farebox_watchers") == 0, "nobody watches")
        self.assertTrue(living.is_connected())
        self.assertGreaterEqual(living.asked, 1)
        for connection in silent.values():
            connection.close()
        living.close()

    def test_who_takes_no_answers_is_dropped(self):
        await_that(lambda: self.figure("farebox_connections") == 0, "those before are gone")
        cuts = [f'farebox_connections_cut_total{{reason="{it}"}}' for it in ("bytes", "resets")]
        deaf = Connection(self.server.port, self.host)
        # It is not HTTP/2 that keeps the answers back.
        deaf.send(h2.SettingsFrame(0, settings={h2.SettingsFrame.INITIAL_WINDOW_SIZE: 2**31 - 1}))
        stream = deaf.start(deaf.headers(REFLECTION, grpc_timeout=None))
        for _ in range(ANSWERS):
            deaf.data(stream, framed(text(4, "farebox.v1.BillingService")), end=False)

        took = await_that(lambda: self.figure("farebox_connections") == 0, "it is gone",
                          2 * SEND_TIMEOUT_SECONDS)

        print(f"took no answers, and was gone after {took:.1f} s", flush=True)
        # For that alone: it was given time, and a sign of life would have been awaited for longer.
        self.assertGreater(took, SEND_TIMEOUT_SECONDS / 2)
        self.assertEqual(sum(map(self.figure, cuts)), 0)
        deaf.close()


if __name__ == "__main__":
    unittest.main()
