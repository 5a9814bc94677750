"""Reads what the study's networks are worth; writes ``data/study/report/``: what became of the claims."""

from dataclasses import asdict
from itertools import product
from pathlib import Path

import polars as pl

from distillery.errors import DistilleryError
from distillery.files import whole_folder
from distillery.heads import Compound
from distillery.params import TEACHER, Params
from distillery.params.study import HEAD, Claim, Study
from distillery.reporting.figures import draw_claims
from distillery.reporting.results import primary_scores
from distillery.reporting.study.compare import DRAWS, MEAN, POINTS, Networks
from distillery.reporting.study.page import head_of_page, verdict, write_claims, write_networks, write_transfer
from tasks.study import design
from tasks.support.command import run_stage
from tasks.support.evaluations import read_evaluation

CLAIMS = pl.Schema(
    {"claim": pl.String(), "head": pl.String(), "value": pl.Float64(), "low": pl.Float64(), "high": pl.Float64()}
    | {"seeds": pl.Int64(), "verdict": pl.String()}
)


def write_report(_: object) -> Path:
    """Compare the networks that are trained; of a claim the seeds count that all its sides have."""
    study = design.read_study()
    base = design.read_base(study)
    networks = _networks(study, base)
    learnt = list(base.learnt)
    zero_shot = [name for name, head in base.heads.items() if isinstance(head, Compound)]
    _check_heads(study, base)
    claims = {name: networks.compare(claim, claim.heads or learnt) for name, claim in study.claims.items()}
    lines = [
        head_of_page(study, base.report.title),
        *write_networks(networks, learnt, zero_shot),
        *write_claims(study.claims, claims, [*learnt, *zero_shot]),
        *_transfer(networks, study.single, learnt),
    ]
    rows = [
        {"claim": name, "head": head, **asdict(found), "verdict": verdict(study.claims[name], by_head, head)}
        for name, by_head in claims.items()
        for head, found in by_head.items()
    ]
    table = pl.DataFrame(rows, schema=CLAIMS)
    figure = draw_claims(table.filter(pl.col("head") == MEAN))
    with whole_folder(design.REPORT) as draft:
        (draft / design.PAGE.name).write_text("\n".join(lines) + "\n")
        table.write_csv(draft / "claims.csv")
        figure.savefig(draft / "study.png")
    print(f"study: {design.PAGE}, {len(networks.names)} networks", flush=True)
    return design.REPORT


def _transfer(networks: Networks, single: str | None, learnt: list[str]) -> list[str]:
    if single is None:
        return []
    ones = {single.replace(HEAD, head) for head in learnt}
    several = [name for name in networks.names if name.split("/")[0] not in ones]
    alone = {name: Claim(text=name, better=name, than=single, domains="seen") for name in several}
    return write_transfer({name: networks.compare(claim, learnt) for name, claim in alone.items()}, learnt)


def _check_heads(study: Study, base: Params) -> None:
    for name, claim in study.claims.items():
        if unknown := sorted({*claim.heads, claim.than_head or next(iter(base.heads))} - set(base.heads)):
            raise DistilleryError(f"{design.STUDY}: claims.{name} names heads {unknown}; allowed: {list(base.heads)}")


def _networks(study: Study, base: Params) -> Networks:
    """What is there of the networks that are to be trained; the rest is said."""
    points, draws, validation = [POINTS.to_frame()], [DRAWS.to_frame()], []
    for seed, variant in product(study.seeds, study.trained):
        folder = design.network_folder(variant, seed)
        if not folder.is_dir():
            print(f"study: {variant}, seed {seed}, is not trained yet", flush=True)
            continue
        history = read_evaluation(folder / TEACHER, "history")
        validation.append({"variant": variant, "seed": seed, "loss": history["val_loss"][-1]})
        for part in sorted(folder.iterdir()):
            names = {"variant": pl.lit(variant), "seed": pl.lit(seed, dtype=pl.Int64), "round": pl.lit(part.name)}
            scores = read_evaluation(part, "scores").with_columns(**names)
            points.append(primary_scores(scores, base.heads).select(POINTS.names()))
            draws.append(read_evaluation(part, "draws").with_columns(**names).select(DRAWS.names()))
    if not validation:
        raise DistilleryError(f"{design.NETWORKS}: no network is there; `make study` trains them")
    return Networks(
        pl.concat(points),
        pl.concat(draws),
        pl.DataFrame(validation),
        targets=base.targets,
        resamples=study.resamples,
        confidence=study.confidence,
    )


if __name__ == "__main__":
    run_stage(write_report)
