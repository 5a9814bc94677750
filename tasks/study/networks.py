"""Reads the study's images; writes ``data/study/networks/<seed>-<variant>/``: what a variant's networks are worth.

The pipeline's own stages run in a folder of the variant's, one after another. Interrupted, it goes on where it was.
Variants whose teachers are the same train it once.
"""

import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import chdir
from functools import partial
from pathlib import Path

from distillery.errors import DistilleryError
from distillery.files import file_hash, whole_file, whole_folder
from distillery.images.partial import keep_one_label
from distillery.images.store import ImageStore
from distillery.params import TEACHER, Params
from distillery.tables import manifest_schema, read_table, write_table
from tasks import evaluation, ledger, manifest, predictions, pseudo_labels, student, teacher
from tasks.study import design
from tasks.support import paths, tracking
from tasks.support.command import run_keyed_stage
from tasks.support.machine import describe_machine
from tasks.support.provenance import stage_code
from tasks.support.resuming import mark_of

KEPT = ("scores", "draws", "audit", "history")
MARK = "made_of"
TEACHERS = paths.CHECKPOINTS / "teachers"


def write_networks(_: object, key: str) -> Path:
    """Train and evaluate a variant's teacher and what its rounds distil.

    Args:
        key: ``<seed>-<variant>``.

    Raises:
        DistilleryError: there is no such variant, or it does not fit the pipeline's schema.
    """
    seed, _, variant = key.partition("-")
    if not seed.isdecimal():
        raise DistilleryError(f"{key!r}: wants <seed>-<variant>, for instance 0-dynamic")
    os.environ.pop(tracking.FLOW_RUN_NAME, None)  # one flow run has many variants: each is recorded by its own name
    study = design.read_study()
    params = design.read_variant(study, variant, int(seed))
    target, folder = design.network_folder(variant, int(seed)), _folder(key, params, study.one_label_of(variant))
    with chdir(folder):
        for output, act in _stages(params):
            if not output.exists():
                act()
        tracking.record_rounds(params, whole=False)
    with whole_folder(target) as draft:
        for model in params.models:
            (draft / model).mkdir()
            for what in KEPT:
                shutil.copy(folder / paths.evaluation(model) / f"{what}.csv", draft / model)
    shutil.rmtree(folder)
    return target


def _folder(key: str, params: Params, one_label_of: Sequence[str]) -> Path:
    """Where the stages run: with the study's images and the MLflow record in it, and nothing of another making."""
    folder = paths.CHECKPOINTS / "study" / key
    facts = (
        params.model_dump_json(),
        list(one_label_of),
        file_hash(design.MANIFEST),
        file_hash(design.LEDGER),
        ImageStore(design.IMAGES).content_hash(),
    )
    mark, found = mark_of(*facts, stage_code("networks", "study/dvc.yaml")), folder / MARK
    if not found.is_file() or found.read_text() != mark:
        shutil.rmtree(folder, ignore_errors=True)
        for place, path in _linked(params):
            (folder / place).parent.mkdir(parents=True, exist_ok=True)
            (folder / place).symlink_to(path.resolve())
        _write_manifest(folder, params, one_label_of)
        with whole_file(found) as temporary:
            temporary.write_text(mark)
    return folder


def _write_manifest(folder: Path, params: Params, one_label_of: Sequence[str]) -> None:
    """The study's manifest and ledger, or, for a variant that wants it so, a partly labelled one, or other splits."""
    base, path = design.read_base(design.read_study()), folder / paths.MANIFEST
    own = _splits(params) != _splits(base)
    if own:
        manifest.main(params.model_copy(update={"seed": base.seed}), path)  # the same people in every test split
        ledger.main(params, folder / paths.LEDGER, path, design.IMAGES)
    else:
        path.symlink_to(design.MANIFEST.resolve())
        (folder / paths.LEDGER).symlink_to(design.LEDGER.resolve())
    if one_label_of:
        partly = keep_one_label(read_table(path), one_label_of, params.seed)
        path.unlink()  # not what a link leads to
        write_table(partly.to_arrow(), manifest_schema(params.heads if own else base.heads), path)


def _splits(params: Params) -> dict[str, object]:
    return {name: dataset.splits for name, dataset in params.manifest.datasets.items()}


def _linked(params: Params) -> Iterator[tuple[Path, Path]]:
    """What the stages look for in their folder, and where it is."""
    yield paths.IMAGES, design.IMAGES
    TEACHERS.mkdir(parents=True, exist_ok=True)
    yield TEACHERS, TEACHERS
    if params.network.pretrained is not None:
        yield Path(params.network.pretrained.path), Path(params.network.pretrained.path)
    records = {Path("runs")}  # and where a database of another name lies
    if params.tracking.uri.startswith("sqlite:///"):
        records.add(Path(params.tracking.uri.removeprefix("sqlite:///")).parent)
    for record in records:
        if not record.is_absolute():
            record.mkdir(parents=True, exist_ok=True)
            yield record, record


def _train_teacher(params: Params) -> None:
    """Train the teacher, unless another variant has trained this very one."""
    facts = params.model_dump_json(
        include={"seed", "threads", "device", "deterministic", "heads", "network", "teacher"}
    )
    data = file_hash(paths.MANIFEST), file_hash(paths.LEDGER), ImageStore(paths.IMAGES).content_hash()
    of_today = TEACHERS / stage_code("teacher")
    for other in set(TEACHERS.iterdir()) - {of_today}:
        shutil.rmtree(other)  # by code that is no more
    kept = of_today / mark_of(facts, *data, describe_machine(params, bf16=False))
    source, target = (kept, paths.model(TEACHER)) if kept.is_dir() else (teacher.train_teacher(params), kept)
    with whole_folder(target) as draft:
        shutil.copytree(source, draft, dirs_exist_ok=True)


def _stages(params: Params) -> Iterator[tuple[Path, Callable[[], object]]]:
    """The pipeline, from the teacher on: what each stage writes, last of all, and how it is run."""
    yield paths.model(TEACHER), partial(_train_teacher, params)
    yield paths.metrics(TEACHER), partial(evaluation.main, params, TEACHER)
    for key in params.rounds:
        yield paths.predictions(key), partial(predictions.main, params, key)
        yield paths.pseudo_labels(key), partial(pseudo_labels.main, params, key)
        yield paths.model(key), partial(student.train_student, params, key)
        yield paths.metrics(key), partial(evaluation.main, params, key)


if __name__ == "__main__":
    run_keyed_stage(write_networks)
