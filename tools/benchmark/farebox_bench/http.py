"""JSON over HTTP beside the same calls by gRPC."""

import json
import pathlib
import statistics
import subprocess

from farebox_bench import servers
from farebox_bench.load import medians

OUTSTANDING = 64
OPERATIONS = ("authorize", "balance")
SCRIPT = pathlib.Path(__file__).resolve().parent.parent / "http_load.lua"


def measure(load, binaries, directory):
    """Yields (what, figure) of calls at 64 connections, and at 64 calls outstanding by gRPC."""
    port = servers.free_port()
    with servers.farebox(binaries, directory / "ledger",
                         "--http-listen", f"127.0.0.1:{port}") as server:
        load.prepare(server)
        for operation in OPERATIONS:
            pairs = [(run(load, port, operation), load.run(server, operation, OUTSTANDING))
                     for _ in range(load.rounds)]
            over_http, by_grpc = (medians(runs) for runs in zip(*pairs))
            ratio = statistics.median(a["per_second"] / b["per_second"] for a, b in pairs)
            yield f"{operation}/s as JSON over HTTP", f"{over_http['per_second']:,.0f}"
            yield "p50, p99 us", f"{over_http['p50_us']:,.0f}, {over_http['p99_us']:,.0f}"
            yield f"{operation}/s by gRPC", f"{by_grpc['per_second']:,.0f}"
            yield "p50, p99 us", f"{by_grpc['p50_us']:,.0f}, {by_grpc['p99_us']:,.0f}"
            yield "HTTP over gRPC", f"{ratio:.2f}"


def run(load, port, operation):
    command = ["wrk", "--threads=1", f"--connections={OUTSTANDING}",
               f"--duration={max(1, round(load.seconds))}s", f"--script={SCRIPT}",
               f"http://127.0.0.1:{port}", "--", operation]
    output = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    figures = json.loads(output.splitlines()[-1])
    if figures["errors"] > 0:
        raise RuntimeError(f"{figures['errors']} of the calls over HTTP failed")
    return figures
