"""One line of progress every few seconds: done, rate and time left."""

from __future__ import annotations

import time


class Progress:
    """Counts towards ``total`` and prints at most every ``every`` seconds."""

    def __init__(self, total: int, what: str, unit: str, done: int = 0, every: float = 10.0) -> None:
        self.total, self.what, self.unit, self.first, self.every = total, what, unit, done, every
        self.start = self.last = time.monotonic()

    def at(self, done: int) -> None:
        now = time.monotonic()
        if now - self.last < self.every and done < self.total:
            return
        self.last = now
        rate = (done - self.first) / max(now - self.start, 1e-9)
        left = (self.total - done) / rate if rate > 0 else float("inf")
        print(f"{self.what}: {done}/{self.total} {self.unit}, {rate:.1f} {self.unit}/s, {clock(left)} left", flush=True)


def clock(seconds: float) -> str:
    """90 → '1:30'; 4000 → '1:06:40'."""
    if seconds == float("inf"):
        return "?"
    s = int(seconds)
    return f"{s // 3600}:{s // 60 % 60:02d}:{s % 60:02d}" if s >= 3600 else f"{s // 60}:{s % 60:02d}"
