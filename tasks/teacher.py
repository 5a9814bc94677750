"""Reads the manifest and the images; writes ``models/r0/``: the network trained on labels alone."""

from pathlib import Path

from distillery.params import TEACHER, Params
from tasks.support.command import run_stage
from tasks.support.training import train


def train_teacher(params: Params) -> Path:
    """Train the teacher on every labelled data set."""
    return train(TEACHER, params, params.teacher)


if __name__ == "__main__":
    run_stage(train_teacher)
