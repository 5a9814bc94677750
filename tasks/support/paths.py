"""Where every artefact lies, relative to the repository's root."""

from pathlib import Path

RAW = Path("data/raw")
MANIFEST = Path("data/manifest.parquet")
LEDGER = Path("data/ledger.parquet")
IMAGES = Path("data/images")
PROMOTION = Path("data/promotion.json")
TARGET = Path("data/target.json")
VIEWS = Path("data/views.csv")
REPORT = Path("data/report")
CHECKPOINTS = Path(".checkpoints")
LOCKS = Path(".dvc/tmp")


def faces(domain: str) -> Path:
    return RAW / domain


def model(key: str) -> Path:
    return Path("models") / key


def predictions(key: str) -> Path:
    return Path("data/rounds") / key / "predictions"


def pseudo_labels(key: str) -> Path:
    return Path("data/rounds") / key / "pseudo_labels.parquet"


def calibration(key: str) -> Path:
    return Path("data/rounds") / key / "calibration"


def evaluation(key: str) -> Path:
    return Path("data/rounds") / key / "evaluation"


def metrics(key: str) -> Path:
    return Path("data/rounds") / key / "evaluation.json"


def few_shot(key: str) -> Path:
    return Path("data/rounds") / key / "few_shot.json"
