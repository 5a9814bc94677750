"""Dot-and-whisker chart: a value and its interval for each round, two series side by side."""

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from distillery.reporting.axes import BOTTOM, LEFT, RIGHT, TOP, Scale, draw_frame, fit_scale, is_number, number, wrap

APART = 8


@dataclass(frozen=True, kw_only=True)
class Mark:
    """A value in one round; a series is drawn filled or hollow."""

    round: str
    name: str
    filled: bool
    value: float
    low: float | None
    high: float | None


def draw_dots(marks: Sequence[Mark], rounds: Sequence[str], *, label: str) -> Markup:
    """Rounds along the bottom, the filled series joined by a line; what is not a number is left out."""
    known = [mark for mark in marks if is_number(mark.value)]
    y = fit_scale([edge for mark in known for edge in (mark.value, mark.low, mark.high)], BOTTOM, TOP)
    width = (RIGHT - LEFT) / len(rounds)
    centre = {key: LEFT + width * (index + 0.5) for index, key in enumerate(rounds)}
    line = " ".join(f"{centre[mark.round] + APART:g},{y.place(mark.value)}" for mark in known if mark.filled)
    return wrap(
        label,
        draw_frame(y, [(at, key) for key, at in centre.items()]),
        Markup('<polyline class="faint" points="{}"/>').format(line),
        *[_draw_mark(mark, centre[mark.round], y) for mark in known],
    )


def _draw_mark(mark: Mark, centre: float, y: Scale) -> Markup:
    x = round(centre + (APART if mark.filled else -APART), 1)
    whisker, about = Markup(""), number(mark.value)
    if is_number(mark.low) and is_number(mark.high):
        low, high = float(mark.low or 0), float(mark.high or 0)
        whisker = Markup('<path class="whisker" d="M{} {}V{}"/>').format(x, y.place(low), y.place(high))
        about += f" ({number(low)} to {number(high)})"
    dot = Markup('<circle class="{}" cx="{}" cy="{}" r="4.5"><title>{}</title></circle>')
    kind = "filled" if mark.filled else "hollow"
    return whisker + dot.format(kind, x, y.place(mark.value), f"{mark.round}, {mark.name}: {about}")
