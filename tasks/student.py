"""Reads the manifest, the images, a round's pseudo-labels and its teacher; writes ``models/<round>/``."""

from pathlib import Path

from distillery.params import Params
from tasks.support import paths
from tasks.support.command import run_keyed_stage
from tasks.support.training import PseudoLabelled, train


def train_student(params: Params, key: str) -> Path:
    """Train a student on labels and on the round's pseudo-labels, from initial weights or from its teacher's."""
    pseudo = PseudoLabelled(
        path=paths.pseudo_labels(key),
        soft={name: selection.targets == "soft" for name, selection in params.pseudo_labels.heads.items()},
        learning=params.student.pseudo_labels,
    )
    start = paths.model(params.rounds[key].teacher) if params.student.start == "teacher" else None
    return train(key, params, params.student, pseudo, start)


if __name__ == "__main__":
    run_keyed_stage(train_student)
