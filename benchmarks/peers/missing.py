"""Modules that a peer imports and that are not there; stood in for, because nothing that we call needs them."""

import sys
from types import ModuleType


class _Empty(ModuleType):
    """Has every name that is asked of it, each an empty class."""

    def __getattr__(self, name: str) -> type:
        if name.startswith("__"):
            raise AttributeError(name)
        return type(name, (), {})


def stand_in(*modules: str) -> None:
    """Let an import of each of ``modules`` succeed; one that is imported already stays."""
    for name in modules:
        if name not in sys.modules:
            sys.modules[name] = _Empty(name)
            sys.modules[name].__path__ = []
