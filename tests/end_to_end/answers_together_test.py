#!/usr/bin/python3
"""Answers of one commit leave together: few segments of TCP for many answers, none held back.

Counts what the kernel received, since only it knows. Usage: answers_together_test.py SERVER_BINARY
"""

import pathlib
import socket
import statistics
import struct
import sys
import time
import unittest

from hyperframe import frame as h2

sys.dont_write_bytecode = True  # the tree stays as it was checked out
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from http2_peer import (  # noqa: E402
    OK, Connection, Server, framed, method, number, open_alice, text)

SERVER_BINARY = pathlib.Path(sys.argv.pop(1))

# As many as a connection has at once.
CALLS = 128
ROUNDS = 20
ITEM_ADJUSTMENT = 11
# tcpi_data_segs_in of struct tcp_info (linux/tcp.h).
SEGMENTS_OFFSET = 152
# Together they are one for some twenty answers; each by itself, one for two.
SEGMENTS_PER_ANSWER_MAX = 0.2
# Whatever is held back and forgotten, the kernel lets go after 0.2 s.
HELD_BACK = 0.15


def segments(connection):
    info = connection.socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 256)
    return struct.unpack_from("I", info, SEGMENTS_OFFSET)[0]


class Burst:
    """Debits that are sent all at once, and how their answers came."""

    def __init__(self, connection, name, calls):
        self.connection = connection
        self.hold_back(True)
        for i in range(calls):
            debit = (text(1, "alice") + text(2, f"{name}-{i}") + number(5, 1) +
                     number(7, ITEM_ADJUSTMENT))
            stream = connection.start(connection.headers(method("BillingService/Debit")))
            connection.data(stream, framed(debit))
        before = segments(connection)
        start = time.monotonic()
        self.hold_back(False)
        self.statuses = [self.next_status() for _ in range(calls)]
        self.seconds = time.monotonic() - start
        self.segments = segments(connection) - before

    def hold_back(self, on):
        self.connection.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, int(on))

    def next_status(self):
        while True:
            frame = self.connection.read()
            if isinstance(frame, h2.HeadersFrame):
                fields = dict(self.connection.decoder.decode(frame.data))
                if "grpc-status" in fields:
                    return int(fields["grpc-status"])


class AnswersTogether(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Server(SERVER_BINARY)
        cls.connection = Connection(cls.server.port)
        open_alice(cls.connection, micros=1_000_000)

    @classmethod
    def tearDownClass(cls):
        cls.connection.close()
        cls.server.stop()

    def test_many_answers_take_few_segments(self):
        bursts = [Burst(self.connection, f"many-{i}", CALLS) for i in range(ROUNDS)]
        for burst in bursts:
            self.assertEqual(burst.statuses, [OK] * CALLS)
        took = sum(burst.segments for burst in bursts) / (ROUNDS * CALLS)
        print(f"{took:.2f} segments an answer")
        self.assertLess(took, SEGMENTS_PER_ANSWER_MAX)

    def test_no_answer_is_held_back(self):
        for calls in (1, 5, 40):
            waits = [Burst(self.connection, f"{calls}-{i}", calls).seconds for i in range(ROUNDS)]
            self.assertLess(statistics.median(waits), HELD_BACK)


if __name__ == "__main__":
    unittest.main()
