#!/usr/bin/python3
"""Runs `farebox top` on a terminal of its own, against a real server, and presses keys.

Usage: top_test.py BINARY_DIRECTORY
"""

import json
import os
import pty
import re
import select
import signal
import subprocess
import sys
import tempfile
import termios
import time
import unittest

ENTER = "\x1b[?1049h"
LEAVE = "\x1b[?1049l"
CONTROL = re.compile(r"\x1b\[[0-9;?]*[a-zA-Z]")


class Terminal:
    """The command on a pseudo terminal of 120 columns."""

    def __init__(self, *arguments, rows=40):
        self.ours, theirs = pty.openpty()
        termios.tcsetwinsize(self.ours, (rows, 120))
        self.before = termios.tcgetattr(theirs)
        self.theirs = theirs
        self.text = ""
        self.process = subprocess.Popen(
            [FAREBOX, *arguments], stdin=theirs, stdout=theirs, stderr=theirs,
            start_new_session=True, env={**ENVIRONMENT, "TERM": "xterm"})

    def read_until(self, pattern, text_from=0, patience=60):
        """Waits until what was drawn from then on, without control sequences, has the pattern."""
        deadline = time.monotonic() + patience
        while not re.search(pattern, CONTROL.sub("", self.text[text_from:]), re.DOTALL):
            ready, _, _ = select.select([self.ours], [], [], max(0, deadline - time.monotonic()))
            if not ready or time.monotonic() > deadline:
                raise AssertionError(f"no {pattern} in {self.text[text_from:]!r}")
            self.text += os.read(self.ours, 65536).decode(errors="replace")

    def press(self, key):
        """Where the text goes on that is drawn after it."""
        end = len(self.text)
        os.write(self.ours, key.encode())
        return end

    def end(self):
        code = self.process.wait(timeout=60)
        while select.select([self.ours], [], [], 0)[0]:
            self.text += os.read(self.ours, 65536).decode(errors="replace")
        after = termios.tcgetattr(self.theirs)
        os.close(self.ours)
        os.close(self.theirs)
        return code, after


def start_server(folder, log):
    """A server with a ledger in the folder, and its address."""
    port_file = os.path.join(folder, "port")
    server = subprocess.Popen(
        [SERVER, "--data", os.path.join(folder, "ledger"), "--listen", "127.0.0.1:0",
         "--port-file", port_file], stderr=log)
    deadline = time.monotonic() + 60
    while not os.path.exists(port_file):
        if time.monotonic() > deadline:
            raise RuntimeError("the server does not start")
        time.sleep(0.05)
    with open(port_file, encoding="utf-8") as file:
        return server, f"127.0.0.1:{file.read().strip()}"


class Top(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory(prefix="farebox-top-")
        cls.addClassCleanup(cls.folder.cleanup)
        cls.log = open(os.path.join(cls.folder.name, "log"), "w", encoding="utf-8")
        cls.addClassCleanup(cls.log.close)
        cls.server, ENVIRONMENT["FAREBOX_SERVER"] = start_server(cls.folder.name, cls.log)
        cls.addClassCleanup(cls.server.wait)
        cls.addClassCleanup(cls.server.terminate)
        for arguments in (["account", "create", "acme", "--currency", "USD"],
                          ["credit", "acme", "25"], ["balance", "acme"]):
            subprocess.run([FAREBOX, *arguments], env=ENVIRONMENT, check=True, capture_output=True)

    def run_plain(self, *arguments):
        return subprocess.run([FAREBOX, *arguments], env=ENVIRONMENT, capture_output=True,
                              text=True, timeout=60, check=False)

    def test_the_whole_terminal_is_taken_and_given_back(self):
        terminal = Terminal("top", "--interval", "100ms")

        terminal.read_until(r"server .*commits.*USD   1 accounts.*BillingService/Credit")
        self.assertTrue(terminal.text.startswith(ENTER))
        terminal.press("q")
        code, after = terminal.end()

        self.assertEqual(code, 0)
        self.assertTrue(terminal.text.rstrip().endswith(LEAVE), terminal.text[-60:])
        self.assertEqual(after, terminal.before)

    def test_keys_sort_hold_and_go_on(self):
        terminal = Terminal("top", "--interval", "100ms")
        terminal.read_until(r"BillingService/GetBalance")

        at = terminal.press("n")
        terminal.read_until(r"rpc [^\r\n]*[\r\n]+AccountService/CreateAccount", at)
        at = terminal.press("r")
        terminal.read_until(r"rpc [^\r\n]*[\r\n]+OperationsService/GetStatus", at)
        at = terminal.press(" ")
        terminal.read_until(r"held: the space bar goes on", at)
        at = terminal.press(" ")
        terminal.read_until(r"rpc .*OperationsService", at)
        terminal.press("q")

        self.assertEqual(terminal.end()[0], 0)

    def test_control_c_leaves_a_good_terminal(self):
        terminal = Terminal("top", "--interval", "100ms")
        terminal.read_until(r"server ")

        os.kill(terminal.process.pid, signal.SIGINT)
        code, after = terminal.end()

        self.assertEqual(code, 0)
        self.assertIn(LEAVE, terminal.text)
        self.assertEqual(after, terminal.before)

    def test_a_server_that_is_away_is_told_on_the_shells_own_screen(self):
        terminal = Terminal("top", "--server", "127.0.0.1:1", "--timeout", "100ms")

        code, _ = terminal.end()

        self.assertEqual(code, 4)
        self.assertNotIn(ENTER, terminal.text)
        self.assertIn("no answer from 127.0.0.1:1", terminal.text)

    def test_a_server_that_goes_away_is_told_on_a_small_terminal_too(self):
        folder = tempfile.TemporaryDirectory(prefix="farebox-top-")
        self.addCleanup(folder.cleanup)
        server, address = start_server(folder.name, self.log)
        self.addCleanup(server.wait)
        self.addCleanup(server.kill)
        for command in ("account create acme --currency USD", "credit acme 25", "balance acme",
                        "account list", "account show acme", "activity acme", "summary acme",
                        "holds acme", "rates decks", "number list acme", "status"):
            subprocess.run([FAREBOX, *command.split(), "--server", address], env=ENVIRONMENT,
                           check=True, capture_output=True)
        terminal = Terminal("top", "--server", address, "--interval", "100ms", "--timeout", "1s",
                            rows=24)
        terminal.read_until(r"rpc ")

        at = terminal.press(" ")
        terminal.read_until(r"held: the space bar goes on", at, patience=20)
        at = terminal.press(" ")
        server.kill()
        terminal.read_until(r"no answer from " + address, at, patience=20)
        terminal.press("q")

        self.assertEqual(terminal.end()[0], 0)

    def test_without_a_terminal_it_is_lines(self):
        once = self.run_plain("top", "--once", "--interval", "100ms")

        self.assertEqual(once.returncode, 0, once.stderr)
        self.assertNotIn("\x1b", once.stdout)
        self.assertIn("entries a commit", once.stdout)

    def test_for_programs_it_is_json(self):
        once = self.run_plain("top", "--once", "--json", "--interval", "200ms")

        figures = json.loads(once.stdout)
        self.assertGreater(figures["interval_seconds"], 0.1)
        asked = [rpc for rpc in figures["rpcs"]
                 if rpc["method"] == "OperationsService/GetStatus"][0]
        self.assertGreater(asked["calls_per_second"], 0)
        self.assertEqual(figures["currencies"][0]["balance_micros"], "25000000")

    def test_status_shows_the_same_since_the_start(self):
        shown = self.run_plain("status")

        self.assertEqual(shown.returncode, 0, shown.stderr)
        self.assertIn("25.00 balances", shown.stdout)
        self.assertRegex(shown.stdout, r"BillingService/Credit +\d")
        self.assertEqual(json.loads(self.run_plain("status", "--json").stdout)["accounts"], "1")


if __name__ == "__main__":
    SERVER = os.path.join(sys.argv[1], "farebox-server")
    FAREBOX = os.path.join(sys.argv[1], "farebox")
    ENVIRONMENT = {"PATH": os.environ["PATH"], "TZ": "UTC"}
    unittest.main(argv=sys.argv[:1])
