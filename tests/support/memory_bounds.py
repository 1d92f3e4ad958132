"""How much more memory a server may have."""

import os

# A sanitizer keeps memory for itself, which is not the server's: its builds say so.
ARE_JUDGED = os.environ.get("FAREBOX_MEMORY_BOUNDS") != "no"


def at_most(bytes_max):
    return bytes_max if ARE_JUDGED else float("inf")
