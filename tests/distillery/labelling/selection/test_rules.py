"""Every rule against its formula, written naively, cell by cell; the same whole and in parts."""

import math
from collections.abc import Callable

import numpy as np
import pytest

from distillery.heads import Classification
from distillery.labelling.selection.counting import BINS
from distillery.labelling.selection.debiased import debiased
from distillery.labelling.selection.evidence import Evidence, Rule, fit_rules
from distillery.labelling.selection.flex_match import flex_match
from distillery.labelling.selection.free_match import free_match
from distillery.labelling.selection.narrow import narrow
from distillery.labelling.selection.rate_matched import rate_matched
from distillery.labelling.selection.soft_match import soft_match
from distillery.labelling.selection.threshold import threshold
from distillery.labelling.selection.top_k import top_k
from distillery.labelling.selection.uncertainty import uncertainty
from tests.distillery.labelling.selection.conftest import MOOD, UNITS, make_cells

Parts = Callable[[], list[Evidence]]


def cells_of(many: Evidence) -> list[tuple[int, int, int, float, np.ndarray]]:
    """(row, group, decided class, confidence, probabilities) of every cell."""
    found = []
    for row, values in enumerate(many.values.astype(float)):
        groups = [values] if isinstance(many.head, Classification) else [np.array([p, 1 - p]) for p in values]
        found += [(row, number, int(np.argmax(p)), float(max(p)), p) for number, p in enumerate(groups)]
    return found


def weights(rule: Rule, parts: Parts) -> np.ndarray:
    weigh = rule(parts())
    return np.concatenate([weigh(part).weight for part in parts()])


def groups_of(many: Evidence) -> range:
    return range(many.weight.shape[1])


def uniform(many: Evidence) -> np.ndarray:
    _, groups, classes = many.chances.shape
    return np.full((groups, classes), 1 / classes)


def test_threshold_keeps_its_edge():
    weigh = threshold([], least=0.5)
    found = weigh(make_cells(MOOD, [[0.5, 0.25, 0.25], [0.4, 0.3, 0.3], [0.1, 0.1, 0.8]]))
    assert found.weight.tolist() == [[1], [0], [1]]
    assert threshold([], least=0.75)(make_cells(UNITS, [[0.75, 0.25], [0.7, 0.5]])).weight.tolist() == [[1, 1], [0, 0]]


def test_flex_match(many: Evidence, parts: Parts):
    tau, cells = 0.7, cells_of(many)
    found = weights(lambda p: flex_match(p, least=tau), parts)
    for group in groups_of(many):
        mine = [cell for cell in cells if cell[1] == group]
        count = {c: sum(cell[2] == c and cell[3] >= tau for cell in mine) for c in range(many.chances.shape[2])}
        for row, _, c, sure, _ in mine:
            b = count[c] / max(count.values())
            assert found[row, group] == (sure >= tau * b / (2 - b))


def test_flex_match_where_nothing_is_confident_keeps_nothing():
    cells = make_cells(MOOD, [[0.4, 0.3, 0.3], [0.3, 0.4, 0.3]])
    assert flex_match([cells], least=0.9)(cells).weight.tolist() == [[0], [0]]


def test_free_match(many: Evidence, parts: Parts):
    found, cells = weights(free_match, parts), cells_of(many)
    for group in groups_of(many):
        mine = [cell for cell in cells if cell[1] == group]
        tau = np.mean([cell[3] for cell in mine])
        mean = np.mean([cell[4] for cell in mine], axis=0)
        for row, _, c, sure, _ in mine:
            assert found[row, group] == (sure >= tau * mean[c] / max(mean))


def test_soft_match(many: Evidence, parts: Parts):
    found, cells = weights(soft_match, parts), cells_of(many)
    for group in groups_of(many):
        sure = np.array([cell[3] for cell in cells if cell[1] == group])
        for row, value in enumerate(sure):
            wanted = math.exp(-(min(value - sure.mean(), 0) ** 2) / (2 * sure.var() / 4))
            assert found[row, group] == pytest.approx(wanted, rel=1e-3)
    assert found.max() == 1


def test_debiased(many: Evidence, parts: Parts):
    weigh, cells = debiased(parts(), strength=0.4), cells_of(many)
    found = weigh(many)
    assert np.array_equal(found.weight, many.weight), "it moves probabilities and refuses nothing"
    for group in groups_of(many):
        mean = np.mean([cell[4] for cell in cells if cell[1] == group], axis=0)
        for row, _, _, _, p in (cell for cell in cells if cell[1] == group):
            scores = np.exp(np.log(p) - 0.4 * np.log(mean))
            assert found.chances[row, group] == pytest.approx(scores / scores.sum(), abs=1e-4)


def test_debiased_moves_towards_the_class_that_is_rarely_said():
    """The fault of public code is a mean over all classes: a scalar, which the softmax takes out again."""
    cells = make_cells(MOOD, [[0.8, 0.1, 0.1]] * 9 + [[0.5, 0.5, 0.0]])
    assert debiased([cells], strength=1.0)(cells).decided[9] == 1


@pytest.mark.parametrize("share", [0.1, 0.5])
def test_top_k_keeps_the_surest_of_each_class(many: Evidence, parts: Parts, share: float):
    frequency = uniform(many)
    found = weights(lambda p: top_k(p, share=share, frequency=frequency, repeat=1), parts)
    for group in groups_of(many):
        for c, part in enumerate(frequency[group]):
            sure = sorted((cell[3] for cell in cells_of(many) if cell[1:3] == (group, c)), reverse=True)
            wanted = min(int(share * 300 * part + 1e-9), len(sure))
            kept = sorted(
                (cell[3] for cell in cells_of(many) if cell[1:3] == (group, c) and found[cell[0], group] > 0),
                reverse=True,
            )
            assert kept[:wanted] == sure[:wanted]
            # Beyond them only what lies in one bin with the last.
            assert all(value >= sure[wanted - 1] - 1 / BINS for value in kept[wanted:])


def test_top_k_lets_a_rare_class_count_more():
    cells = make_cells(MOOD, [[0.8, 0.1, 0.1]] * 8 + [[0.1, 0.8, 0.1]] * 2)
    frequency = np.array([[0.5, 0.5, 0.0]])
    weigh = top_k([cells], share=1.0, frequency=frequency, repeat=2)
    assert weigh(cells).weight[-1] == 2, "five are wanted of two, at most twice"
    assert top_k([cells], share=1.0, frequency=frequency, repeat=9)(cells).weight[-1] == 2.5
    assert weigh(make_cells(MOOD, [[0.1, 0.1, 0.8]])).weight == 0, "no label is of that class"


def test_rate_matched_keeps_classes_as_often_as_labels_have_them(many: Evidence, parts: Parts):
    frequency = uniform(many)
    found = weights(lambda p: rate_matched(p, frequency=frequency), parts)
    for group in groups_of(many):
        kept = [cell[2] for cell in cells_of(many) if cell[1] == group and found[cell[0], group] > 0]
        every = np.bincount([cell[2] for cell in cells_of(many) if cell[1] == group])
        counts = np.bincount(kept, minlength=len(frequency[group]))
        assert counts.min() == every.min(), "as many as can be"
        assert counts.max() <= every.min() + 3, "but for ties within a bin"


def test_rate_matched_goes_on_without_a_class_that_is_never_decided_for():
    cells = make_cells(MOOD, [[0.8, 0.1, 0.1]] * 4 + [[0.1, 0.8, 0.1]] * 2)
    found = rate_matched([cells], frequency=np.array([[0.4, 0.4, 0.2]]))(cells)
    assert found.weight[4:].tolist() == [[1], [1]]


def test_uncertainty(many: Evidence, parts: Parts):
    found = weights(lambda p: uncertainty(p, least=0.6, spread=0.2, balanced=False), parts)
    for row, group, c, sure, _ in cells_of(many):
        spread = many.spread[row, c if isinstance(many.head, Classification) else group]
        assert found[row, group] == (sure >= 0.6 and spread < 0.2)


def test_negatives_are_classes_that_the_views_agree_to_be_improbable(many: Evidence, parts: Parts):
    weigh = uncertainty(parts(), least=0.6, spread=0.2, balanced=False, negative=(0.2, 0.1))
    found = np.concatenate([weigh(part).negative for part in parts()])
    assert found.any()
    for row, (values, spread) in enumerate(zip(many.values, many.spread, strict=True)):
        for place, (p, std) in enumerate(zip(values, spread, strict=True)):
            assert found[row, place] == (p <= 0.2 and std < 0.1)


def test_a_rule_without_negatives_leaves_those_that_were_found():
    cells = make_cells(MOOD, [[0.5, 0.45, 0.05]])
    first = uncertainty([], least=0.9, spread=1, balanced=False, negative=(0.1, 1))(cells)
    second = uncertainty([], least=0.8, spread=1, balanced=False)(first)
    assert second.negative.tolist() == [[False, False, True]]


def test_balanced_uncertainty_keeps_the_most_agreed_of_each_class(many: Evidence, parts: Parts):
    loose = weights(lambda p: uncertainty(p, least=0.6, spread=0.2, balanced=False), parts)
    found = weights(lambda p: uncertainty(p, least=0.6, spread=0.2, balanced=True), parts)
    assert ((found > 0) <= (loose > 0)).all()
    for group in groups_of(many):
        spreads: dict[int, list[float]] = {}
        kept: dict[int, list[float]] = {}
        for row, _, c, _, _ in (cell for cell in cells_of(many) if cell[1] == group):
            spread = float(many.spread[row, c if isinstance(many.head, Classification) else group])
            spreads.setdefault(c, []).extend([spread] if loose[row, group] else [])
            kept.setdefault(c, []).extend([spread] if found[row, group] else [])
        rarest = min(len(each) for each in spreads.values() if each)
        for c, each in kept.items():
            assert sorted(each)[:rarest] == sorted(spreads[c])[:rarest]
            assert len(each) <= rarest + 3, "but for ties within a bin"


def test_numbers_are_kept_where_all_outputs_are_narrow():
    values = np.zeros((4, 2), dtype=np.float32)
    spread = np.array([[0.1, 0.1], [0.1, 0.3], [0.1, 0.1], [0.1, 0.1]], dtype=np.float32)
    width = np.array([[1, 1], [1, 1], [1, 2], [0.5, 0.5]], dtype=np.float32)
    cells = Evidence(UNITS, values, spread, width, np.ones((4, 1), dtype=np.float32))
    assert narrow([], width=1.0, spread=None)(cells).weight[:, 0].tolist() == [1, 1, 0, 1]
    assert narrow([], width=None, spread=0.2)(cells).weight[:, 0].tolist() == [1, 0, 1, 1]
    assert narrow([], width=0.5, spread=0.1)(cells).weight[:, 0].tolist() == [0, 0, 0, 1]


def test_a_rule_sees_what_the_ones_before_it_left(many: Evidence, parts: Parts):
    first: Rule = lambda p: threshold(p, least=0.6)  # noqa: E731
    seen = []

    def look(given):
        seen.extend(given)
        return lambda cells: cells

    fit_rules([lambda p: debiased(p, strength=0.4), first, look], parts)
    before = debiased(parts(), strength=0.4)
    wanted = [threshold([], least=0.6)(before(part)) for part in parts()]
    assert all(np.array_equal(one.weight, other.weight) for one, other in zip(seen, wanted, strict=True))
    assert all(np.array_equal(one.values, other.values) for one, other in zip(seen, wanted, strict=True))
    assert 0 < sum(part.kept.sum() for part in seen) < many.kept.sum()


@pytest.mark.parametrize(
    "rule",
    [
        free_match,
        soft_match,
        lambda p: flex_match(p, least=0.6),
        lambda p: debiased(p, strength=0.4),
        lambda p: uncertainty(p, least=0.6, spread=0.2, balanced=True),
        lambda p: rate_matched(p, frequency=np.full((1, 3), 1 / 3)),
        lambda p: top_k(p, share=0.5, frequency=np.full((1, 3), 1 / 3), repeat=2),
    ],
)
def test_where_there_is_no_cell_nothing_fails(rule: Rule):
    nothing = make_cells(MOOD, np.empty((0, 3)))
    found = rule([nothing])(nothing)
    assert found.weight.shape == (0, 1)
    again = rule([nothing])(make_cells(MOOD, [[0.9, 0.05, 0.05]]))
    assert np.isfinite(again.values).all() and np.isfinite(again.weight).all()
