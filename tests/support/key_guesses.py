"""What a stranger can tell of API keys by the answers to wrong ones, and by how long they take."""

import base64
import contextlib
import pathlib
import random
import re
import secrets
import statistics
import tempfile
import time

from hpack import NeverIndexedHeaderTuple
from hyperframe import frame as h2

from http2_peer import BALANCE, OK, Connection, Server, framed, method, number, text

ROLE_CUSTOMER, ROLE_ADMIN = 4, 5
# Of each kind of wrong key so many, in turns: none is nearer to the processor than others.
KEYS_EACH = 8
EXPIRE_SECONDS = 2
WARM_UP_ROUNDS = 200

# Wrong keys; the second one is the first again, which tells the noise.
WRONG = ("unknown", "unknown, again", "expired", "revoked", "malformed")
# A shorter request, whose time says nothing; its answer is that of wrong keys.
NONE = "no key"
# With a good key, about accounts that it is not for: one that is there, one that is not.
OTHERS = ("another's account", "another's, again", "no account")
# As long as each other.
OWN_ID, OTHERS_ID, NO_ID = "alice", "bobby", "nobod"


@contextlib.contextmanager
def server_with_keys(binary):
    """A server that asks for keys, and the headers of its admin."""
    with tempfile.TemporaryDirectory(prefix="farebox-keys-") as directory:
        key_file = pathlib.Path(directory) / "admin.key"
        server = Server(binary, "--access", "keys", "--admin-key-file", key_file)
        try:
            yield server, {"authorization": f"Bearer {key_file.read_text().strip()}"}
        finally:
            server.stop()


class Keys:
    """Makes and ends keys, as the admin."""

    def __init__(self, port, admin):
        self.connection, self.admin = Connection(port), admin

    def ask(self, name, request):
        stream = self.connection.start(self.connection.headers(method(name), **self.admin))
        self.connection.data(stream, framed(request))
        fields, answer = self.connection.end(stream)
        if int(fields["grpc-status"]) != OK:
            raise RuntimeError(f"{name}: {fields}")
        return answer

    def open_account(self, account_id):
        account = text(1, account_id) + text(2, "USD")
        self.ask("AccountService/CreateAccount", text(1, account) + text(2, f"open {account_id}"))

    def make(self, key):
        """The secret of a new key, and its id."""
        answer = self.ask("AccessService/CreateApiKey", text(1, key))
        secret = re.search(rb"fbx_[\w-]{43}", answer).group().decode()
        # Field 1 of the key: twelve hexadecimal digits.
        return secret, re.search(rb"\x0a\x0c([0-9a-f]{12})", answer).group(1).decode()

    def make_expired(self):
        end = int(time.time()) + EXPIRE_SECONDS
        made = [self.make(number(2, ROLE_ADMIN) + text(5, number(1, end)))[0]
                for _ in range(KEYS_EACH)]
        while time.time() < end + 0.1:
            time.sleep(0.1)
        return made

    def make_revoked(self):
        made = [self.make(number(2, ROLE_ADMIN)) for _ in range(KEYS_EACH)]
        for _, key_id in made:
            self.ask("AccessService/RevokeApiKey", text(1, key_id))
        return [secret for secret, _ in made]

    def make_customers(self):
        return self.make(number(2, ROLE_CUSTOMER) + text(3, OWN_ID))[0]


def answer_of(fields, account_id):
    """Code, message and details; without the account that was asked for, which the details name."""
    details = base64.b64decode(fields.get("grpc-status-details-bin", "") + "==")
    return (fields["grpc-status"], fields.get("grpc-message"),
            details.replace(account_id.encode(), b"?"))


class Guesses:
    """Calls of every kind, on one connection, one at a time."""

    def __init__(self, port, keys):
        unknown = [f"fbx_{secrets.token_urlsafe(32)}" for _ in range(KEYS_EACH)]
        customers = [keys.make_customers()]
        # Secrets and account, by kind. Each request with a key has as many bytes as the others.
        self.kinds = {
            "unknown": (unknown, OWN_ID),
            "unknown, again": (unknown, OWN_ID),
            "expired": (keys.make_expired(), OWN_ID),
            "revoked": (keys.make_revoked(), OWN_ID),
            "malformed": ([f"key{secrets.token_urlsafe(33)}" for _ in range(KEYS_EACH)], OWN_ID),
            NONE: ([None], OWN_ID),
            "another's account": (customers, OTHERS_ID),
            "another's, again": (customers, OTHERS_ID),
            "no account": (customers, NO_ID),
        }
        self.connection = Connection(port)
        # By kind: seconds, and different answers.
        self.waits = {kind: [] for kind in self.kinds}
        self.answers = {kind: set() for kind in self.kinds}

    def call(self, kind):
        """How long it took, and what was answered."""
        of_kind, account_id = self.kinds[kind]
        secret = random.choice(of_kind)
        connection = self.connection
        headers = connection.headers(BALANCE)
        if secret is not None:
            # Not to be remembered by either side, so that it is as long each time.
            headers.append(NeverIndexedHeaderTuple("authorization", f"Bearer {secret}"))
        block = connection.encoder.encode(headers, huffman=False)
        stream, connection.next_stream = connection.next_stream, connection.next_stream + 2
        request = (h2.HeadersFrame(stream, data=block, flags=["END_HEADERS"]).serialize() +
                   h2.DataFrame(stream, data=framed(text(1, account_id)),
                                flags=["END_STREAM"]).serialize())
        start = time.perf_counter()
        connection.socket.sendall(request)
        fields, _ = connection.end(stream)
        took = time.perf_counter() - start
        return took, answer_of(fields, account_id)

    def run(self, rounds):
        """In each round one call of each kind, in any order."""
        order = list(self.kinds)
        for at in range(-WARM_UP_ROUNDS, rounds):
            random.shuffle(order)
            for kind in order:
                took, answer = self.call(kind)
                self.answers[kind].add(answer)
                if at >= 0:
                    self.waits[kind].append(took)

    def median(self, kind):
        return statistics.median(self.waits[kind])

    def p90(self, kind):
        return statistics.quantiles(self.waits[kind], n=10)[-1]

    def difference(self, kinds):
        """Between the largest median and the least, and of which kinds they are."""
        least, most = min(kinds, key=self.median), max(kinds, key=self.median)
        return self.median(most) - self.median(least), least, most

    def answers_of(self, kinds):
        return set().union(*(self.answers[kind] for kind in kinds))
