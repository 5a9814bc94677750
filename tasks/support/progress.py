"""Progress as plain lines, for terminals, logs and the Prefect UI alike."""

import time

PAUSE = 5.0  # seconds between two lines
AT_ONCE = 1.0  # seconds from the first question, in which what an interrupted call had done is found


class Pace:
    """How many a second are done, without those that an interrupted call had done: they are there when it is asked
    first, or at once from then."""

    def __init__(self) -> None:
        self._first: float | None = None
        self._since, self._found = 0.0, 0

    def at(self, done: int) -> float | None:
        """With so many done by now; None as long as it cannot be said."""
        now = time.monotonic()
        if self._first is None:
            self._first = now
        if now - self._first < AT_ONCE:
            self._since, self._found = now, done
            return None
        return (done - self._found) / (now - self._since)


class Progress:
    """Counts what is done and prints a line now and then, the last one always."""

    def __init__(self, what: str, total: int, unit: str = "images") -> None:
        self._what, self._total, self._unit = what, total, unit
        self._printed, self._pace = time.monotonic(), Pace()

    def __call__(self, done: int) -> None:
        now, rate = time.monotonic(), self._pace.at(done)
        if done < self._total and now - self._printed < PAUSE:
            return
        self._printed = now
        text = f"{self._what}: {done:,} of {self._total:,} {self._unit} ({done / max(1, self._total):.0%})"
        if rate:
            text += f", {rate:,.0f} a second"
            text += f", {(self._total - done) / rate:.0f} s left" if done < self._total else ""
        print(text, flush=True)
