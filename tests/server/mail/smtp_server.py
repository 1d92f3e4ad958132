#!/usr/bin/python3
"""A real SMTP server (aiosmtpd) on loopback that behaves as badly as a test wants.

Its first line says where it listens. Each connection reads the script anew; a line of it is

  reply STAGE WORDS   answer with these words instead
  drop STAGE          cut the connection instead of an answer
  stall STAGE         never answer
  drip STAGE          answer with a byte a second, without end

where STAGE is CONNECT, a command, or BODY for the answer to the whole message. A stage where it
stalls or drips is printed, as the script has it. The Nth mail that is taken is kept as N.eml, byte
for byte, and as Python understands it: N.subject, N.text, N.html; how it came is in N.envelope.
"""

import argparse
import asyncio
import email
import email.policy
import functools
import logging
import pathlib
import ssl
import subprocess
import warnings

from aiosmtpd.smtp import SMTP, AuthResult


class Ended(asyncio.CancelledError):
    """Ends a connection's task without a word."""


class ScriptedSmtp(SMTP):

    def __init__(self, options, **more):
        super().__init__(Keeper(options), hostname="mail.test", auth_require_tls=False,
                         authenticator=functools.partial(authenticate, options), **more)
        self.script = [line.split(" ", 2) for line in read_lines(options.script)]
        for verb, method in self._smtp_methods.items():
            self._smtp_methods[verb] = functools.partial(self.answer, verb, method)

    async def _handle_client(self):
        if await self.follow_script("CONNECT"):
            raise Ended()
        await super()._handle_client()

    async def answer(self, verb, method, argument):
        if not await self.follow_script(verb):
            await method(argument)

    async def follow_script(self, stage):
        for action, wanted, *words in self.script:
            if wanted != stage:
                continue
            if action == "drop":
                self.transport.abort()
                raise Ended()
            if action in ("stall", "drip"):
                print(action, stage, flush=True)
            if action == "stall":
                await asyncio.Event().wait()
            if action == "drip":
                while not self.transport.is_closing():
                    self.transport.write(b"2")
                    await asyncio.sleep(1)
                raise Ended()
            await self.push("\r\n".join(words[0].split("|")))
            if words[0].startswith("421"):
                self.transport.close()
                raise Ended()
            return True
        return False


class Keeper:
    """Takes the mails."""

    def __init__(self, options):
        self.directory = pathlib.Path(options.directory)

    async def handle_DATA(self, server, session, envelope):
        if await server.follow_script("BODY"):
            return None
        number = len(list(self.directory.glob("*.eml"))) + 1
        self.keep(f"{number}.eml", envelope.original_content)
        message = email.message_from_bytes(envelope.original_content, policy=email.policy.default)
        self.keep(f"{number}.subject", message["Subject"].encode())
        for kind, name in (("plain", "text"), ("html", "html")):
            part = message.get_body((kind,))
            self.keep(f"{number}.{name}", part.get_content().encode())
        user = session.auth_data.login.decode() if session.authenticated else "-"
        tls = server.transport.get_extra_info("sslcontext") is not None
        self.keep(f"{number}.envelope",
                  f"from {envelope.mail_from} to {' '.join(envelope.rcpt_tos)} "
                  f"user {user} tls {'yes' if tls else 'no'}\n".encode())
        return f"250 2.0.0 taken as {number}"

    def keep(self, name, content):
        (self.directory / name).write_bytes(content)


def authenticate(options, server, session, envelope, mechanism, login):
    good = f"{login.login.decode()}:{login.password.decode()}" == options.login
    return AuthResult(success=good, handled=False, auth_data=login)


def read_lines(path):
    return pathlib.Path(path).read_text(encoding="utf-8").splitlines()


def make_certificate(path, name):
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
         "-nodes", "-days", "2", "-subj", "/CN=farebox-test", "-addext", f"subjectAltName={name}",
         "-keyout", f"{path}.key", "-out", path], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path, f"{path}.key")
    return context


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--directory", required=True, help="where mails are kept")
    parser.add_argument("--script", required=True, help="the file that says how to behave")
    parser.add_argument("--tls", choices=("none", "starttls", "implicit"), default="none")
    parser.add_argument("--certificate", help="write a self-signed one here, and use it")
    parser.add_argument("--name", default="IP:127.0.0.1", help="what the certificate is for")
    parser.add_argument("--port", type=int, default=0, help="where to listen; 0 is any free one")
    parser.add_argument("--login", help="USER:PASSWORD that is let in; nobody else is")
    return parser.parse_args()


async def serve(options):
    context = make_certificate(options.certificate, options.name) if options.certificate else None
    more = {"auth_required": options.login is not None}
    if options.tls == "starttls":
        more["tls_context"] = context
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: ScriptedSmtp(options, loop=loop, **more),
                                      "127.0.0.1", options.port,
                                      ssl=context if options.tls == "implicit" else None)
    print(f"Listening on 127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    logging.disable()
    warnings.simplefilter("ignore")  # a password without TLS is what some tests want
    asyncio.run(serve(parse_arguments()))
