"""The whole method on a page: a teacher on labels, then rounds of pseudo-labels and students (2MD, arXiv 1907.03402).

``python -m flows.distillation`` runs it, with a Prefect server or without one.
"""

from prefect import flow

from distillery.params import TEACHER
from flows.stages import exit_on_sigterm, hold_workspace, record, run
from tasks.support.command import read_params


@flow(name="distillation", log_prints=True)
def distillation() -> None:
    """Bring every artefact up to date; what DVC finds unchanged is skipped."""
    with hold_workspace():
        params = read_params()
        for domain in params.faces.domains:
            run("faces", domain)
        run("manifest")
        run("images")
        run("ledger")

        run("teacher")
        run("teacher_evaluation")
        run("views")
        record(TEACHER)

        for key in params.rounds:
            run("predictions", key)
            run("pseudo_labels", key)
            run("student", key)
            run("evaluation", key)
            run("few_shot", key)
            record(key)

        run("promotion")
        run("report")
        record(params.models[-1])


if __name__ == "__main__":
    exit_on_sigterm()
    distillation()
