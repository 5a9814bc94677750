"""The params of an augmentation as the library takes them."""

from distillery.images.augmentation import Strengths
from distillery.images.policies import Policy
from distillery.params.training import Augmentation


def make_strengths(section: Augmentation) -> Strengths:
    """Strengths of a section, with its policy."""
    policy = None if section.policy is None else Policy(**section.policy.model_dump())
    return Strengths(**section.model_dump(exclude={"policy"}), policy=policy)
