"""The study: networks of every variant, one seed of all of them first, then what became of the papers' claims.

``python -m flows.study`` runs it, with a Prefect server or without one.
"""

from prefect import flow
from prefect.client.schemas.objects import State

from flows.artifacts import show_study
from flows.stages import run
from flows.workspace import run_by_hand, work_alone
from tasks.study.design import PAGE, read_study
from tasks.support.command import read_params

FILE = "study/dvc.yaml"


@flow(name="study", log_prints=True)
def study() -> State | None:
    """Bring the study up to date; networks that DVC finds unchanged are skipped."""
    return work_alone(_run_study)


def _run_study() -> None:
    params, design = read_params(), read_study()
    for domain in params.faces.domains:
        run("faces", domain)
    run("images", file=FILE)
    for seed in design.seeds:
        for variant in design.trained:
            run("networks", f"{seed}-{variant}", file=FILE)
    run("claims", file=FILE)
    show_study(PAGE)


if __name__ == "__main__":
    run_by_hand(study)
