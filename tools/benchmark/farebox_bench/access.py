"""What it costs to ask callers who they are, and to speak TLS with them."""

import json
import subprocess

from farebox_bench import servers

OUTSTANDING = 256
OPERATIONS = ("authorize", "balance")


def measure(load, binaries, directory):
    """Yields (what, figure) of calls with keys, and with keys and TLS, beside calls without.

    And of calls with keys beside calls that send the same to a server that asks nobody: what is
    left is our check, since a header costs its sender and receiver whoever looks at it.
    """
    make_certificate(directory)
    tls = ("--tls-cert", str(directory / "server.pem"), "--tls-key", str(directory / "server.key"))
    with servers.farebox(binaries, directory / "open") as plain, \
            servers.farebox(binaries, directory / "keys", *keys(directory, "keys")) as keyed, \
            servers.farebox(binaries, directory / "tls", *keys(directory, "tls"), *tls) as both:
        with_key = identity(load, binaries, directory, keyed, "keys")
        with_both = identity(load, binaries, directory, both, "tls",
                             tls_ca=str(directory / "server.pem"))
        comparisons = (
            ("keys", keyed, with_key, "without", {}),
            ("keys and TLS", both, with_both, "without", {}),
            ("keys", keyed, with_key, "keys that nobody asks for", with_key),
        )
        load.prepare(plain)
        for operation in OPERATIONS:
            for name, server, sent, base_name, base_sent in comparisons:
                measured, base, ratio = load.pair((server, operation, OUTSTANDING, sent),
                                                  (plain, operation, OUTSTANDING, base_sent))
                yield f"{operation}/s, {name}", f"{measured['per_second']:,.0f}"
                yield f"{operation}/s, {base_name}", f"{base['per_second']:,.0f}"
                yield "ratio", f"{ratio:.2f}"


def keys(directory, name):
    return "--access", "keys", "--admin-key-file", str(directory / f"{name}.admin")


def identity(load, binaries, directory, server, name, **options):
    """The options of a load that is made with a router's key, on accounts that are there."""
    admin = str(directory / f"{name}.admin")
    load.prepare(server, api_key_file=admin, **options)
    command = [str(binaries / "farebox"), f"--server={server.address}", "--json",
               f"--api-key-file={admin}", "key", "create", "router"]
    if "tls_ca" in options:
        command.append(f"--tls-ca={options['tls_ca']}")
    made = subprocess.run(command, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                          text=True)
    key_file = directory / f"{name}.router"
    key_file.write_text(json.loads(made.stdout)["secret"])
    return {"api_key_file": str(key_file), **options}


def make_certificate(directory):
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                    "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj", "/CN=localhost",
                    "-addext", "subjectAltName=IP:127.0.0.1", "-keyout",
                    str(directory / "server.key"), "-out", str(directory / "server.pem")],
                   check=True, stderr=subprocess.DEVNULL)
