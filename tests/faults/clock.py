"""Commands with another wall clock (libfaketime), whose time since boot is the machine's."""

from pathlib import Path

LIBRARIES = (*Path("/usr/lib").glob("*/faketime/libfaketime.so.1"), Path("/usr/lib/faketime/libfaketime.so.1"))


def library():
    """The file of libfaketime; nothing if it is not installed."""
    return next((str(path) for path in LIBRARIES if path.exists()), None)


def at(moment):
    """The variables of a process for which it always is this moment (a datetime in UTC)."""
    return {"FAKETIME": f"{moment:%Y-%m-%d %H:%M:%S}"} | COMMON


def shifted(seconds):
    """The variables of a process whose wall clock differs by so much."""
    return {"FAKETIME": f"{seconds:+d}"} | COMMON


COMMON = {"LD_PRELOAD": library() or "", "FAKETIME_DONT_FAKE_MONOTONIC": "1", "DONT_FAKE_MONOTONIC": "1",
          "TZ": "UTC"}
