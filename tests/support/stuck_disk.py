"""A disk that holds a server's writer up: failing_disk, the library that is preloaded into it."""

import mmap
import os
import pathlib
import struct
import tempfile
import time

# disk_fault_plan.h: two DiskCallPlans, of syncs and of writes, and where their fields are.
PLAN_BYTES, SYNCS, WRITES = 128, 0, 64
FILES, CALLS, DELAY_MICROS = 0, 8, 48
JOURNAL_LOG = 1


class StuckDisk:
    """Until close(). `environment` is what a server is started with."""

    def __init__(self, library):
        self.directory = tempfile.TemporaryDirectory(prefix="farebox-disk-")
        path = pathlib.Path(self.directory.name) / "disk-faults"
        path.write_bytes(bytes(PLAN_BYTES))
        with path.open("r+b") as file:
            self.plan = mmap.mmap(file.fileno(), PLAN_BYTES)
        # A sanitized server would rather have nothing before its sanitizer.
        self.environment = {**os.environ, "LD_PRELOAD": str(library),
                            "FAREBOX_DISK_FAULTS": str(path),
                            "ASAN_OPTIONS": "verify_asan_link_order=0"}

    def close(self):
        self.plan.close()
        self.directory.cleanup()

    def hold(self, seconds):
        """Commits take so long from now on."""
        struct.pack_into("=q", self.plan, WRITES + CALLS, 0)
        struct.pack_into("=I", self.plan, WRITES + FILES, JOURNAL_LOG)
        struct.pack_into("=q", self.plan, SYNCS + DELAY_MICROS, int(seconds * 1_000_000))
        struct.pack_into("=I", self.plan, SYNCS + FILES, JOURNAL_LOG)

    def wait_for_commit(self, patience):
        """Returns when one is being written: what is asked for after that is not in it."""
        give_up = time.monotonic() + patience
        while struct.unpack_from("=q", self.plan, WRITES + CALLS)[0] == 0:
            if time.monotonic() > give_up:
                raise TimeoutError("nothing is written")
            time.sleep(0.001)

    def let_go(self):
        """Of the commits after the one that is held."""
        struct.pack_into("=I", self.plan, SYNCS + FILES, 0)
