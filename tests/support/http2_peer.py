"""An HTTP/2 peer that checks nothing of what it sends, and a server to send it to.

For what no gRPC library lets through. Needs Debian's python3-hpack and python3-hyperframe.
"""

import pathlib
import socket
import struct
import subprocess
import tempfile
import time

import hpack
from hyperframe import frame as h2

PATIENCE = 10
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

OK = 0


def varint(value):
    value &= (1 << 64) - 1
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes(out + bytes([value]))


def number(field, value):
    return varint(field << 3) + varint(value)


def text(field, value):
    value = value.encode() if isinstance(value, str) else value
    return varint(field << 3 | 2) + varint(len(value)) + value


def framed(message, flag=0, size=None):
    """A message as gRPC frames it; `size` is the length it claims."""
    return struct.pack(">BI", flag, len(message) if size is None else size) + message


def method(name):
    return f"/farebox.v1.{name}"


BALANCE = method("BillingService/GetBalance")
CREDIT_REASON_PAYMENT = 1


class Closed(Exception):
    """The server has ended the stream, or the connection, without a status."""


def connect(port, host="127.0.0.1", tls=None):
    """A socket, under TLS where `tls` is an SSLContext for it; a port may be a path."""
    if isinstance(port, str):
        raw = socket.socket(socket.AF_UNIX)
        raw.settimeout(PATIENCE)
        raw.connect(port)
        return raw
    raw = socket.create_connection((host, port), timeout=PATIENCE)
    raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return raw if tls is None else tls.wrap_socket(raw, server_hostname="localhost")


class Connection:
    """One HTTP/2 connection that checks nothing of what it sends.

    Where it does not acknowledge the server's settings, the server must not count on them.
    """

    def __init__(self, port, host="127.0.0.1", tls=None, acknowledge=True):
        self.socket = connect(port, host, tls)
        self.encoder, self.decoder = hpack.Encoder(), hpack.Decoder()
        self.next_stream = 1
        self.goaway = None
        self.socket.sendall(PREFACE)
        self.send(h2.SettingsFrame(0))
        # Answers are never held back for want of room.
        self.send(h2.WindowUpdateFrame(0, window_increment=2**30))
        while not isinstance(frame := self.read(), h2.SettingsFrame):
            pass
        # What the server asks of its peers.
        self.settings = frame.settings
        if acknowledge:
            self.send(h2.SettingsFrame(0, flags=["ACK"]))
        self.ping()

    def close(self):
        self.socket.close()

    def send(self, frame):
        self.socket.sendall(frame.serialize())

    def read(self):
        head = self.read_bytes(9)
        frame, length = h2.Frame.parse_frame_header(memoryview(head))
        frame.parse_body(memoryview(self.read_bytes(length)))
        if isinstance(frame, h2.GoAwayFrame):
            self.goaway = frame
        return frame

    def read_bytes(self, count):
        data = b""
        while len(data) < count:
            try:
                more = self.socket.recv(count - len(data))
            except ConnectionError as error:
                raise Closed("the connection was reset") from error
            if not more:
                raise Closed("the connection was closed")
            data += more
        return data

    def ping(self):
        """Returns when the server has seen all that was sent before."""
        self.send(h2.PingFrame(0, opaque_data=b"12345678"))
        while True:
            frame = self.read()
            if isinstance(frame, h2.PingFrame) and "ACK" in frame.flags:
                return

    def headers(self, path, **changes):
        """The headers of a call; None leaves one out. `_` stands for `-`, `p_` for `:`."""
        fields = {":method": "POST", ":scheme": "http", ":path": path, ":authority": "localhost",
                  "content-type": "application/grpc", "te": "trailers", "grpc-timeout": "5S"}
        for name, value in changes.items():
            name = ":" + name[2:] if name.startswith("p_") else name.replace("_", "-")
            fields.pop(name, None)
            if value is not None:
                fields[name] = value
        return list(fields.items())

    def start(self, headers, end=False, piece=None):
        """Sends headers, in pieces of so many bytes where it says so; returns the stream."""
        stream, self.next_stream = self.next_stream, self.next_stream + 2
        block = self.encoder.encode(headers, huffman=False)
        piece = piece or len(block)
        pieces = [block[i:i + piece] for i in range(0, len(block), piece)]
        for i, data in enumerate(pieces):
            kind = h2.HeadersFrame if i == 0 else h2.ContinuationFrame
            frame = kind(stream, data=data)
            if i == len(pieces) - 1:
                frame.flags.add("END_HEADERS")
            if i == 0 and end:
                frame.flags.add("END_STREAM")
            self.send(frame)
        return stream

    def data(self, stream, data, end=True):
        for i in range(0, max(len(data), 1), 16384):
            frame = h2.DataFrame(stream, data=data[i:i + 16384])
            if end and i + 16384 >= len(data):
                frame.flags.add("END_STREAM")
            self.send(frame)

    def status(self, stream):
        """The gRPC status that ends the stream."""
        return int(self.end(stream)[0]["grpc-status"])

    def end(self, stream):
        """The headers that end the stream, and the messages before them as they were framed."""
        data = b""
        while True:
            frame = self.read()
            if frame.stream_id != stream:
                continue
            if isinstance(frame, h2.RstStreamFrame):
                raise Closed(f"the stream was reset with {frame.error_code}")
            if isinstance(frame, h2.DataFrame):
                data += frame.data
            if isinstance(frame, h2.HeadersFrame):
                fields = dict(self.decoder.decode(frame.data))
                if "grpc-status" in fields:
                    return fields, data

    def call(self, path, body, **headers):
        stream = self.start(self.headers(path, **headers))
        self.data(stream, body)
        return self.status(stream)

    def outcome(self, path, body, **headers):
        """The status, or -1 where the stream or the connection was closed instead."""
        try:
            return self.call(path, body, **headers)
        except (Closed, ConnectionError):
            return -1


def open_alice(connection, micros):
    """An account of that name, with so much in it."""
    account = text(1, "alice") + text(2, "USD")
    for name, message in (
            ("AccountService/CreateAccount", text(1, account) + text(2, "open")),
            ("BillingService/Credit", text(1, "alice") + text(2, "paid") + number(3, micros) +
             number(4, CREDIT_REASON_PAYMENT))):
        status = connection.call(method(name), framed(message))
        if status != OK:
            raise RuntimeError(f"{name}: {status}")


class Server:
    """A server of one's own, until stop(): on a free port, unless told otherwise."""

    def __init__(self, binary, *options, listen="127.0.0.1:0", **popen):
        self.directory = tempfile.TemporaryDirectory(prefix="farebox-frames-")
        port_file = pathlib.Path(self.directory.name) / "port"
        self.process = subprocess.Popen(
            [binary, "--data", f"{self.directory.name}/ledger", "--listen", listen,
             "--port-file", port_file, "--log-level", "error", *options], **popen)
        give_up = time.monotonic() + PATIENCE
        while not port_file.exists() or not port_file.read_text().strip():
            if time.monotonic() > give_up or not self.is_running():
                raise TimeoutError("the server does not start")
            time.sleep(0.02)
        self.port = int(port_file.read_text())

    def stop(self):
        self.process.terminate()
        status = self.process.wait(3 * PATIENCE)  # A drain may take as long as its limit.
        self.directory.cleanup()
        return status

    def is_running(self):
        return self.process.poll() is None
