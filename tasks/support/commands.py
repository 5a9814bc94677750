"""``distillery <command>``: what people ask beside the stages that DVC runs."""

import argparse
from collections.abc import Iterable
from pathlib import Path

from distillery.params import Params
from tasks.support.cleanlab import export_labels
from tasks.support.command import PARAMS, finish, make_ready, read_params
from tasks.support.plots import draw_plots
from tasks.support.trace import print_trace
from tasks.support.what_if import print_comparison


def main() -> None:
    parser = argparse.ArgumentParser(prog="distillery", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="command")
    check = commands.add_parser("check", help="whether params.yaml fits, before anything runs")
    check.set_defaults(act=lambda _: print(f"{PARAMS} fits: {_in_short(read_params())}"))
    what_if = commands.add_parser("what-if", help="what other rules would keep of a round's predictions")
    what_if.add_argument("round", help="its key in params.yaml, for instance r1")
    what_if.set_defaults(act=lambda options: print_comparison(options.round, read_params()))
    export = commands.add_parser("cleanlab", help="a CSV in which cleanlab looks for wrong labels (val and audit)")
    export.add_argument("round", help="whose teacher's predictions are written, for instance r1")
    export.add_argument("head", help="a classification head")
    export.add_argument("file", type=Path, help="where to, for instance expression.csv")
    export.set_defaults(act=lambda options: export_labels(options.round, options.head, options.file, read_params()))
    chain = commands.add_parser("trace", help="where something comes from and what came of it")
    chain.add_argument(
        "what", help="an image's id or path, a round's pseudo_labels.parquet, a round, champion or an MLflow run"
    )
    chain.set_defaults(act=lambda options: print_trace(options.what, read_params()))
    plots = commands.add_parser("plots", help="DVC's plots on a page that loads nothing from the web")
    plots.add_argument(
        "revisions", nargs="*", help="commits, branches or experiments over each other; one: the working tree over it"
    )
    plots.set_defaults(act=lambda options: draw_plots(options.revisions))
    options = parser.parse_args()

    def act() -> None:
        make_ready()
        options.act(options)

    finish(act)


def _in_short(params: Params) -> str:
    named: dict[str, Iterable[str]] = {
        "heads": params.heads,
        "data sets": params.manifest.datasets,
        "networks": params.models,
    }
    return "; ".join(f"{what} {', '.join(names)}" for what, names in named.items())


if __name__ == "__main__":
    main()
