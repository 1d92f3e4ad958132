"""An authority, a server's and a client's certificate, by openssl, in a directory."""

import ssl
import subprocess


def make_certificates(directory):
    """Writes ca.pem, server.pem, server.key, client.pem and client.key."""
    def openssl(*arguments):
        subprocess.run(["openssl", *arguments], cwd=directory, check=True, capture_output=True)

    key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2")
    openssl("req", "-x509", *key, "-keyout", "ca.key", "-out", "ca.pem", "-subj", "/CN=test ca")
    for name, alternative in (("server", "DNS:localhost,IP:127.0.0.1"),
                              ("client", "URI:spiffe://example.com/router")):
        openssl("req", "-x509", *key, "-keyout", f"{name}.key", "-out", f"{name}.pem",
                "-CA", "ca.pem", "-CAkey", "ca.key", "-subj", f"/CN={name}",
                "-addext", f"subjectAltName={alternative}",
                "-addext", "basicConstraints=critical,CA:FALSE")


def client_context(directory, certificate="client"):
    """For a client that speaks HTTP/2, with the certificate where there is one."""
    context = ssl.create_default_context(cafile=f"{directory}/ca.pem")
    context.set_alpn_protocols(["h2"])
    if certificate is not None:
        context.load_cert_chain(f"{directory}/{certificate}.pem", f"{directory}/{certificate}.key")
    return context
