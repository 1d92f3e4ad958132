"""Runs clang-tidy over the compile commands of the clang preset, in parallel.

A source that was clean is not looked at again until its preprocessed text, the checks or
clang-tidy itself change: the digests of clean sources are kept in .cache/clang-tidy.
"""

import concurrent.futures
import hashlib
import json
import os
import shlex
import subprocess
import sys

CLANG_TIDY = "clang-tidy-14"


def configure(top):
    """Configures the clang preset and generates the code that sources include."""
    subprocess.run(["cmake", "--preset", "clang"], cwd=top, check=True,
                   stdout=subprocess.DEVNULL)
    subprocess.run(["cmake", "--build", "--preset", "clang", "--target", "farebox_protos"],
                   cwd=top, check=True, stdout=subprocess.DEVNULL)
    with open(f"{top}/build/clang/compile_commands.json", encoding="utf-8") as file:
        return json.load(file)


def digest(command, salt):
    """A digest of all that clang-tidy would see, or None where it does not compile."""
    arguments = shlex.split(command["command"])
    if "-o" in arguments:
        position = arguments.index("-o")
        del arguments[position:position + 2]
    preprocessed = subprocess.run([*arguments, "-E", "-C"], cwd=command["directory"],
                                  capture_output=True, check=False)
    if preprocessed.returncode != 0:
        return None
    return hashlib.sha256(salt + preprocessed.stdout).hexdigest()


def tidy_one(top, command, salt):
    """Returns (source, output); the output of a clean source is empty."""
    source = os.path.relpath(command["file"], top)
    key = digest(command, salt)
    stamp = f"{top}/.cache/clang-tidy/{key}"
    if key and os.path.exists(stamp):
        return source, ""
    result = subprocess.run([CLANG_TIDY, "-p", f"{top}/build/clang", "--quiet", source], cwd=top,
                            capture_output=True, text=True, check=False)
    if result.returncode != 0 or "warning:" in result.stdout:
        return source, result.stdout or result.stderr
    if key:
        with open(stamp, "w", encoding="utf-8"):
            pass
    return source, ""


def run(top, folders):
    os.makedirs(f"{top}/.cache/clang-tidy", exist_ok=True)
    commands = [command for command in configure(top)
                if not os.path.relpath(command["file"], top).startswith("build/")]
    if folders:
        wanted = tuple(os.path.relpath(folder, top) for folder in folders)
        commands = [command for command in commands
                    if os.path.relpath(command["file"], top).startswith(wanted)]
    with open(f"{top}/.clang-tidy", "rb") as file:
        salt = file.read()
    salt += subprocess.run([CLANG_TIDY, "--version"], capture_output=True, check=True).stdout
    dirty = 0
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        pending = [pool.submit(tidy_one, top, command, salt) for command in commands]
        for done in concurrent.futures.as_completed(pending):
            source, output = done.result()
            if output:
                dirty += 1
                print(f"== {source}\n{output}", flush=True)
    print(f"clang-tidy: {len(commands)} sources, {dirty} with findings", file=sys.stderr)
    return 1 if dirty else 0
