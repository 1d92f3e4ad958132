"""The machine that is measured on."""

import os
import pathlib
import platform
import statistics
import time


def description():
    model = "unknown processor"
    with open("/proc/cpuinfo", encoding="utf-8") as info:
        for line in info:
            if line.startswith("model name"):
                model = line.split(":", 1)[1].strip()
                break
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return f"{os.cpu_count()} x {model}, {memory:.0f} GiB, Linux {platform.release()}"


def sync_micros(directory, count=400):
    """Median time of a 16 KiB write and fdatasync in this directory."""
    path = pathlib.Path(directory) / "sync-probe"
    fd = os.open(path, os.O_CREAT | os.O_WRONLY)
    times = []
    for _ in range(count):
        start = time.perf_counter()
        os.write(fd, b"\0" * 16384)
        os.fdatasync(fd)
        times.append((time.perf_counter() - start) * 1e6)
    os.close(fd)
    path.unlink()
    return statistics.median(times)
