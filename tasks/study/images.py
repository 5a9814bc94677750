"""Reads the raw data sets; writes ``data/study/``: manifest, images and ledger of all variants, at the study's size."""

from tasks import images, ledger, manifest
from tasks.study import design
from tasks.support.command import run_stage


def write_images(_: object) -> None:
    """What the pipeline's first three stages make, by the study's base."""
    base = design.read_base(design.read_study())
    manifest.main(base, design.MANIFEST)
    images.main(base, design.IMAGES, design.MANIFEST)
    ledger.main(base, design.LEDGER, design.MANIFEST, design.IMAGES)


if __name__ == "__main__":
    run_stage(write_images)
