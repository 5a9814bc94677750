"""What a call answers: its result, or the words of the one error that it documents. Anything else goes through."""

from collections.abc import Callable
from typing import Any


def answer(documented: type[Exception], call: Callable[..., Any], *arguments: object, **options: object) -> tuple:
    """(result, "") or (None, the error's words)."""
    try:
        return call(*arguments, **options), ""
    except documented as error:
        return None, str(error) or "(no words)"
