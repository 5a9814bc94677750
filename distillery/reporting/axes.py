"""What every chart shares: a linear scale with round ticks, a frame of thin lines, numbers as text."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from markupsafe import Markup

WIDTH, HEIGHT = 260, 164
LEFT, RIGHT, TOP, BOTTOM = 38, 252, 10, 140
Tick = tuple[float, str]


@dataclass(frozen=True)
class Scale:
    """Puts values within ``low..high`` on pixels ``start..end``."""

    low: float
    high: float
    start: float
    end: float

    def place(self, value: float) -> float:
        share = (value - self.low) / (self.high - self.low)
        return round(self.start + share * (self.end - self.start), 1)

    def ticks(self) -> list[Tick]:
        """Round numbers and where they lie."""
        step = _step(self.high - self.low)
        first, last = math.ceil(self.low / step - 1e-9), math.floor(self.high / step + 1e-9)
        return [(self.place(number * step), f"{round(number * step, 10):g}") for number in range(first, last + 1)]


def fit_scale(values: Iterable[float | None], start: float, end: float) -> Scale:
    """A scale from round number to round number around the values that are numbers."""
    known = [value for value in values if value is not None and math.isfinite(value)] or [0.0, 1.0]
    low, high = min(known), max(known)
    if high - low < 1e-9:
        low, high = low - 0.5, high + 0.5
    step = _step(high - low)
    return Scale(math.floor(low / step) * step, math.ceil(high / step) * step, start, end)


def draw_frame(y: Scale, x_ticks: Sequence[Tick]) -> Markup:
    """Horizontal lines with their numbers, and the names along the bottom."""
    line = Markup('<path class="grid" d="M{} {}H{}"/><text class="tick" x="{}" y="{}" text-anchor="end">{}</text>')
    name = Markup('<text class="tick" x="{}" y="{}" text-anchor="middle">{}</text>')
    rows = [line.format(LEFT, at, RIGHT, LEFT - 6, at + 4, label) for at, label in y.ticks()]
    return Markup("").join(rows + [name.format(at, HEIGHT - 6, label) for at, label in x_ticks])


def wrap(label: str, *pieces: Markup) -> Markup:
    """The chart; ``label`` is read aloud in its place."""
    head = Markup('<svg viewBox="0 0 {} {}" role="img" aria-label="{}">').format(WIDTH, HEIGHT, label)
    return head + Markup("").join(pieces) + Markup("</svg>")


def is_number(value: float | None) -> bool:
    """Whether there is a value to draw: a mean over nothing is not-a-number."""
    return value is not None and math.isfinite(value)


def number(value: float | None) -> str:
    """A value as text, with digits by its size."""
    if value is None or not math.isfinite(value):
        return "–"
    return f"{value:.1f}".replace("-", "−") if abs(value) >= 10 else f"{value:.3f}".replace("-", "−")


def _step(span: float) -> float:
    """The least of 1, 2 and 5 times a power of ten that cuts a span into at most five."""
    rough = span / 5
    power = 10.0 ** math.floor(math.log10(rough))
    return next(power * factor for factor in (1, 2, 5, 10) if power * factor >= rough * (1 - 1e-9))
