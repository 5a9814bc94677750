"""Reads the manifest, the images and a round's pseudo-labels; writes ``models/<round>/``."""

from pathlib import Path

from distillery.params import Params
from tasks.support import paths
from tasks.support.command import run_keyed_stage
from tasks.support.training import PseudoLabelled, train


def train_student(params: Params, key: str) -> Path:
    """Train a student from its initial weights on labels and on the round's pseudo-labels."""
    pseudo = PseudoLabelled(
        path=paths.pseudo_labels(key),
        soft={name: selection.targets == "soft" for name, selection in params.pseudo_labels.heads.items()},
        weight=params.student.pseudo_weight,
    )
    return train(key, params, params.student, pseudo)


if __name__ == "__main__":
    run_keyed_stage(train_student)
