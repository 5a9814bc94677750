import numpy as np
import pytest
import torch

from distillery.errors import DistilleryError
from distillery.heads import Classification, Compound
from distillery.images.transforms import to_float
from distillery.labelling.compounds import score_compounds
from distillery.labelling.few_shot import FewShot, draw_shots, fine_tune, split_people
from distillery.networks.multihead import MultiHead, decode_all
from tests.distillery.conftest import OFF

LEARNT = {"feeling": Classification(kind="classification", classes=("happy", "surprised", "sad", "angry"))}
HEAD = Compound(
    kind="compound",
    classes=("happily surprised", "sadly angry"),
    expression="feeling",
    action_units=None,
    valence=None,
)
HEADS = {**LEARNT, "compound": HEAD}
# Dark images are one class, bright ones the other.
IMAGES = torch.cat([torch.full((6, 16, 16, 3), 20), torch.full((6, 16, 16, 3), 220)]).byte()
IMAGES += torch.randint(0, 20, IMAGES.shape, generator=torch.Generator().manual_seed(0)).byte()
LABELS = torch.tensor([0] * 6 + [1] * 6)


def _model() -> FewShot:
    torch.manual_seed(0)
    network = MultiHead(LEARNT, backbone="compact", width=0.25, dropout=0.5, size=16)
    return FewShot(network, HEAD, HEADS, LEARNT).eval()


def _tuned(**changes: object) -> FewShot:
    model = _model()
    options = {"steps": 40, "batch": 8, "learning_rate": 3e-3, "strengths": OFF, "seed": 0, **changes}
    fine_tune(model, IMAGES, LABELS, **options)
    return model


def test_before_learning_it_decides_as_the_zero_shot_scores():
    model, pixels = _model(), to_float(IMAGES)
    values = {name: value for name, (value, _) in decode_all(LEARNT, model.network(pixels)).items()}
    scores = score_compounds(HEAD, HEADS, values)
    assert torch.allclose(model(pixels), 5 * scores)


def test_it_learns_what_a_few_images_show():
    before, after = (model(to_float(IMAGES)).argmax(dim=1) for model in (_model(), _tuned()))
    assert (before == LABELS).float().mean() == 0.5
    assert torch.equal(after, LABELS)


def test_the_whole_network_learns_and_its_statistics_stay():
    before, after = _model().state_dict(), _tuned(steps=3).state_dict()
    for name, value in before.items():
        same = torch.equal(value, after[name])
        assert same == ("running" in name or "num_batches" in name or name.endswith((".mean", ".std"))), name


def test_the_same_seed_gives_the_same_bytes_and_another_does_not():
    one, two, other = (_tuned(steps=4, seed=seed).state_dict() for seed in (0, 0, 1))
    assert all(torch.equal(value, two[name]) for name, value in one.items())
    assert not all(torch.equal(value, other[name]) for name, value in one.items())


def test_people_are_split_whole_and_in_halves():
    people = [f"p{index % 7}" for index in range(70)]
    seen = split_people(people, 3)
    assert {person for person, one in zip(people, seen, strict=True) if one}.isdisjoint(
        person for person, one in zip(people, seen, strict=True) if not one
    )
    assert seen.sum() == 30
    assert not np.array_equal(seen, split_people(people, 4))


def test_shots_are_so_many_of_each_class_and_fewer_are_among_more():
    labels = np.random.default_rng(0).integers(0, 2, 60)
    five, one = draw_shots(labels, HEAD.classes, 5, 0), draw_shots(labels, HEAD.classes, 1, 0)
    assert np.bincount(labels[five]).tolist() == [5, 5]
    assert np.bincount(labels[one]).tolist() == [1, 1]
    assert set(one) <= set(five)


def test_a_class_with_too_few_images_is_named():
    labels = np.array([0, 0, 0, 1, 1])
    words = "found 3, allowed is at most 2, or none at all .*: half of the people show 'sadly angry' in no more images"
    with pytest.raises(DistilleryError, match=words):
        draw_shots(labels, HEAD.classes, 3, 0)
