"""What every script here needs: where the server is, and a count of what was checked."""

import os
import pathlib
import sys

ORIGIN = os.environ["SAFELIGHT_ORIGIN"]
ACCOUNT = os.environ["SAFELIGHT_ACCOUNT"]
HASH = os.environ["SAFELIGHT_HASH"]
TOKEN = os.environ["SAFELIGHT_TOKEN"]
PICTURE = pathlib.Path(os.environ["SAFELIGHT_PICTURE"]).read_bytes()

checked = 0


def same(what, seen, expected):
    """Ends the script unless the two are equal."""
    global checked
    if seen != expected:
        sys.exit(f"{what}: {seen!r}, expected {expected!r}")
    checked += 1
    print(f"ok {what}")


def holds(what, truth):
    """Ends the script unless it is true."""
    same(what, bool(truth), True)


def done():
    """The last line of a script that got to its end."""
    print(f"checked {checked}")
