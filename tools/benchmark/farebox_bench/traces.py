"""What it costs a call to name its trace, and to have a line in the log."""

from farebox_bench import servers

OUTSTANDING = 256
OPERATIONS = ("balance", "authorize")
TRACE = {"traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}


def measure(load, binaries, directory):
    """Yields (what, figure) of traced and of logged calls beside plain ones."""
    with servers.farebox(binaries, directory / "plain") as plain, \
            servers.farebox(binaries, directory / "logged", "--log-calls") as logged:
        load.prepare(plain)
        load.prepare(logged)
        for operation in OPERATIONS:
            for name, server, sent in (("traced", plain, TRACE), ("logged", logged, {})):
                measured, base, ratio = load.pair((server, operation, OUTSTANDING, sent),
                                                  (plain, operation, OUTSTANDING, {}))
                yield f"{operation}/s, {name}", f"{measured['per_second']:,.0f}"
                yield f"{operation}/s without", f"{base['per_second']:,.0f}"
                yield f"{name} over plain", f"{ratio:.2f}"
