"""How long the live lock of a store is held, which bench/hold_times.c measures."""

import array
import os
import typing

BUCKETS, STEPS = 1024, 16  # as in hold_times.c
SIZE = BUCKETS + 2  # of a histogram, in words: the sum and the maximum follow the buckets


class Histogram(typing.NamedTuple):
    """Times in nanoseconds."""
    counts: array.array
    sum: int
    max: int

    def quantile(self, part):
        """A time that this part of the times is not longer than, and at most 6 % too long."""
        rest = part * sum(self.counts)
        for bucket, count in enumerate(self.counts):
            rest -= count
            if rest <= 0:
                return min(end_of(bucket), self.max)
        return self.max


def end_of(bucket):
    """The end of a bucket: that of the times from one power of two to the next has STEPS parts."""
    following = bucket + 1
    shift = max(0, following // STEPS - 1)
    return (following - shift * STEPS) << shift


class HoldTimes:
    """Lets processes measure how long they hold the lock, with `env` as their environment."""

    def __init__(self, library, file):
        self._file = file
        file.write_bytes(bytes(2 * SIZE * 8))
        self.env = os.environ | {"LD_PRELOAD": str(library), "HOLD_TIMES": str(file)}

    def _read(self, number):
        words = array.array("Q", self._file.read_bytes())[number * SIZE:(number + 1) * SIZE]
        return Histogram(words[:BUCKETS], *words[BUCKETS:])

    @property
    def elapsed(self):
        return self._read(0)

    @property
    def processor(self):
        """The processor time of the threads that held it."""
        return self._read(1)
