"""What hostile peers send, as bytes; and a good caller, who tells how long it waited meanwhile."""

import contextlib
import multiprocessing
import struct
import time

import hpack

from http2_peer import BALANCE, OK, Connection, framed, text

DATA, HEADERS, RST_STREAM, SETTINGS, CONTINUATION = 0, 1, 3, 4, 9
END_STREAM, END_HEADERS = 1, 4
CANCEL = 8
CHUNK = 256 * 1024


def frame(kind, flags, stream, payload):
    return struct.pack(">I", len(payload))[1:] + struct.pack(">BBI", kind, flags, stream) + payload


def call_headers(path, **changes):
    fields = {":method": "POST", ":scheme": "http", ":path": path, ":authority": "localhost",
              "content-type": "application/grpc", "te": "trailers"}
    fields.update({name.replace("_", "-"): value for name, value in changes.items()})
    return list(fields.items())


def in_chunks(pieces):
    """The same bytes, a quarter of a megabyte at a time."""
    chunk = bytearray()
    for piece in pieces:
        chunk += piece
        if len(chunk) >= CHUNK:
            yield bytes(chunk)
            chunk.clear()
    yield bytes(chunk)


def resets(count, path=BALANCE, message=None, **changes):
    """Calls that are opened, with their request where there is one, and given up at once."""
    encoder = hpack.Encoder()
    headers = call_headers(path, **changes)
    for i in range(count):
        stream = 2 * i + 1
        yield frame(HEADERS, END_HEADERS, stream, encoder.encode(headers) if i < 2 else block)
        if i == 1:
            block = encoder.encode(headers)  # All of it is in the table by now.
        if message is not None:
            yield frame(DATA, END_STREAM, stream, message)
        yield frame(RST_STREAM, 0, stream, struct.pack(">I", CANCEL))


def endless_headers(total, piece=16_000, value_bytes=None):
    """Headers that never end: values of so many bytes each, or one that is longer than all."""
    if value_bytes is None:
        fields = b"\x00\x01x\x7f" + hpack_length(1 << 27)
        sent = fields + b"y" * piece
    else:
        field = b"\x00\x01x\x7f" + hpack_length(value_bytes) + b"y" * value_bytes
        sent = field * max(1, piece // len(field))
    yield frame(HEADERS, 0, 1, sent)
    more = b"y" * piece if value_bytes is None else sent
    piece_frame = frame(CONTINUATION, 0, 1, more)
    for _ in range(total // len(more)):
        yield piece_frame


def hpack_length(value):
    """What follows a string length whose first seven bits are all set."""
    value -= 127
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes(out + bytes([value]))


def settings(count):
    return (frame(SETTINGS, 0, 0, struct.pack(">HI", 4, 65_535)) for _ in range(count))


def flood(connection, pieces):
    """Sends all of it, or until the connection is cut; returns seconds and bytes until then."""
    start, sent = time.monotonic(), 0
    try:
        for chunk in in_chunks(pieces):
            connection.socket.sendall(chunk)
            sent += len(chunk)
        # What has been sent is not seen yet.
        while connection.socket.recv(65_536):
            pass
    except OSError as error:
        if isinstance(error, TimeoutError):
            return None, sent
    return time.monotonic() - start, sent


class GoodCaller:
    """Asks for a balance over and over in a process of its own, on a connection that it had before.

    with GoodCaller(port) as caller: ...; then caller.waits are seconds, sorted: of all calls from
    the beginning to the end, and of some after it where there were fewer than CALLS_MIN.
    """

    CALLS_MIN = 5

    def __init__(self, port, tls=None, pause=0.002):
        self.arguments = (port, tls, pause)
        self.waits = []

    def __enter__(self):
        context = multiprocessing.get_context("fork")
        self.ours, theirs = context.Pipe()
        self.process = context.Process(target=self.run, args=(theirs,), daemon=True)
        self.process.start()
        assert self.ours.recv() == "ready"
        return self

    def __exit__(self, *_):
        with contextlib.suppress(BrokenPipeError):  # It has failed, and told why.
            self.ours.send("stop")
        answer = self.ours.recv() if self.ours.poll(60) else RuntimeError("no answer any more")
        self.process.join()
        if isinstance(answer, Exception):
            raise answer
        self.waits = sorted(answer)

    def run(self, pipe):
        port, tls, pause = self.arguments
        waits = []
        try:
            connection = Connection(port, tls=tls)
            request = framed(text(1, "alice"))
            pipe.send("ready")
            while len(waits) < self.CALLS_MIN or not pipe.poll():
                start = time.monotonic()
                if connection.call(BALANCE, request) != OK:
                    raise RuntimeError("a good call was refused")
                waits.append(time.monotonic() - start)
                time.sleep(pause)
            pipe.send(waits)
        except Exception as error:  # Whatever it is, it is told where it is awaited.
            pipe.send(RuntimeError(repr(error)))

    def quantile(self, share):
        return self.waits[min(len(self.waits) - 1, int(share * len(self.waits)))]


class Usage:
    """What a process uses: resident bytes, and CPU seconds since this was made."""

    def __init__(self, pid):
        self.pid = pid
        self.start = self.cpu_total()

    def cpu_total(self):
        with open(f"/proc/{self.pid}/stat", encoding="ascii") as file:
            fields = file.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / 100

    def cpu(self):
        return self.cpu_total() - self.start

    def resident(self):
        with open(f"/proc/{self.pid}/statm", encoding="ascii") as file:
            return int(file.read().split()[1]) * 4096
