"""``distillery <command>``: what people ask of finished rounds, beside the stages that DVC runs."""

import argparse

from tasks.support.command import finish, make_ready, read_params
from tasks.support.what_if import print_comparison


def main() -> None:
    parser = argparse.ArgumentParser(prog="distillery", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="command")
    what_if = commands.add_parser("what-if", help="what other rules would keep of a round's predictions")
    what_if.add_argument("round", help="its key in params.yaml, for instance r1")
    what_if.set_defaults(act=lambda options: print_comparison(options.round, read_params()))
    options = parser.parse_args()

    def act() -> None:
        make_ready()
        options.act(options)

    finish(act)


if __name__ == "__main__":
    main()
