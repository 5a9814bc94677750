import numpy as np
import pytest

from distillery.faces.person import RACES, Person, sample_person


@pytest.fixture(scope="module")
def people() -> list[Person]:
    return [sample_person(np.random.default_rng(k), identity=f"test-{k:04d}") for k in range(600)]


def test_labels_follow_the_shape_parameters(people: list[Person]):
    for person in people:
        shares = {name: person.phenotypes[name] for name in RACES}
        assert shares[person.race] > 2 * sum(share for name, share in shares.items() if name != person.race)
        assert (person.phenotypes["gender"] < 0.5) == (person.gender == "male")
        assert abs(person.phenotypes["gender"] - 0.5) > 0.35
        assert 5 <= person.age <= 80


def test_older_people_have_a_larger_age_parameter(people: list[Person]):
    ordered = sorted(people, key=lambda person: person.age)
    assert np.all(np.diff([person.phenotypes["age"] for person in ordered]) >= 0)


def test_groups_are_balanced(people: list[Person]):
    assert np.mean([person.gender == "male" for person in people]) == pytest.approx(0.5, abs=0.08)
    for race in RACES:
        assert np.mean([person.race == race for person in people]) == pytest.approx(1 / 3, abs=0.08)


def test_beards_grow_on_men_and_every_attribute_occurs(people: list[Person]):
    assert all(person.gender == "male" and person.age >= 18 for person in people if person.attributes()["beard"])
    for name in people[0].attributes():
        assert 0.03 < np.mean([person.attributes()[name] for person in people]) < 0.6, name


def test_hair_greys(people: list[Person]):
    young = [person.hair.mean() for person in people if person.age < 40 and person.race != "caucasian"]
    old = [person.hair.mean() for person in people if person.age > 70 and person.race != "caucasian"]
    assert np.median(old) > 5 * np.median(young)
