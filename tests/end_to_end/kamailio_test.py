#!/usr/bin/python3
"""A real Kamailio asks the server, over HTTP, before each call: it is let through for as long as
the account can pay, turned away with the reason or where there is no answer, and held once however
often it is sent.

Usage: kamailio_test.py BINARY_DIRECTORY
"""

import json
import os
import pathlib
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import unittest

HERE = pathlib.Path(__file__).resolve().parent
DECK = "item,prefix,rate_per_minute,initial_increment,increment\nOUTBOUND_CALL,44,0.60,1,1\n"


def free_port(kind):
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def await_true(what, condition):
    deadline = time.monotonic() + 30
    while not condition():
        if time.monotonic() > deadline:
            raise RuntimeError(f"{what} did not start")
        time.sleep(0.05)


class Kamailio(unittest.TestCase):

    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp())
        self.http_port = free_port(socket.SOCK_STREAM)
        self.sip_port = free_port(socket.SOCK_DGRAM)
        port_file = self.folder / "port"
        admin_key = self.folder / "admin.key"
        with open(self.folder / "log", "wb") as log:
            self.server = subprocess.Popen(
                [BINARIES / "farebox-server", "--data", self.folder / "ledger", "--listen",
                 "127.0.0.1:0", "--port-file", port_file, "--access", "keys", "--admin-key-file",
                 admin_key, "--http-listen", f"127.0.0.1:{self.http_port}"], stdout=log, stderr=log)
            await_true("the server", port_file.exists)
            self.environment = {**os.environ,
                                "FAREBOX_SERVER": f"127.0.0.1:{port_file.read_text().strip()}",
                                "FAREBOX_API_KEY_FILE": str(admin_key)}
            (self.folder / "deck.csv").write_text(DECK)
            self.farebox("rates", "import", "standard", str(self.folder / "deck.csv"))
            self.farebox("account", "create", "demo", "--currency", "USD", "--deck", "standard")
            self.farebox("credit", "demo", "6")
            key = json.loads(self.farebox("--json", "key", "create", "router"))["secret"]
            self.kamailio = subprocess.Popen(
                ["kamailio", "-DD", "-f", HERE / "kamailio.cfg", "-Y", self.folder, "-A",
                 f"SIP_PORT={self.sip_port}", "-A", f"FAREBOX=http://127.0.0.1:{self.http_port}",
                 "-A", f"FAREBOX_KEY={key}"], stdout=log, stderr=log)
        self.caller = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.caller.bind(("127.0.0.1", 0))
        self.caller.settimeout(0.5)

    def tearDown(self):
        self.caller.close()
        for process in (self.kamailio, self.server):
            process.terminate()
            process.wait()
        shutil.rmtree(self.folder)

    def farebox(self, *arguments):
        return subprocess.run([BINARIES / "farebox", *arguments], env=self.environment, check=True,
                              stdout=subprocess.PIPE, text=True).stdout

    def invite(self, call, number, *, branch=None, copies=1):
        """The answer to a call, which is sent, some times at once, until there is one."""
        branch = f"z9hG4bK{branch or call}"

        def send(method, to):
            port = self.caller.getsockname()[1]
            lines = [f"{method} sip:{number}@127.0.0.1:{self.sip_port} SIP/2.0",
                     f"Via: SIP/2.0/UDP 127.0.0.1:{port};branch={branch}",
                     "From: <sip:+12025550123@127.0.0.1>;tag=1", to, f"Call-ID: {call}",
                     f"CSeq: 1 {method}", f"Contact: <sip:127.0.0.1:{port}>", "Max-Forwards: 70",
                     "Content-Length: 0", "", ""]
            self.caller.sendto("\r\n".join(lines).encode(), ("127.0.0.1", self.sip_port))

        for _ in range(40):
            try:
                for _ in range(copies):
                    send("INVITE", f"To: <sip:{number}@127.0.0.1>")
                answer = self.caller.recv(65_536).decode()
                while f"branch={branch}\r\n" not in answer:  # another's, which was sent again
                    answer = self.caller.recv(65_536).decode()
                # Who is refused says so, or hears it again.
                send("ACK", next(line for line in answer.split("\r\n") if line.startswith("To:")))
                return answer
            except (TimeoutError, ConnectionRefusedError):
                time.sleep(0.2)
        self.fail("Kamailio did not answer: " + (self.folder / "log").read_text()[-4_000:])
        return None

    def holds(self):
        return json.loads(self.farebox("--json", "holds", "demo")).get("holds", [])

    def test_a_call_that_is_sent_again_is_held_once(self):
        self.farebox("credit", "demo", "600")
        self.assertIn("SIP/2.0 200", self.invite("first", "+447400123456", copies=4))
        self.assertIn("SIP/2.0 200", self.invite("first", "+447400123456"))
        self.assertEqual(len(self.holds()), 1)

    def test_a_call_is_let_through_or_refused_with_the_reason(self):
        # 6 USD at 0.60 a minute.
        granted = self.invite("first", "+447400123456")
        self.assertIn("SIP/2.0 200", granted)
        self.assertIn('X-Granted-Seconds: "600"', granted)

        poor = self.invite("second", "+447400123456")
        self.assertIn("SIP/2.0 402", poor)
        self.assertIn("REASON_INSUFFICIENT_BALANCE", poor)
        self.assertIn("REASON_NO_RATE", self.invite("third", "+81312345678"))

    def test_what_is_no_number_is_not_asked_about(self):
        self.assertIn("SIP/2.0 484", self.invite("named", "alice"))
        self.assertEqual(self.holds(), [])

    def test_a_call_that_was_paid_does_not_pay_for_another(self):
        self.assertIn("SIP/2.0 200", self.invite("paid", "+447400123456"))
        self.farebox("settle", "demo", self.holds()[0]["hold_id"], "--used", "600")

        again = self.invite("paid", "+447400123456", branch="again")
        self.assertIn("SIP/2.0 402", again)
        self.assertIn("REASON_INSUFFICIENT_BALANCE", again)

        # One that can be paid has a hold of its own.
        self.farebox("credit", "demo", "6")
        self.assertIn("SIP/2.0 200", self.invite("paid", "+447400123456", branch="third"))
        self.assertEqual(len(self.holds()), 1)

    def test_no_call_is_let_through_without_an_answer(self):
        self.assertIn("SIP/2.0 200", self.invite("first", "+447400123456"))
        self.server.terminate()
        self.server.wait()
        # As many as it takes for each of Kamailio's workers to have some.
        for number in range(10):
            self.assertIn("SIP/2.0 503", self.invite(f"unanswered-{number}", "+447400123456"))


if __name__ == "__main__":
    BINARIES = pathlib.Path(sys.argv.pop(1))
    unittest.main()
