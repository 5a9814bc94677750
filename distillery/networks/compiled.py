"""A network by torch.compile; where there is nothing to compile with, an error that says so."""

from collections.abc import Callable
from typing import ParamSpec, TypeVar

import torch

from distillery.errors import DistilleryError

P = ParamSpec("P")
R = TypeVar("R")


def compiled(forward: Callable[P, R], **options: bool) -> Callable[P, R]:
    """The same function, compiled at its first call.

    Args:
        options: of torch's Inductor.

    Raises:
        DistilleryError: at that call, if there is no C++ compiler.
    """
    # Inductor's cache on the disk is pickled, and nothing is ever unpickled here.
    faster = torch.compile(forward, options={"fx_graph_cache": False, **options})

    def call(*arguments: P.args, **named: P.kwargs) -> R:
        try:
            return faster(*arguments, **named)
        except RuntimeError as error:
            if "No working C++ compiler" not in str(error):
                raise
            raise DistilleryError(
                "there is no C++ compiler, which compiling needs on a CPU: install one (g++), or set 'compile: false'"
            ) from error

    return call
