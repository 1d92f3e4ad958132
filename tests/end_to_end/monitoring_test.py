#!/usr/bin/python3
"""Asks a real server for its figures, and looks whether what is made of them holds: they are as
Prometheus wants them, and every expression of the dashboard and of the alerts can be read and is
about series that there are.

Usage: monitoring_test.py BINARY_DIRECTORY PROMTOOL
"""

import json
import os
import re
import socket
import ssl
import subprocess
import sys
import tempfile
import time
import unittest
import urllib.request

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
MONITORING = os.path.join(TOP, "tools/monitoring")
NAME = re.compile(r"\b(?:farebox|process)_[a-z0-9_]+")
# What a histogram's series have behind its name.
PART = re.compile(r"_(?:bucket|sum|count)$")
# More series than this of one family would be more than the server has RPCs and codes for.
SERIES_MAX = 1_000
# Counters whose series begin with what they count, which does not happen here.
AWAITED = {"farebox_blocked_handlers_total", "farebox_recharge_attempts_total"}


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Server:
    """The program, with TLS, a payment provider and mails, on a ledger of its own."""

    def __init__(self, binaries):
        self.binaries = binaries
        self.folder = tempfile.TemporaryDirectory(prefix="farebox-monitoring-")
        work = self.folder.name
        self.certificate = os.path.join(work, "server.pem")
        self.key = os.path.join(work, "server.key")
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
             "-nodes", "-days", "30", "-subj", "/CN=localhost", "-addext",
             "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", self.key, "-out",
             self.certificate],
            check=True, capture_output=True)
        self.http_port = free_port()
        port_file = os.path.join(work, "port")
        self.log = open(os.path.join(work, "log"), "w+", encoding="utf-8")
        self.process = subprocess.Popen(
            [os.path.join(binaries, "farebox-server"), "--data", os.path.join(work, "ledger"),
             "--listen", "127.0.0.1:0", "--port-file", port_file, "--tls-cert", self.certificate,
             "--tls-key", self.key, "--http-listen", f"127.0.0.1:{self.http_port}", "--payments",
             "simulated", "--mail", "smtp", "--smtp-host", "127.0.0.1", "--smtp-port",
             # Nobody listens there.
             str(free_port()), "--smtp-security", "none", "--mail-from", "billing@example.org"],
            stderr=self.log)
        deadline = time.monotonic() + 60
        while not os.path.exists(port_file):
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError("the server does not start")
            time.sleep(0.05)
        with open(port_file, encoding="utf-8") as file:
            self.address = f"localhost:{file.read().strip()}"

    def farebox(self, *arguments):
        """What the command says; whether it succeeds is its own matter."""
        return subprocess.run(
            [os.path.join(self.binaries, "farebox"), "--server", self.address, "--tls-ca",
             self.certificate, *arguments], capture_output=True, text=True, check=False)

    def metrics(self):
        context = ssl.create_default_context(cafile=self.certificate)
        url = f"https://localhost:{self.http_port}/metrics"
        with urllib.request.urlopen(url, context=context, timeout=30) as answer:
            return answer.read().decode()

    def close(self):
        self.process.terminate()
        self.process.wait(timeout=60)
        self.log.close()
        self.folder.cleanup()


def families(text):
    """What each family of the page is: "counter", "gauge" or "histogram"."""
    return dict(re.findall(r"^# TYPE (\S+) (\S+)$", text, re.MULTILINE))


def dashboard_expressions():
    with open(os.path.join(MONITORING, "dashboard.json"), encoding="utf-8") as file:
        dashboard = json.load(file)
    found = [(annotation["name"], annotation["expr"])
             for annotation in dashboard["annotations"]["list"]]
    for panel in dashboard["panels"]:
        for target in panel.get("targets", []):
            found.append((panel["title"], target["expr"]))
    return dashboard, found


def alert_expressions():
    with open(os.path.join(MONITORING, "alerts.yml"), encoding="utf-8") as file:
        text = file.read()
    # Each from its name to the next key of the same depth; a list of YAML's own would need a
    # package for it.
    return re.findall(r"- alert: (\w+)\n\s+expr: \|?\s*(.*?)\n\s+(?:for|labels):", text, re.DOTALL)


class Monitoring(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Server(BINARIES)
        cls.addClassCleanup(cls.server.close)
        cls.server.farebox("account", "create", "acme", "--currency", "USD", "--email",
                           "owner@example.org", "--low-balance", "30")
        cls.server.farebox("account", "create", "jane", "--currency", "EUR")
        cls.server.farebox("credit", "acme", "40")
        cls.server.farebox("debit", "acme", "--amount", "20", "--item", "adjustment")
        cls.server.farebox("debit", "acme", "--amount", "50", "--item", "adjustment")
        # The owner is to be told of the low balance; the mail server is away.
        deadline = time.monotonic() + 60
        while 'farebox_mail_tries_total{outcome="delayed"}' not in cls.server.metrics():
            if time.monotonic() > deadline:
                raise RuntimeError("no mail is tried")
            time.sleep(0.1)
        cls.text = cls.server.metrics()
        cls.families = families(cls.text)

    def value(self, series):
        match = re.search(rf"^{re.escape(series)} (\S+)$", self.text, re.MULTILINE)
        self.assertIsNotNone(match, f"{series} is not there")
        return float(match.group(1))

    def test_promtool_finds_nothing_wrong_with_the_page(self):
        checked = subprocess.run([PROMTOOL, "check", "metrics"], input=self.text, text=True,
                                 capture_output=True, check=False)

        self.assertEqual(checked.stdout + checked.stderr, "")
        self.assertEqual(checked.returncode, 0)

    def test_figures_tell_what_was_done(self):
        self.assertEqual(self.value('farebox_balance_money{currency="USD"}'), 20)
        self.assertEqual(self.value('farebox_balance_money{currency="EUR"}'), 0)
        self.assertEqual(self.value('farebox_entries_by_kind_total{kind="credit"}'), 1)
        self.assertEqual(self.value('farebox_declines_total{reason="INSUFFICIENT_BALANCE"}'), 1)
        self.assertEqual(self.value("farebox_mails_waiting"), 1)
        self.assertGreater(self.value("farebox_mail_waiting_seconds_max"), 0)
        self.assertEqual(self.value("farebox_recharge_attempts_open"), 0)
        self.assertGreater(self.value("process_cpu_seconds_total"), 0)
        self.assertGreater(self.value("process_max_fds"), self.value("process_open_fds"))
        days = (self.value("farebox_certificate_expiry_timestamp_seconds") - time.time()) / 86400
        self.assertGreater(days, 28)
        self.assertLess(days, 31)

    def await_line(self, line):
        deadline = time.monotonic() + 60
        while f"\n{line}\n" not in self.server.metrics():
            self.assertLess(time.monotonic(), deadline, f"{line} does not come")
            time.sleep(0.05)

    def test_a_key_that_cannot_be_used_is_told_until_it_is_mended(self):
        with open(self.server.key, "r+", encoding="utf-8") as file:
            key = file.read()
            self.await_line("farebox_certificate_refused 0")

            for contents, refused in (("junk", 1), (key, 0)):
                file.seek(0)
                file.truncate()
                file.write(contents)
                file.flush()
                self.await_line(f"farebox_certificate_refused {refused}")

    def test_every_alert_has_a_line_that_says_what_to_do(self):
        with open(os.path.join(MONITORING, "alerts.yml"), encoding="utf-8") as file:
            alerts = set(re.findall(r"alert: (\w+)", file.read()))
        with open(os.path.join(TOP, "docs/operations.md"), encoding="utf-8") as file:
            section = file.read().split("### When an alert comes", 1)[1].split("\n#", 1)[0]
        self.assertEqual(alerts, set(re.findall(r"`(Farebox\w+)`", section)))

    def test_the_disk_has_its_part_of_each_commit(self):
        commits = self.value("farebox_commit_seconds_count")

        self.assertGreater(commits, 0)
        self.assertEqual(self.value("farebox_sync_seconds_count"), commits)
        self.assertGreater(self.value("farebox_sync_seconds_sum"), 0)
        self.assertLess(self.value("farebox_sync_seconds_sum"),
                        self.value("farebox_commit_seconds_sum"))

    def test_no_caller_can_make_series(self):
        before = len(re.findall(r"^farebox_\w+\{", self.text, re.MULTILINE))

        for i in range(5):
            self.server.farebox("balance", f"nobody-{i}")
            self.server.farebox("account", "create", f"account-{i}", "--currency", "USD")
            self.server.farebox("credit", f"account-{i}", "1")
        after = self.server.metrics()

        self.assertNotIn("nobody-1", after)
        self.assertNotIn("account-1", after)
        grown = len(re.findall(r"^farebox_\w+\{", after, re.MULTILINE)) - before
        # One answer code more, with its histogram.
        self.assertLess(grown, 40)
        self.assertLess(before + grown, SERIES_MAX)

    def check_names(self, expressions):
        for where, expression in expressions:
            for name in set(NAME.findall(expression)) - AWAITED:
                family = name if name in self.families else PART.sub("", name)
                self.assertIn(family, self.families, f"{where}: there is no {name}")
                is_histogram = self.families[family] == "histogram"
                self.assertEqual(is_histogram, family != name, f"{where}: {name}")
                is_rated = re.search(rf"(?:rate|increase)\(\s*{name}\b", expression) is not None
                is_counted = self.families[family] in ("counter", "histogram")
                # A counter by itself is seldom what is meant, nor is the rate of anything else.
                self.assertEqual(is_rated, is_counted, f"{where}: {name}")

    def check_syntax(self, expressions):
        """Each as a rule, which promtool reads."""
        rules = []
        for i, (_, expression) in enumerate(expressions):
            plain = expression.replace("$__rate_interval", "5m").replace("$instance", ".+")
            rules.append({"record": f"expression:number_{i}", "expr": plain})
        with tempfile.NamedTemporaryFile("w", suffix=".yml") as file:
            json.dump({"groups": [{"name": "expressions", "rules": rules}]}, file)  # YAML as well.
            file.flush()
            checked = subprocess.run([PROMTOOL, "check", "rules", file.name], text=True,
                                     capture_output=True, check=False)
        self.assertEqual(checked.returncode, 0, checked.stdout + checked.stderr)
        self.assertIn(f"{len(rules)} rules found", checked.stdout)

    def test_the_dashboard_can_be_imported(self):
        dashboard, _ = dashboard_expressions()

        panels = dashboard["panels"]
        self.assertGreater(len(panels), 30)
        self.assertEqual(len({panel["id"] for panel in panels}), len(panels))
        self.assertEqual([variable["name"] for variable in dashboard["templating"]["list"]],
                         ["datasource", "instance"])
        taken = set()
        for panel in panels:
            at = panel["gridPos"]
            self.assertLessEqual(at["x"] + at["w"], 24, panel["title"])
            for x in range(at["x"], at["x"] + at["w"]):
                for y in range(at["y"], at["y"] + at["h"]):
                    self.assertNotIn((x, y), taken, f"{panel['title']} lies on another")
                    taken.add((x, y))
            if panel["type"] != "row":
                self.assertTrue(panel["targets"], panel["title"])
                self.assertEqual(panel["datasource"]["uid"], "${datasource}")

    def test_the_dashboard_asks_for_what_there_is(self):
        _, expressions = dashboard_expressions()

        self.check_names(expressions)
        self.check_syntax(expressions)

    def test_the_alerts_ask_for_what_there_is(self):
        expressions = alert_expressions()

        with open(os.path.join(MONITORING, "alerts.yml"), encoding="utf-8") as file:
            self.assertEqual(len(expressions), file.read().count("- alert:"))
        self.check_names([(where, expression) for where, expression in expressions
                          if "changes(" not in expression])


if __name__ == "__main__":
    BINARIES, PROMTOOL = sys.argv[1:3]
    unittest.main(argv=sys.argv[:1])
