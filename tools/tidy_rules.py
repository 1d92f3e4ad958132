"""The rules of tools/tidy: each takes one file and yields (line number, message).

A rule sees a Source: the text as it is, and as `code` the same text with comments and the contents
of strings and characters blanked out, so that both have the same lines and columns.
"""

import ast
import os
import re

COLUMNS_MAX = 100
FILE_LINES_MAX = 500
FUNCTION_LINES_MAX = 70

CPP = (".h", ".cc")
TOP_LEVEL = {
    "CHANGELOG.md", "CMakeLists.txt", "CMakePresets.json", "CONTRIBUTING.md", "LICENSE",
    "README.md", "client", "docs", "protos", "server", "storage", "tests", "tools",
}

# The ledger without the engine below it.
LEDGER = ("storage/", "!storage/sqlite/")
# What those need of the base who know nothing of calls.
WITHOUT_CALLS = tuple(f"server/base/{name}.h" for name in (
    "account_settings", "document_kinds", "due_thread", "failed_work", "lanes", "limits", "log"))
RECHARGE = ("server/mail/", "server/outbox/", "server/recharge/", "farebox/stored/", "farebox/v1/",
            *WITHOUT_CALLS)

# Which parts of the project a folder or file may include, but for what has "!" before it: the
# longest match decides. These are the arrows of docs/architecture.md.
MAY_INCLUDE = {
    "storage/": LEDGER,
    "storage/sqlite/": ("storage/",),
    "server/": ("server/", "storage/", "farebox/", "google/"),
    "server/base/": ("server/base/", "server/rating/", "farebox/", "google/", *LEDGER),
    "server/rating/": ("server/rating/", "storage/check.h", "storage/micros.h",
                       "storage/status_macros.h"),
    "server/transport/": ("server/base/limits.h", "server/base/log.h", "server/transport/",
                          "storage/check.h", "storage/mutex.h", "storage/status_macros.h",
                          "storage/thread.h"),
    "server/mail/": ("server/base/limits.h", "server/mail/", "server/rating/utf8.h",
                     "storage/check.h", "storage/clock.h", "storage/micros.h",
                     "storage/status_macros.h"),
    "server/outbox/": ("server/mail/", "server/outbox/", "farebox/stored/", *WITHOUT_CALLS,
                       *LEDGER),
    "server/recharge/": (*RECHARGE, *LEDGER),
    "server/recharge/simulated_store.": (*RECHARGE, "storage/"),
    "server/numbers/": ("server/mail/", "server/numbers/", "server/outbox/", "farebox/stored/",
                        "farebox/v1/", *WITHOUT_CALLS, *LEDGER),
    "server/notices/": ("server/notices/", "server/outbox/", "server/recharge/", "farebox/stored/",
                        *WITHOUT_CALLS, *LEDGER),
    "server/security/": ("server/security/", "farebox/", "server/base/", *LEDGER),
    "server/metrics/": ("server/mail/", "server/metrics/", "server/outbox/", "server/security/",
                        "farebox/stored/", "server/base/", *LEDGER),
    "server/services/": ("server/backups.h", "server/mail/", "server/metrics/", "server/numbers/",
                         "server/rating/", "server/recharge/", "server/security/",
                         "server/services/", "server/transport/", "server/base/", "farebox/",
                         "google/", *LEDGER),
    "server/web/": ("server/recharge/", "server/security/", "server/services/",
                    "server/transport/", "server/web/", "google/", "server/base/", *LEDGER),
    "server/hand_over/": ("server/access.h", "server/backups.h", "server/config.h",
                          "server/hand_over/", "server/payment_provider.h", "server/transport/",
                          "storage/", "server/base/"),
    "client/": ("client/", "farebox/v1/", "google/"),
    "tests/": ("tests/", "client/", "server/", "storage/", "farebox/", "google/", "tools/"),
    "tools/": ("tools/", "tests/support/", "client/", "server/", "storage/", "farebox/", "google/"),
}
OURS = ("client/", "farebox/", "google/rpc/", "server/", "storage/", "tests/", "tools/")
GRPC_USERS = ("server/base/serving_state.", "server/grpc_setup.", "server/server.",
              "server/security/", "server/services/", "server/transport/", "server/web/", "client/",
              "tests/", "tools/")
# Small enough for the rest of server/: the codes and the status, without the library.
GRPC_STATUS = "grpcpp/support/status"

# Real time is passed to what is inside, and asked for only by what drives it from outside.
TIMELESS = ("storage/", "server/", "tests/rating/", "tests/server/", "tests/storage/")
CLOCK = "storage/clock.cc"
LIBRARIES = ("storage/", "server/", "client/cpp/")
EXACT_MONEY = ("storage/", "server/rating/", "protos/")

# (name, pattern, folders it holds for, files it does not hold for, message)
BANNED = (
    ("wall-clock",
     r"\babsl::Now\s*\(|(?<![\w.>])time\s*\(\s*(?:nullptr|NULL|0|&)|\bgettimeofday\s*\("
     r"|\bclock_gettime\s*\(|\bsystem_clock::now\b",
     TIMELESS, (CLOCK,), "ask the Clock that was handed in"),
    ("sleep",
     r"\babsl::SleepFor\s*\(|\bsleep_(?:for|until)\b|(?<![\w.>])u?sleep\s*\(|\bnanosleep\s*\(",
     TIMELESS, (CLOCK,), "wait for what is meant, or ask the Clock that was handed in"),
    ("float", r"\b(?:double|float)\b", EXACT_MONEY, (), "money and rates are exact integers"),
    ("string-view", r"\bstd::string_view\b", ("",), (), "here it is absl::string_view"),
    ("assert", r"(?<![\w.>])assert\s*\(", ("",), (), "FAREBOX_CHECK holds in release too"),
    ("throw", r"\bthrow\b", ("",), (), "errors are absl::Status"),
    ("printf", r"(?<![\w.>])[fv]{0,2}printf\s*\(|\bstd::(?:cout|cerr)\b", LIBRARIES,
     ("server/config.cc", "server/main.cc", "storage/check.h"),
     "libraries do not talk to the terminal"),
)

# Written in two parts so that this file does not find itself.
LEFTOVERS = re.compile(
    r"\b(?:TO" r"DO|FIX" r"ME|HA" r"CK|W" r"IP|DO NOT " r"SUBMIT)\b|\bX" r"XX[:(]"
    r"|^#\s*if\s+" r"0\b|^(?:<{7}|={7}|>{7})(?:\s|$)")
VAGUE_NAMES = re.compile(r"(?:^|_)(?:manager|helpers?|utils?|common|misc)(?:_|$)")
IS_SHELL = re.compile(r"#!\S*[/ ](?:env )?(?:ba)?sh\n")
IS_PYTHON = re.compile(r"#!\S*[/ ](?:env )?python3\n")
ALLOW = re.compile(r"(?://|#) tidy: allow\(([a-z-]+)\): \S")


def blank(match):
    """Spaces in place of a comment; quotes and spaces in place of a string."""
    text = match.group(0)
    inside = re.sub(r"[^\n]", " ", text[1:-1])
    return text[0] + inside + text[-1] if text[0] in "\"'" else re.sub(r"[^\n]", " ", text)


CPP_NOISE = re.compile(
    r"//[^\n]*|/\*.*?\*/|(?<!include )\"(?:\\.|[^\"\\\n])*\"|(?<![0-9a-fA-F])'(?:\\.|[^'\\\n])+'",
    re.DOTALL)
RAW_STRING = re.compile(r'\bR"(\w*)\((.*?)\)\1"', re.DOTALL)


def code_of(path, text):
    if not path.endswith(CPP + (".proto",)):
        return text
    text = RAW_STRING.sub(lambda m: '"' + re.sub(r"[^\n]", " ", m.group(0)[1:-1]) + '"', text)
    return CPP_NOISE.sub(blank, text)


class Source:
    """One file, read once."""

    def __init__(self, path, text):
        self.path = path
        self.text = text
        self.lines = text.split("\n")
        if self.lines[-1] == "":
            self.lines.pop()
        self.code = code_of(path, text)
        self.code_lines = self.code.split("\n")

    def allows(self, number, rule):
        """Whether the line, or a comment line above it, carries `tidy: allow(rule): reason`."""
        for line in self.lines[max(0, number - 2):number]:
            match = ALLOW.search(line)
            if match and match.group(1) == rule:
                return True
        return False


def longest(table, path):
    keys = [key for key in table if path.startswith(key)]
    return table[max(keys, key=len)] if keys else None


def may_include(allowed, included):
    """Of the entries that match, the longest decides."""
    matches = [entry for entry in allowed if included.startswith(entry.lstrip("!"))]
    return bool(matches) and not max(matches, key=lambda e: len(e.lstrip("!"))).startswith("!")


def include_direction(source):
    if not source.path.endswith(CPP):
        return
    allowed = longest(MAY_INCLUDE, source.path)
    for number, line in enumerate(source.code_lines, 1):
        match = re.match(r'\s*#\s*include\s+(["<])([^">]+)', line)
        if not match:
            continue
        included = match.group(2)
        if included.startswith(OURS) and not may_include(allowed or (), included):
            yield number, f"must not know {included}"
        is_grpc = included.startswith("grpc") or included.endswith(".grpc.pb.h")
        is_status = included.startswith(GRPC_STATUS) and "farebox/" in (allowed or ())
        if is_grpc and not is_status and not source.path.startswith(GRPC_USERS):
            yield number, "gRPC headers belong to " + ", ".join(GRPC_USERS)
        if match.group(1) == '"' and "/" not in included:
            yield number, f"include {included} by its path from the top"


def banned_calls(source):
    if not source.path.endswith(CPP + (".proto",)):
        return
    for name, pattern, folders, exempt, message in BANNED:
        if not source.path.startswith(folders) or source.path in exempt:
            continue
        for number, line in enumerate(source.code_lines, 1):
            found = re.search(pattern, line)
            if found and not source.allows(number, name):
                yield number, f"{name}: {found.group(0).strip()}: {message}"


def include_guard(source):
    if not source.path.endswith(".h"):
        return
    guard = "FAREBOX_" + re.sub(r"[^A-Z0-9]", "_", source.path.upper()) + "_"
    directives = [line.split("//")[0].strip() for line in source.lines if line.startswith("#")]
    if directives[:2] != [f"#ifndef {guard}", f"#define {guard}"] or directives[-1] != "#endif":
        yield 1, f"the include guard is {guard}"


def line_length(source):
    if IS_SHELL.match(source.text):
        return  # JSON in a command is one line
    for number, line in enumerate(source.lines, 1):
        if len(line) > COLUMNS_MAX and not re.search(r"https?://\S+$", line):
            yield number, f"{len(line)} columns of {COLUMNS_MAX}"


def file_length(source):
    if not source.path.endswith(".proto") and len(source.lines) > FILE_LINES_MAX:
        yield len(source.lines), f"{len(source.lines)} lines of {FILE_LINES_MAX} in a file"


def whitespace(source):
    for number, line in enumerate(source.lines, 1):
        if line != line.rstrip() or "\t" in line:
            yield number, "white space at the end of the line, or a tab"
    if source.text and not source.text.endswith("\n") or source.text.endswith("\n\n"):
        yield len(source.lines), "a file ends with one newline"


def leftovers(source):
    for number, line in enumerate(source.lines, 1):
        if LEFTOVERS.search(line):
            yield number, "a leftover: finish it or take it out"


def file_name(source):
    stem = os.path.basename(source.path).split(".")[0].lower()
    if VAGUE_NAMES.search(stem):
        yield 1, f"{stem} does not say what it is"


def closing_brace(code, start):
    depth = 0
    for position in range(start, len(code)):
        if code[position] == "{":
            depth += 1
        elif code[position] == "}":
            depth -= 1
            if depth == 0:
                return position
    return len(code) - 1


IS_SCOPE = re.compile(
    r"^\s*(?:template\s*<.*>\s*)?(?:inline\s+)?(?:namespace|class|struct|union|enum|extern)\b",
    re.DOTALL)
IN_INITIALISERS = re.compile(r"\)\s*(?:noexcept\s*)?:(?!:).*[\w>]\s*$", re.DOTALL)


def cpp_functions(code):
    """Yields (start, end) offsets of the functions at namespace and class scope."""
    code = re.sub(r"^[ \t]*#(?:[^\n\\]|\\.)*", lambda m: re.sub(r"[^\n]", " ", m.group(0)), code,
                  flags=re.MULTILINE | re.DOTALL)
    head_start = position = 0
    while position < len(code):
        if code[position] in ";}":
            head_start = position + 1
        elif code[position] == "{":
            head = code[head_start:position]
            head = re.sub(r"^\s*(?:(?:public|protected|private)\s*:\s*)+", "", head)
            if IN_INITIALISERS.search(head):
                position = closing_brace(code, position)
            elif IS_SCOPE.match(head):
                head_start = position + 1
            else:
                end = closing_brace(code, position)
                if "(" in head:
                    yield head_start + len(head) - len(head.lstrip()), end
                position = head_start = end
                head_start += 1
        position += 1


def function_length(source):
    spans = []
    if source.path.endswith(CPP):
        for start, end in cpp_functions(source.code):
            skipped = len(source.code[start:]) - len(source.code[start:].lstrip())
            first = source.code.count("\n", 0, start + skipped) + 1
            spans.append((first, source.code.count("\n", 0, end) + 1))
    elif source.path.endswith(".py") or IS_PYTHON.match(source.text):
        for node in ast.walk(ast.parse(source.text)):
            if isinstance(node, ast.FunctionDef):
                spans.append((node.lineno, node.end_lineno))
    for first, last in spans:
        if last - first + 1 > FUNCTION_LINES_MAX:
            yield first, f"{last - first + 1} lines of {FUNCTION_LINES_MAX} in a function"


RULES = (include_direction, banned_calls, include_guard, line_length, file_length, whitespace,
         leftovers, file_name, function_length)

# Prose and data are not held to the manners of code.
PROSE = (".md", ".txt", ".csv", ".json", "LICENSE", ".svg")
BUILD_FILE = "CMakeLists.txt"


def check(path, text):
    """All findings in one file, as (line number, rule name, message)."""
    source = Source(path, text)
    is_prose = path.endswith(PROSE) and not path.endswith(BUILD_FILE)
    rules = (leftovers, whitespace) if is_prose else RULES
    is_written = not path.endswith((".csv", ".svg")) and not path.startswith("tests/fuzz/corpus/")
    if path == "LICENSE" or not is_written:
        rules = ()
    for rule in rules:
        for number, message in rule(source):
            name = rule.__name__.replace("_", "-")
            if not source.allows(number, name):
                yield number, name, message


def check_top_level(entries):
    """Entries of the top folder that are neither part of the tree nor hidden."""
    return sorted(entry for entry in entries
                  if not entry.startswith(".") and entry not in TOP_LEVEL)
