from distillery.params.study import Claim
from distillery.reporting.study.compare import Difference
from distillery.reporting.study.page import verdict, write_claims, write_transfer


def _difference(value: float) -> Difference:
    return Difference(value=value, low=value - 0.02, high=value + 0.02, seeds=3)


CLAIM = Claim(text="a is above b", better="a", than="b", domains="target", margin=0.05)
FOUND = {"mean": _difference(0.03), "age": _difference(0.1), "mood": _difference(-0.04)}


def test_a_claim_of_each_head_is_as_good_as_its_worst_head():
    assert verdict(CLAIM, FOUND) == "holds"
    each = CLAIM.model_copy(update={"each": True})
    assert verdict(each, FOUND) == "open"
    assert verdict(each, {**FOUND, "mood": _difference(-0.08)}) == "refuted"
    assert verdict(each, {**FOUND, "mood": _difference(0.08)}) == "holds"


def test_the_page_has_a_line_for_every_claim_and_says_what_is_not_trained():
    page = write_claims({"one": CLAIM, "two": CLAIM}, {"one": FOUND, "two": {}}, ["age", "mood"])
    assert "| one | a is above b | target domain | +0.030 (+0.010 to +0.050) | 3 | holds |" in page
    assert "| two | a is above b | target domain |  | 0 | not trained |" in page
    assert "| one | +0.100 (+0.080 to +0.120) | -0.040 (-0.060 to -0.020) |" in page
    assert sum(line.startswith("| two |") for line in page) == 1


def test_negative_transfer_stands_out():
    page = write_transfer({"a/r0": FOUND, "a/r1": {}}, ["age", "mood", "units"])
    assert "| a | +0.100 (+0.080 to +0.120) | **-0.040 (-0.060 to -0.020)** |  |" in page
    assert not any("a/r1" in line for line in page)
