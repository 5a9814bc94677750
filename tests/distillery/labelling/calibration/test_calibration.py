"""Every method on labels that are drawn from known probabilities, which a wrong temperature then bent."""

import numpy as np
import pytest
from sklearn.isotonic import IsotonicRegression

from distillery.labelling.calibration.error import expected_error, measure
from distillery.labelling.calibration.fit import calibrate_head
from distillery.labelling.calibration.isotonic import isotonic
from distillery.labelling.calibration.labelled import Labelled
from distillery.labelling.calibration.temperature import temperature
from distillery.labelling.calibration.vector import vector
from distillery.labelling.calibration.width import width

CELLS = 4000
METHODS = {"temperature": temperature, "vector": vector, "isotonic": isotonic}


def softmax(logits: np.ndarray) -> np.ndarray:
    scores = np.exp(logits - logits.max(axis=2, keepdims=True))
    return scores / scores.sum(axis=2, keepdims=True)


def bent(sharpness: float, groups: int = 1, classes: int = 3, cells: int = CELLS, seed: int = 0) -> Labelled:
    """Labels drawn from the true probabilities; what is found of them is too sharp, or too flat."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(0, 1.5, (cells, groups, classes))
    true = softmax(logits)
    truth = (true.cumsum(axis=2) < rng.random((cells, groups, 1))).sum(axis=2)
    domains = np.full(cells, "web")
    found = softmax(sharpness * logits)
    return Labelled(found, truth, np.ones((cells, groups), dtype=bool), np.arange(cells) // 2, domains)


@pytest.mark.parametrize("name", METHODS)
@pytest.mark.parametrize(("groups", "classes"), [(1, 3), (2, 2)])
@pytest.mark.parametrize("sharpness", [2.5, 0.5])
def test_a_bent_head_is_made_straight(name: str, groups: int, classes: int, sharpness: float):
    learnt, fresh = bent(sharpness, groups, classes), bent(sharpness, groups, classes, seed=1)
    found = METHODS[name](learnt)(fresh.found)
    assert found.dtype == np.float32
    assert found.sum(axis=2) == pytest.approx(np.ones((CELLS, groups)), abs=1e-5)
    before = measure(fresh)
    after = measure(Labelled(found.astype(float), fresh.truth, fresh.present, fresh.people, fresh.domains))
    assert before["error"] > 0.07
    assert after["error"] < 0.03
    assert after["nll"] < before["nll"] and after["brier"] < before["brier"]


def test_temperature_finds_the_one_that_was_used():
    labelled = bent(2.5, cells=40_000)
    logits = np.array([[[0.0, 1.0, 2.0]]])
    assert temperature(labelled)(softmax(2.5 * logits)) == pytest.approx(softmax(logits), abs=0.01)


def test_temperature_decides_as_before():
    labelled = bent(2.5)
    assert np.array_equal(temperature(labelled)(labelled.found).argmax(axis=2), labelled.found.argmax(axis=2))


def test_temperature_is_of_the_least_likelihood_on_a_grid():
    labelled = bent(1.7, groups=2, classes=2, cells=300)

    def nll(sharpness: float) -> float:
        return measure(Labelled(softmax(sharpness * np.log(labelled.found)), *list(vars(labelled).values())[1:]))["nll"]

    best = temperature(labelled)(labelled.found).astype(float)
    found = measure(Labelled(best, *list(vars(labelled).values())[1:]))["nll"]
    assert found <= min(nll(s) for s in np.linspace(0.2, 3, 200)) + 1e-6


def test_vector_takes_a_shift_of_one_class_back_where_temperature_cannot():
    labelled = bent(1.0)
    shifted = softmax(np.log(labelled.found) + np.array([1.5, 0, 0]))
    found = Labelled(shifted, *list(vars(labelled).values())[1:])
    errors = {name: measure(Labelled(METHODS[name](found)(shifted).astype(float), *list(vars(found).values())[1:]))["nll"]
              for name in ("temperature", "vector")}  # fmt: skip
    assert errors["vector"] < errors["temperature"] - 0.05


def test_vector_stays_finite_where_every_label_is_right():
    hot = np.eye(3)[np.arange(60) % 3][:, None] * 0.7 + 0.1
    labelled = Labelled(hot, hot.argmax(axis=2), np.ones((60, 1), dtype=bool), np.arange(60), np.full(60, "d"))
    found = vector(labelled)(hot)
    assert np.isfinite(found).all() and (found.argmax(axis=2) == labelled.truth).all()


def test_isotonic_is_the_regression_of_scikit_learn_at_the_steps():
    labelled = bent(2.0, cells=500)
    own = np.linspace(0.05, 0.95, 50)
    others = [
        IsotonicRegression(out_of_bounds="clip").fit(labelled.found[:, 0, c], labelled.truth[:, 0] == c)
        for c in range(3)
    ]
    chances = np.stack([own, (1 - own) / 2, (1 - own) / 2], axis=1)[:, None]
    wanted = np.stack([other.predict(chances[:, 0, c]) for c, other in enumerate(others)], axis=1)
    wanted /= wanted.sum(axis=1, keepdims=True)
    # Between steps ours is interpolated from the middle of one to the middle of the next.
    assert isotonic(labelled)(chances)[:, 0] == pytest.approx(wanted, abs=0.15)
    assert np.abs(isotonic(labelled)(chances)[:, 0] - wanted).mean() < 0.04


def test_a_rising_function_keeps_the_order_of_two_classes():
    labelled = bent(2.0, groups=1, classes=2, cells=300)
    chance = np.linspace(0, 1, 100)
    found = isotonic(labelled)(np.stack([chance, 1 - chance], axis=1)[:, None])[:, 0, 0]
    assert (np.diff(found) >= -1e-6).all()


def test_width_is_scaled_output_by_output():
    rng = np.random.default_rng(0)
    off = rng.normal(0, 1, (CELLS, 2)) * [2.0, 0.5]
    labelled = Labelled(
        np.ones((CELLS, 2)), off, np.ones((CELLS, 2), dtype=bool), np.arange(CELLS), np.full(CELLS, "d")
    )
    assert width(labelled)(np.ones((1, 2))) == pytest.approx(np.array([[2.0, 0.5]]), rel=0.05)
    before, after = measure(labelled), measure(
        Labelled(width(labelled)(labelled.found).astype(float), *list(vars(labelled).values())[1:])
    )  # fmt: skip
    assert after["error"] < 0.02 < before["error"]
    assert after["coverage_90"] == pytest.approx(0.9, abs=0.02)


def test_empty_cells_are_not_looked_at():
    labelled = bent(2.0, groups=2, classes=2)
    present = np.ones((CELLS, 2), dtype=bool)
    present[::3, 1] = False
    truth = labelled.truth.copy()
    hidden = Labelled(labelled.found, truth, present, labelled.people, labelled.domains)
    wrong = truth.copy()
    wrong[::3, 1] = 1 - truth[::3, 1]
    other = Labelled(labelled.found, wrong, present, labelled.people, labelled.domains)
    for fit in METHODS.values():
        assert np.array_equal(fit(hidden)(labelled.found), fit(other)(labelled.found))
    assert measure(hidden) == measure(other)


def test_expected_error_by_hand():
    confidence = np.repeat([0.6, 0.9], 15)
    right = np.concatenate([np.arange(15) % 3 == 0, np.ones(15)])
    assert expected_error(confidence, right) == pytest.approx((abs(0.6 - 5 / 15) + 0.1) / 2, abs=0.14)
    assert expected_error(np.ones(30), np.ones(30)) == 0


def test_a_domain_has_its_own_where_it_has_labels_enough():
    web, grey = bent(3.0, seed=1), bent(0.5, seed=2, cells=400)
    both = Labelled(*(np.concatenate(pair) for pair in zip(vars(web).values(), vars(grey).values(), strict=True)))
    both = Labelled(*list(vars(both).values())[:-1], np.repeat(np.array(["web", "grey"]), [CELLS, 400]))
    found = calibrate_head(both, "temperature", least=400)
    assert [row["domain"] for row in found.errors] == ["grey", "web"]
    chances = np.array([[[0.9, 0.05, 0.05]]])
    assert found(chances, "web").max() < 0.75
    assert found(chances, "grey").max() > 0.97
    assert found(chances, "never seen") is chances, "nobody knows how wrong the network is there"
    assert found.error == max(row["error_after"] for row in found.errors)
    few = calibrate_head(both, "temperature", least=401)
    assert [row["domain"] for row in few.errors] == ["web"]
    assert few(chances, "grey") is chances


def test_with_too_few_labels_nothing_is_changed_and_no_error_is_claimed():
    found = calibrate_head(bent(2.0, cells=20), "temperature", least=21)
    chances = np.array([[[0.9, 0.05, 0.05]]])
    assert found(chances, "web") is chances
    assert found.error is None and found.errors == [] and found.reliability == []


def test_the_error_is_of_people_who_were_not_learnt_from():
    """Labels that say nothing: isotonic regression fits them all the same, and only strangers show it."""
    rng = np.random.default_rng(0)
    found = rng.dirichlet([1, 1, 1], size=(300, 1))
    labelled = Labelled(
        found, rng.integers(0, 3, (300, 1)), np.ones((300, 1), dtype=bool), np.arange(300), np.full(300, "d")
    )
    result = calibrate_head(labelled, "isotonic", least=10)
    seen = measure(Labelled(result(found, "d").astype(float), *list(vars(labelled).values())[1:]))
    assert result.error is not None and result.error > seen["error"] + 0.02


def test_none_leaves_a_head_as_it_is_and_measures_it():
    result = calibrate_head(bent(2.5), "none", least=10)
    chances = np.array([[[0.9, 0.05, 0.05]]])
    assert np.array_equal(result(chances, "web"), chances)
    assert result.errors[0]["error_before"] == result.errors[0]["error_after"] == result.error


def test_one_person_alone_cannot_be_held_out():
    labelled = bent(2.0, cells=300)
    alone = Labelled(labelled.found, labelled.truth, labelled.present, np.zeros(300, dtype=np.int64), labelled.domains)
    assert calibrate_head(alone, "temperature", least=10).error is None


def test_isotonic_does_not_ask_in_which_order_equal_ones_come():
    found = np.array([[1.0, 0.0]] * 100 + [[0.3, 0.7]] * 100)[:, None]
    truth = np.array([0] * 85 + [1] * 15 + [1] * 70 + [0] * 30)[:, None]
    makes = []
    for order in (np.arange(200), np.arange(200)[::-1]):
        facts = (np.ones((200, 1), dtype=bool), np.arange(200), np.full(200, "d"))
        makes.append(isotonic(Labelled(found[order], truth[order], *facts))(found))
    assert np.array_equal(*makes)
    assert makes[0][0, 0] == pytest.approx([0.85, 0.15], abs=1e-5)


def test_isotonic_leaves_a_class_that_is_hardly_known_as_it_is():
    labelled = bent(2.0, groups=2, classes=2, cells=200)
    present = labelled.present.copy()
    present[5:, 1] = False
    hidden = Labelled(labelled.found, labelled.truth, present, labelled.people, labelled.domains)
    assert isotonic(hidden)(labelled.found)[:, 1] == pytest.approx(labelled.found[:, 1], abs=1e-5)


def test_a_cell_without_any_width_does_not_decide_for_all():
    rng = np.random.default_rng(0)
    found = np.ones((CELLS, 1))
    found[:3] = 0
    facts = (np.ones((CELLS, 1), dtype=bool), np.arange(CELLS), np.full(CELLS, "d"))
    calibrated = width(Labelled(found, rng.normal(0, 2, (CELLS, 1)), *facts))(found)
    assert calibrated[3:] == pytest.approx(2.0, rel=0.2)
    assert calibrated[:3] == pytest.approx(0.2, rel=0.2)


def test_numbers_of_one_view_have_no_width_to_calibrate():
    facts = (np.ones((50, 1), dtype=bool), np.arange(50), np.full(50, "d"))
    found = calibrate_head(Labelled(np.zeros((50, 1)), np.ones((50, 1)), *facts), "temperature", least=10)
    assert found.error is None and found.by_domain == {}


def test_of_two_numbers_both_need_a_width_and_probabilities_may_be_nothing():
    found = np.ones((50, 2))
    found[:, 1] = 0
    facts = (np.ones((50, 2), dtype=bool), np.arange(50), np.full(50, "d"))
    assert calibrate_head(Labelled(found, np.ones((50, 2)), *facts), "temperature", least=10).by_domain == {}
    saturated = np.eye(3)[np.arange(60) % 3][:, None]
    facts = (np.ones((60, 1), dtype=bool), np.arange(60), np.full(60, "d"))
    labelled = Labelled(saturated, saturated.argmax(axis=2), *facts)
    assert set(calibrate_head(labelled, "temperature", least=10).by_domain) == {"d"}
