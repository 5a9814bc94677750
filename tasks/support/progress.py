"""Progress as plain lines, for terminals, logs and the Prefect UI alike."""

import time

PAUSE = 5.0  # seconds between two lines


class Progress:
    """Counts what is done and prints a line now and then, the last one always."""

    def __init__(self, what: str, total: int, unit: str = "images") -> None:
        self._what, self._total, self._unit = what, total, unit
        self._began = self._printed = time.monotonic()

    def __call__(self, done: int) -> None:
        now = time.monotonic()
        if done < self._total and now - self._printed < PAUSE:
            return
        self._printed = now
        share = done / max(1, self._total)
        rate = done / max(1e-9, now - self._began)
        left = (self._total - done) / max(1e-9, rate)
        text = f"{self._what}: {done:,} of {self._total:,} {self._unit} ({share:.0%}), {rate:,.0f} a second"
        print(f"{text}, {left:.0f} s left" if done < self._total else text, flush=True)
