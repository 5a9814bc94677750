"""Line chart: learning curves, and reliability against the diagonal."""

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from distillery.reporting.axes import BOTTOM, LEFT, RIGHT, TOP, Scale, draw_frame, fit_scale, is_number, number, wrap


@dataclass(frozen=True, kw_only=True)
class Line:
    """Points joined in their order; ``sizes`` are the radii of dots, none by default."""

    name: str
    style: str
    points: Sequence[tuple[float, float]]
    sizes: Sequence[float] = ()


def draw_curves(lines: Sequence[Line], *, label: str) -> Markup:
    """Lines over epochs; the scale fits the values, the ends of the bottom are named."""
    xs = [x for line in lines for x, _ in line.points]
    y = fit_scale([value for line in lines for _, value in line.points], BOTTOM, TOP)
    x = Scale(min(xs), max(max(xs), min(xs) + 1), LEFT + 6, RIGHT - 6)
    ends = [(x.place(end), f"{end:g}") for end in sorted({min(xs), max(xs)})]
    return wrap(label, draw_frame(y, ends), *[_draw_line(line, x, y) for line in lines])


def draw_unit_square(lines: Sequence[Line], *, label: str) -> Markup:
    """Lines over 0..1 in both directions, with the diagonal."""
    x, y = Scale(0, 1, LEFT + 6, RIGHT - 6), Scale(0, 1, BOTTOM, TOP)
    diagonal = Markup('<path class="faint" d="M{} {}L{} {}"/>').format(x.place(0), y.place(0), x.place(1), y.place(1))
    return wrap(label, draw_frame(y, x.ticks()), diagonal, *[_draw_line(line, x, y) for line in lines])


def _draw_line(line: Line, x: Scale, y: Scale) -> Markup:
    points = [point for point in line.points if is_number(point[0]) and is_number(point[1])]
    places = " ".join(f"{x.place(a)},{y.place(b)}" for a, b in points)
    path = Markup('<polyline class="{}" points="{}"><title>{}</title></polyline>')
    dot = Markup('<circle class="{} dot" cx="{}" cy="{}" r="{}"><title>{}</title></circle>')
    dots = [
        dot.format(line.style, x.place(a), y.place(b), round(size, 1), f"{line.name}: {number(a)}, {number(b)}")
        for (a, b), size in zip(points, line.sizes, strict=False)
    ]
    return path.format(line.style, places, line.name) + Markup("").join(dots)
