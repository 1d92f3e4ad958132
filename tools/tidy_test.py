#!/usr/bin/python3
"""tidy finds a bad snippet for each of its rules, and leaves good ones alone."""

import sys
import unittest

sys.dont_write_bytecode = True
import tidy_rules  # noqa: E402

# Put together here so that tidy does not find them in its own test.
UNFINISHED = "TO" + "DO"
CONFLICT = "<" * 7 + " ours"


def function_of(lines, head="int Sum(int n) {"):
    return "\n".join([head] + ["  ++n;"] * (lines - 2) + ["}"]) + "\n"


def header(guard, body=""):
    return f"#ifndef {guard}\n#define {guard}\n{body}#endif  // {guard}\n"


# (rule, path, text): each must be found, by that rule and no other.
BAD = (
    ("include-direction", "storage/a.cc", '#include "server/rating/tariff.h"\n'),
    ("include-direction", "storage/a.cc", '#include "farebox/v1/entry.pb.h"\n'),
    ("include-direction", "storage/a.cc", '#include "storage/sqlite/statement.h"\n'),
    ("include-direction", "server/base/log.cc", '#include "server/services/a.h"\n'),
    ("include-direction", "server/outbox/a.cc", '#include "server/recharge/a.h"\n'),
    ("include-direction", "server/outbox/a.cc", '#include "server/base/errors.h"\n'),
    ("include-direction", "server/recharge/a.cc", '#include "server/notices/a.h"\n'),
    ("include-direction", "server/recharge/a.cc", '#include "server/services/a.h"\n'),
    ("include-direction", "server/recharge/a.cc", '#include "storage/sqlite/statement.h"\n'),
    ("include-direction", "server/numbers/a.cc", '#include "server/recharge/a.h"\n'),
    ("include-direction", "server/notices/a.cc", '#include "server/numbers/a.h"\n'),
    ("include-direction", "server/security/a.cc", '#include "server/services/a.h"\n'),
    ("include-direction", "server/metrics/a.cc", '#include "server/services/a.h"\n'),
    ("include-direction", "server/services/a.cc", '#include "server/web/a.h"\n'),
    ("include-direction", "server/services/a.cc", '#include "server/server.h"\n'),
    ("include-direction", "server/web/a.cc", '#include "server/metrics/a.h"\n'),
    ("include-direction", "server/hand_over/a.cc", '#include "server/services/a.h"\n'),
    ("include-direction", "server/rating/a.cc", '#include "storage/ledger.h"\n'),
    ("include-direction", "server/rating/a.cc", '#include "server/services/a.h"\n'),
    ("include-direction", "server/mail/a.cc", '#include "storage/ledger.h"\n'),
    ("include-direction", "server/mail/a.cc", '#include "server/base/log.h"\n'),
    ("include-direction", "server/a.cc", '#include "client/cpp/client.h"\n'),
    ("include-direction", "client/cli/a.cc", '#include "storage/micros.h"\n'),
    ("include-direction", "client/cli/a.cc", '#include "farebox/stored/v1/stored.pb.h"\n'),
    ("include-direction", "server/a.cc", "#include <grpcpp/grpcpp.h>\n"),
    ("include-direction", "storage/a.cc", "#include <grpcpp/support/status.h>\n"),
    ("include-direction", "server/recharge/a.cc", "#include <grpcpp/support/status.h>\n"),
    ("include-direction", "server/a.cc", '#include "farebox/v1/billing.grpc.pb.h"\n'),
    ("include-direction", "storage/a.cc", '#include "micros.h"\n'),
    ("banned-calls", "server/a.cc", "auto t = absl::Now();\n"),
    ("banned-calls", "tests/storage/a.cc", "auto t = time(nullptr);\n"),
    ("banned-calls", "server/a.cc", "auto t = std::chrono::system_clock::now();\n"),
    ("banned-calls", "storage/a.cc", "gettimeofday(&now, nullptr);\n"),
    ("banned-calls", "tests/storage/a.cc", "absl::SleepFor(absl::Seconds(1));\n"),
    ("banned-calls", "tests/server/a.cc", "std::this_thread::sleep_for(1s);\n"),
    ("banned-calls", "tests/rating/a.cc", "usleep(10);\n"),
    ("banned-calls", "storage/a.h",
     header("FAREBOX_STORAGE_A_H_", "double rate = 0;\n")),
    ("banned-calls", "server/rating/a.cc", "float rate = 0;\n"),
    ("banned-calls", "protos/farebox/v1/a.proto", "message A {\n  double rate = 1;\n}\n"),
    ("banned-calls", "server/a.cc", "void Take(std::string_view name);\n"),
    ("banned-calls", "storage/a.cc", "assert(n > 0);\n"),
    ("banned-calls", "server/a.cc", "throw 1;\n"),
    ("banned-calls", "server/services/a.cc", 'std::printf("no");\n'),
    ("banned-calls", "client/cpp/a.cc", 'std::cerr << "no";\n'),
    ("include-guard", "server/web/page.h", header("PAGE_H_")),
    ("include-guard", "server/web/page.h", "#pragma once\n"),
    ("line-length", "server/a.cc", "// " + "x" * 98 + "\n"),
    ("line-length", "server/CMakeLists.txt", "# " + "x" * 99 + "\n"),
    ("file-length", "server/a.cc", "int a;\n" * 501),
    ("whitespace", "server/a.cc", "int a; \n"),
    ("whitespace", "docs/a.md", "a\tb\n"),
    ("whitespace", "docs/a.md", "no newline"),
    ("leftovers", "server/a.cc", f"// {UNFINISHED}: later\n"),
    ("leftovers", "docs/a.md", CONFLICT + "\n"),
    ("leftovers", "server/a.cc", "#if " + "0\n"),
    ("file-name", "server/account_manager.cc", "int a;\n"),
    ("file-name", "tests/string_utils.cc", "int a;\n"),
    ("function-length", "server/a.cc", function_of(71)),
    ("function-length", "server/a.cc", "namespace a {\n" + function_of(71) + "}\n"),
    ("function-length", "server/a.cc", function_of(71, "A::A(int n) : a_{n}, b_(n) {")),
    ("function-length", "server/a.cc",
     "class A {\n public:\n" + function_of(71, "  int Sum(int n) const override {") + "};\n"),
    ("function-length", "tools/a", "#!/usr/bin/env python3\ndef a():\n" + "    print()\n" * 70),
    ("function-length", "tools/a.py", "def a():\n" + "    print()\n" * 70),
)

GOOD = (
    ("storage/a.cc", '#include "storage/micros.h"\n#include "absl/status/status.h"\n'),
    ("server/rating/a.cc", '#include "storage/micros.h"\n#include "storage/check.h"\n'),
    ("storage/sqlite/a.cc", '#include "storage/sqlite/a.h"\n#include "storage/journal.h"\n'),
    ("server/base/errors.h", header("FAREBOX_SERVER_BASE_ERRORS_H_",
                               '#include "google/rpc/status.pb.h"\n')),
    ("server/recharge/simulated_store.cc", '#include "storage/sqlite/statement.h"\n'),
    ("server/notices/a.cc", '#include "server/recharge/a.h"\n#include "server/base/limits.h"\n'),
    ("server/services/a.cc", '#include "server/base/errors.h"\n#include "server/numbers/a.h"\n'),
    ("server/web/a.cc", '#include "server/services/a.h"\n#include "server/base/serving_state.h"\n'),
    ("server/a.cc", '#include "server/web/a.h"\n#include "storage/sqlite/statement.h"\n'),
    ("server/services/a.cc", '#include "farebox/v1/billing.grpc.pb.h"\n'),
    ("tests/a.cc", "#include <grpcpp/grpcpp.h>\n"),
    ("storage/clock.cc", "absl::Time Now() { return absl::Now(); }\n"),
    ("tests/end_to_end/a.cc", "auto deadline = std::chrono::system_clock::now();\n"),
    ("server/a.cc", "#include <grpcpp/support/status.h>\n"),
    ("server/a.cc", "// XXX is ISO 4217 for no currency.\n"),
    ("tests/a.sh", "#!/bin/bash\n" + "x" * 101 + "\n"),
    ("server/a.cc", "double seconds = absl::ToDoubleSeconds(elapsed);\n"),
    ("storage/a.cc", "// A double entry; time(nullptr) is not asked, nothing is thrown: throw.\n"),
    ("storage/a.cc", 'const char kText[] = "double time(nullptr) \\" throw";\n'),
    ("storage/a.cc", 'const char kSql[] = R"(SELECT time(0), "float")";\n'),
    ("storage/a.cc", "const char kQuote = '\"'; int big = 1'000'000;\n"),
    ("server/a.cc", "auto expire_time = entry.time(0); snprintf(text, 4, format);\n"),
    ("server/web/page.h", header("FAREBOX_SERVER_WEB_PAGE_H_")),
    ("server/a.cc", "int a = sleep(1);  // tidy: allow(banned-calls): nothing to wait for\n"),
    ("server/a.cc", "// tidy: allow(sleep): nothing to wait for\nint a = sleep(1);\n"),
    ("docs/a.md", "One long line of prose " + "and more " * 20 + "end.\n"),
    ("server/a.cc", function_of(70) + function_of(70)),
    ("server/a.cc", "class A {\n" + "  int a_;\n" * 80 + "};\n"),
    ("server/a.cc", "const int kTable[] = {\n" + "  1,\n" * 80 + "};\n"),
    ("client/CMakeLists.txt", ""),
)


class Tidy(unittest.TestCase):

    def test_finds_each_bad_snippet(self):
        for rule, path, text in BAD:
            with self.subTest(rule=rule, path=path, text=text[:70]):
                self.assertEqual({found[1] for found in tidy_rules.check(path, text)}, {rule})

    def test_leaves_good_ones_alone(self):
        for path, text in GOOD:
            with self.subTest(path=path, text=text[:70]):
                self.assertEqual(list(tidy_rules.check(path, text)), [])

    def test_has_a_bad_snippet_for_every_rule(self):
        rules = {rule.__name__.replace("_", "-") for rule in tidy_rules.RULES}
        self.assertEqual({rule for rule, _, _ in BAD}, rules)

    def test_has_a_bad_snippet_for_every_banned_call(self):
        found = {message.split(":")[0] for rule, path, text in BAD if rule == "banned-calls"
                 for _, _, message in tidy_rules.check(path, text)}
        self.assertEqual(found, {banned[0] for banned in tidy_rules.BANNED})

    def test_names_the_line(self):
        text = "int a;\n\nauto t = absl::Now();\n"
        self.assertEqual([found[0] for found in tidy_rules.check("server/a.cc", text)], [3])

    def test_wants_a_reason_for_an_exemption(self):
        text = "int a = sleep(1);  // tidy: allow(sleep):\n"
        self.assertTrue(list(tidy_rules.check("server/a.cc", text)))

    def test_finds_strangers_at_the_top(self):
        self.assertEqual(
            tidy_rules.check_top_level({"storage", "README.md", ".ci", "notes.txt", "lib"}),
            ["lib", "notes.txt"])


if __name__ == "__main__":
    unittest.main()
