"""What the study trains and where it keeps it: study/params.yaml beside the pipeline's own parameters."""

from pathlib import Path

from distillery.errors import DistilleryError
from distillery.params import Params, validate
from distillery.params.study import Study, merge, validate_study, variant_params
from tasks.support.command import PARAMS
from tasks.support.yaml_file import read_yaml

STUDY = Path("study/params.yaml")
FOLDER = Path("data/study")
MANIFEST = FOLDER / "manifest.parquet"
IMAGES = FOLDER / "images"
LEDGER = FOLDER / "ledger.parquet"
NETWORKS = FOLDER / "networks"
REPORT = FOLDER / "report"
PAGE = REPORT / "study.md"


def read_study() -> Study:
    """Read and check the study's parameters.

    Raises:
        DistilleryError: the file is missing, not YAML, or does not fit the schema.
    """
    return validate_study(read_yaml(STUDY), str(STUDY))


def read_base(study: Study) -> Params:
    """The pipeline's parameters as all variants have them.

    Raises:
        DistilleryError: what the base makes of the parameters does not fit their schema.
    """
    return validate(merge(read_mapping(PARAMS), study.base), f"{PARAMS} with the base of {STUDY}")


def read_variant(study: Study, variant: str, seed: int) -> Params:
    """The pipeline's parameters as a variant has them.

    Raises:
        DistilleryError: there is no such variant, or what it makes of the parameters does not fit their schema.
    """
    found = variant_params(read_mapping(PARAMS), study, variant, seed)
    return validate(found, f"{PARAMS} with {STUDY}, variant {variant}")


def read_mapping(path: Path) -> dict[str, object]:
    """A YAML file's sections, as they stand there.

    Raises:
        DistilleryError: it is missing, not YAML, or no mapping.
    """
    found = read_yaml(path)
    if not isinstance(found, dict):
        raise DistilleryError(f"{path}: expected a mapping of sections, found {type(found).__name__}")
    return found


def network_folder(variant: str, seed: int) -> Path:
    """Where the worth of a variant's networks is written."""
    return NETWORKS / f"{seed}-{variant}"
