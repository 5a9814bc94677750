"""Reads the raw data sets; writes ``data/study/``: the manifest and the images of all variants, at the study's size."""

from tasks import images, manifest
from tasks.study import design
from tasks.support.command import run_stage


def write_images(_: object) -> None:
    """What the pipeline's first two stages make, by the study's base."""
    base = design.read_base(design.read_study())
    manifest.main(base, design.MANIFEST)
    images.main(base, design.IMAGES, design.MANIFEST)


if __name__ == "__main__":
    run_stage(write_images)
