"""The kinds of numbers and names that the sections of params.yaml are made of."""

from typing import Annotated, Literal

from pydantic import Field

Share = Annotated[float, Field(ge=0, le=1)]
NotAll = Annotated[float, Field(ge=0, lt=1)]
Positive = Annotated[float, Field(gt=0)]
LARGEST = 2**31 - 1  # of what torch and numpy count or seed with
Count = Annotated[int, Field(ge=1, le=LARGEST)]
# A key that becomes the name of a folder, and must not lead anywhere else.
FolderName = Annotated[str, Field(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.-]*$")]
Span = tuple[float, float]
Precision = bool | Literal["auto"]  # bfloat16: auto is where the machine has instructions for it
