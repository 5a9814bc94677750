"""The report's one page: everything it shows is inside it."""

from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from distillery.reporting.axes import number
from distillery.reporting.headline import draw_change, signed

TEMPLATE = "report.html.j2"
WORDS = {
    "balanced_accuracy_among": "balanced accuracy among the classes that occur",
    "ccc": "concordance (CCC)",
    "f1_macro": "macro F1",
    "mae": "mean absolute error",
}


def render_page(**pieces: object) -> str:
    """Fill the template; text is escaped, and a piece that is missing is an error."""
    loader = FileSystemLoader(Path(__file__).parent)
    environment = Environment(
        loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters |= {"number": number, "signed": signed, "change_bar": draw_change, "words": words}
    return environment.get_template(TEMPLATE).render(**pieces) + "\n"


def words(metric: str) -> str:
    """A metric's name for readers."""
    first, *rest = metric.split("_")
    return WORDS.get(metric, " ".join([first.upper() if first in ("ccc", "f1", "mae") else first, *rest]))
