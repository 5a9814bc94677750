import pytest
import torch

from distillery.heads import Classification, Compound, Detection, Regression
from distillery.labelling.compounds import score_compounds

HEADS = {
    "feeling": Classification(kind="classification", classes=("happy", "surprised", "sad", "angry")),
    "units": Detection(kind="detection", elements=("AU12", "AU25", "AU4", "AU15", "AU99")),
    "affect": Regression(kind="regression", outputs=("arousal", "valence"), range=(-1, 1)),
}
COMPOUND = Compound(
    kind="compound", classes=("happily surprised", "sadly angry"), expression="feeling", action_units="units",
    valence="affect",
)  # fmt: skip
VALUES = {
    "feeling": torch.tensor([[0.5, 0.3, 0.1, 0.1], [0.1, 0.1, 0.2, 0.6]]),
    "units": torch.tensor([[0.9, 0.5, 0.2, 0.1, 1.0], [0.1, 0.2, 0.8, 0.4, 1.0]]),
    "affect": torch.tensor([[-1.0, 0.2], [1.0, -0.2]]),
}


def test_the_formula_by_hand():
    """Happily surprised: AU12 and AU25, both of share 1; sadly angry: AU4 and AU15, of share 1."""
    found = score_compounds(COMPOUND, HEADS, VALUES)
    assert found[0].tolist() == pytest.approx([(0.9 + 0.5) / 2 + 0.8 + 1, (0.2 + 0.1) / 2 + 0.2])
    assert found[1].tolist() == pytest.approx([(0.1 + 0.2) / 2 + 0.2, (0.8 + 0.4) / 2 + 0.8])


def test_shares_weigh_the_units():
    """Sadly angry with AU17, which half of the people show."""
    heads = {**HEADS, "units": Detection(kind="detection", elements=("AU4", "AU15", "AU17", "AU12"))}
    values = {**VALUES, "units": torch.tensor([[1.0, 0, 1, 0]])} | {
        "feeling": VALUES["feeling"][:1],
        "affect": VALUES["affect"][:1],
    }
    assert float(score_compounds(COMPOUND, heads, values)[0, 1]) == pytest.approx(1.5 / 2.5 + 0.2)


def test_without_units_or_valence_their_terms_are_left_out():
    bare = COMPOUND.model_copy(update={"action_units": None, "valence": None})
    assert score_compounds(bare, HEADS, VALUES).flatten().tolist() == pytest.approx([0.8, 0.2, 0.2, 0.8])


def test_units_that_no_compound_shows_change_nothing():
    moved = {**VALUES, "units": VALUES["units"] * torch.tensor([1.0, 1, 1, 1, 0])}
    assert torch.equal(score_compounds(COMPOUND, HEADS, moved), score_compounds(COMPOUND, HEADS, VALUES))


def test_scores_stay_on_the_device_of_what_they_are_made_of():
    values = {name: value.to("meta") for name, value in VALUES.items()}
    assert score_compounds(COMPOUND, HEADS, values).device.type == "meta"
