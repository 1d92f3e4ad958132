#!/usr/bin/python3
"""Types what README.md, docs/api.md and `tools/start` say to type, against the demo server, and
what other pages do, against the server that they begin with.

A block marked `sh` is run; a `json` block after it must be part of its answer ("..." stands for
anything), and so must every line of a `text` block.

Usage: docs_test.py BINARY_DIRECTORY DEMO_DIRECTORY
"""

import json
import os
import re
import socket
import subprocess
import sys
import tempfile
import time
import unittest

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
SERVER = re.compile(r"^    (farebox-server (?:.*\\\n)*.*)$", re.MULTILINE)
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
ADDRESS = "localhost:50051"
HTTP_ADDRESS = "localhost:8080"


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def differences(wanted, found, path="answer"):
    """Where `found` does not have what is wanted of it."""
    if wanted == "...":
        return []
    if isinstance(wanted, dict) and isinstance(found, dict):
        missing = [f"{path}.{key} is missing" for key in wanted if key not in found]
        return missing + [line for key in wanted if key in found
                          for line in differences(wanted[key], found[key], f"{path}.{key}")]
    if isinstance(wanted, list) and isinstance(found, list) and len(wanted) == len(found):
        return [line for i, item in enumerate(wanted)
                for line in differences(item, found[i], f"{path}[{i}]")]
    return [] if wanted == found else [f"{path} is {found}, not {wanted}"]


def read(path):
    with open(os.path.join(TOP, path), encoding="utf-8") as file:
        return file.read()


def rows_of(page, heading):
    """The cells of the lines of the tables below a heading."""
    section = re.split(r"^#+ ", read(page).split(f"# {heading}\n")[1], flags=re.MULTILINE)[0]
    return [[cell.strip() for cell in line.strip("|").split("|")]
            for line in section.splitlines() if line.startswith("|")]


class Tables(unittest.TestCase):

    def test_every_reason_of_the_api_is_explained(self):
        enum = re.search(r"^enum Reason {(.*?)^}", read("protos/farebox/v1/usage.proto"),
                         re.DOTALL | re.MULTILINE)
        reasons = re.findall(r"^  REASON_(\w+) = ", enum.group(1), re.MULTILINE)
        explained = re.findall(r"\b[A-Z_]{3,}\b", " ".join(
            row[0] for row in rows_of("docs/api.md", "Reasons")))

        self.assertGreater(len(reasons), 30)
        self.assertEqual(set(reasons) - {"UNSPECIFIED"} - set(explained), set())

    def test_what_is_to_be_repeated_is_so_in_every_table(self):
        repeated = " ".join(row[0] for row in rows_of("docs/api.md", "When there is no answer")
                            if "repeat" in row[2] and "do not" not in row[2])
        codes = [code for _, code, when in rows_of("docs/api.md", "Reasons")
                 if "unknown" in when or "repeat the same" in when]

        self.assertGreater(len(codes), 3)
        self.assertEqual([code for code in codes if code not in repeated], [])

    def test_every_code_of_http_is_explained(self):
        codes = re.findall(r'^    {"(\w+)", (\d+)},', read("server/web/connect_protocol.cc"),
                           re.MULTILINE)
        rows = rows_of("docs/api.md", "HTTP and JSON")
        explained = {(code, status) for row in rows if len(row) == 3
                     for code in re.findall(r"`(\w+)`", row[1])
                     for status in re.findall(r"\d+", row[0])}

        self.assertGreater(len(codes), 10)
        self.assertEqual(set(codes) - explained, set())

    def test_every_line_of_the_log_that_asks_for_somebody_is_explained(self):
        events = set()
        for folder, _, names in os.walk(f"{TOP}/server"):
            for name in names:
                if name.endswith(".cc"):
                    with open(os.path.join(folder, name), encoding="utf-8") as file:
                        calls = re.findall(r"\bLog\(([^{};]*)", file.read())
                    events |= {event for call in calls if re.search("kWarning|kError", call)
                               for event in re.findall(r'"([a-z_]+)"', call)}
        explained = set(re.findall(r"`([a-z_]+)`", read("docs/operations.md")))

        self.assertGreater(len(events), 20)
        self.assertEqual(events - explained, set())


class Typed(unittest.TestCase):
    """Somebody who types what a page says."""

    folder = None  # Where they are.
    address = ""   # Of the server.
    places = {}    # What a page names, and what that is here.

    @staticmethod
    def environment():
        return {**os.environ, "PATH": f"{BINARIES}:{TOP}/.cache/bin:{os.environ['PATH']}"}

    def here(self, command):
        for there, place in self.places.items():
            command = command.replace(there, place)
        return command

    def type_in(self, command):
        return subprocess.run(
            ["bash", "-euc", self.here(command)], cwd=self.folder.name, capture_output=True,
            text=True, env={**self.environment(), "FAREBOX_SERVER": self.address}, check=False)

    def follow(self, page):
        blocks = BLOCK.findall(read(page))
        hold_id = ""
        for position, (kind, body) in enumerate(blocks):
            if kind != "sh":
                continue
            after = blocks[position + 1] if position + 1 < len(blocks) else ("", "")
            with self.subTest(page=page, command=body):
                result = self.type_in(body.replace("HOLD_ID", hold_id))
                output = result.stdout + result.stderr
                held = re.search(r'"hold_id": "(\d+)"', output)
                hold_id = held.group(1) if held else hold_id
                if after[0] == "text":
                    self.assertNotEqual(result.returncode, 0)
                    for line in after[1].splitlines():
                        self.assertIn(line, output)
                    continue
                self.assertEqual(result.returncode, 0, output)
                if after[0] == "json":
                    found = json.loads(result.stdout)
                    self.assertEqual(differences(json.loads(after[1]), found), [])


class Beginnings(Typed):

    def begin_with(self, page):
        """Starts the server that the page does, on an empty ledger, and types the rest."""
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        port = free_port()
        self.places = {"/tmp/try": f"{self.folder.name}/data",
                       "/var/lib/farebox": f"{self.folder.name}/data",
                       "/etc/farebox": self.folder.name,
                       "127.0.0.1:8080": f"127.0.0.1:{port}",
                       # In place of choosing a card on the page.
                       "alice cs_simulated_1": "alice cs_simulated_1:pm_card_visa"}
        port_file = f"{self.folder.name}/port"
        command = self.here(SERVER.search(read(page)).group(1))
        server = subprocess.Popen(
            ["bash", "-c", f"exec {command} --listen 127.0.0.1:0 --port-file {port_file}"],
            env=self.environment(), stderr=subprocess.DEVNULL)
        self.addCleanup(server.wait, 30)
        self.addCleanup(server.terminate)
        while not os.path.exists(port_file) or not read(port_file).strip():
            self.assertIsNone(server.poll(), command)
            time.sleep(0.05)
        self.address = "localhost:" + read(port_file).strip()
        self.assertIn("```sh", read(page))
        self.follow(page)

    def test_money_in(self):
        self.begin_with("docs/payments.md")

    def test_billing_page(self):
        self.begin_with("docs/billing-page.md")


class Docs(Typed):

    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.http_address = f"localhost:{free_port()}"
        cls.server = subprocess.Popen(
            [f"{TOP}/tools/demo_server", BINARIES, DEMO, f"{cls.folder.name}/demo", "--listen",
             "127.0.0.1:0", "--http-listen", cls.http_address], stdout=subprocess.PIPE, text=True,
            cwd=TOP)
        cls.told = ""
        for line in cls.server.stdout:
            cls.told += line
            if "Ctrl-C" in line:
                break
        else:
            raise RuntimeError("the demo did not start")
        with open(f"{cls.folder.name}/demo/port", encoding="utf-8") as file:
            cls.address = "localhost:" + file.read().strip()
        cls.places = {ADDRESS: cls.address, HTTP_ADDRESS: cls.http_address}

    @classmethod
    def tearDownClass(cls):
        cls.server.terminate()
        cls.server.wait(30)
        cls.server.stdout.close()
        cls.folder.cleanup()

    def test_readme(self):
        self.follow("README.md")

    def test_api_guide(self):
        self.follow("docs/api.md")

    def test_what_start_says_to_try(self):
        commands = [line[2:] for line in self.told.splitlines() if line.startswith("  ")]
        self.assertGreater(len(commands), 3, self.told)
        setup_id = ""
        for command in commands:
            with self.subTest(command=command):
                # In place of choosing a card on the page.
                result = self.type_in(command.replace("SETUP", f"{setup_id}:pm_card_visa"))
                self.assertEqual(result.returncode, 0, result.stdout + result.stderr)
                begun = re.search(r"cs_simulated_\d+", result.stdout)
                setup_id = begun.group(0) if begun else setup_id


if __name__ == "__main__":
    BINARIES, DEMO = (os.path.abspath(folder) for folder in sys.argv[1:3])
    unittest.main(argv=sys.argv[:1])
