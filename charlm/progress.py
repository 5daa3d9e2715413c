"""Progress bars of long jobs, on standard error where that is a terminal."""

import contextlib
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from tqdm import tqdm

Bar: TypeAlias = "tqdm[Any]"
Progress: TypeAlias = "str | Bar | None"


def open_bar(
    progress: Progress, *, unit: str, total: float | None = None, **options: Any
) -> AbstractContextManager[Bar]:
    """Opens a bar that shows after a second, and goes when the job is done.

    Args:
        progress: the bar's name; or a bar that is open already, which is used and stays open; None shows nothing.
        unit: of what is counted.
        total: how much there is; unknown where it is None.
        **options: tqdm's.
    """
    from tqdm import tqdm  # not by those who open none: that takes a tenth of the start of `charlm sample`

    if isinstance(progress, tqdm):
        return contextlib.nullcontext(progress)
    hidden = None if progress else True  # None hides it where standard error is no terminal
    return tqdm(desc=progress, unit=unit, total=total, unit_scale=True, leave=False, delay=1, disable=hidden, **options)
