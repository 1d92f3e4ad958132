#!/usr/bin/python3
"""Somebody reads for as long as the others write, on the real server: its log stays small.

A caller that takes an export slowly must not keep the log from being begun anew, however much is
written meanwhile. Another program that holds a read of the journal does keep it, which shows that
this test would notice; then the log is cut again. Usage: long_reader_test.py DIRECTORY_OF_BINARIES
"""

import pathlib
import sqlite3
import subprocess
import sys
import threading
import time
import unittest

from hyperframe import frame as h2

sys.dont_write_bytecode = True  # the tree stays as it was checked out
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from http2_peer import Connection, Server, framed, method, text  # noqa: E402

BINARIES = pathlib.Path(sys.argv.pop(1))
# storage/sqlite/journal_file.h: kLogBytesKept.
LOG_BYTES_MAX = 64 * 2**20
DEBITS = 1_500_000
# More bytes than a socket and the library take without being read.
LINES_OF_EXPORT = 300_000
EXPORT = method("AccountService/ExportActivity")
ACCOUNT = "bench-0"


class LongReader(unittest.TestCase):

    @classmethod
    def setUpClass(cls):
        cls.server = Server(BINARIES / "farebox-server", stderr=subprocess.DEVNULL)
        cls.folder = pathlib.Path(cls.server.directory.name) / "ledger"
        cls.log = cls.folder / "journal.db-wal"
        cls.load("--prepare")
        # One account has something to read for long.
        cls.write(LINES_OF_EXPORT, accounts=1)

    @classmethod
    def tearDownClass(cls):
        assert cls.server.stop() == 0

    @classmethod
    def load(cls, *options):
        subprocess.run([str(BINARIES / "farebox-load"), f"--server=127.0.0.1:{cls.server.port}",
                        *options], check=True, stdout=subprocess.DEVNULL)

    @classmethod
    def write(cls, debits, accounts=1000):
        """Returns how large the log was at most meanwhile."""
        is_over, sizes = threading.Event(), [0]

        def watch():
            while not is_over.wait(0.02):
                sizes[0] = max(sizes[0], cls.log.stat().st_size)
        watcher = threading.Thread(target=watch)
        watcher.start()
        cls.load("--operation=batch", "--batch-size=500", "--outstanding=4", "--warmup=0",
                 f"--accounts={accounts}", f"--operations={debits}")
        is_over.set()
        watcher.join()
        return sizes[0]

    def test_an_export_that_is_taken_slowly_keeps_the_log_small(self):
        slow = Connection(self.server.port)
        stream = slow.start(slow.headers(EXPORT, grpc_timeout=None))
        slow.data(stream, framed(text(1, ACCOUNT)))
        taken, is_over = [0, 0], threading.Event()

        def take():
            # The stream's window is 64 KiB: some kilobytes of it are given back at a time.
            while not is_over.is_set():
                frame = slow.read()
                if isinstance(frame, h2.DataFrame):
                    taken[0] += len(frame.data)
                    taken[1] += "END_STREAM" in frame.flags
                    is_over.wait(0.2)
                    slow.send(h2.WindowUpdateFrame(stream, window_increment=len(frame.data)))
        reader = threading.Thread(target=take, daemon=True)
        reader.start()

        largest = self.write(DEBITS)

        before = taken[0]
        self.assertGreater(before, 0)
        patience = time.monotonic() + 30
        while taken[0] == before and time.monotonic() < patience:
            time.sleep(0.05)
        self.assertGreater(taken[0], before, "it has been going on all the time")
        self.assertEqual(taken[1], 0)
        self.assertLess(largest, LOG_BYTES_MAX)
        print(f"beside a slow export the log had {largest / 2**20:.1f} MiB at most", flush=True)
        is_over.set()
        reader.join()
        slow.close()

    def test_another_program_that_reads_for_long_lets_the_log_grow_and_it_is_cut_again(self):
        stranger = sqlite3.connect(f"file:{self.folder}/journal.db?mode=ro", uri=True)
        stranger.execute("BEGIN")
        stranger.execute("SELECT count(*) FROM sqlite_schema").fetchone()

        largest = self.write(DEBITS)
        stranger.close()
        self.write(100_000)
        after = self.log.stat().st_size

        print(f"beside another program's read the log had {largest / 2**20:.1f} MiB, "
              f"{after / 2**20:.1f} MiB after it", flush=True)
        self.assertGreater(largest, LOG_BYTES_MAX)
        self.assertLessEqual(after, LOG_BYTES_MAX)


if __name__ == "__main__":
    unittest.main()
