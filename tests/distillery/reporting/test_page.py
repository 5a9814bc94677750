import pytest

from distillery.reporting.page import words


@pytest.mark.parametrize(
    ("metric", "said"),
    [("ccc", "concordance (CCC)"), ("f1_AU12", "F1 AU12"), ("balanced_accuracy", "balanced accuracy")],
)
def test_metrics_have_names_for_readers(metric: str, said: str) -> None:
    assert words(metric) == said
