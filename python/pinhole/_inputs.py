"""What is given for captures and sites, made into what the library takes."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

from ._site import Site, read_site
from .errors import RequestError

Capture = str | os.PathLike[str] | BinaryIO | npt.NDArray[Any]
"""A path, an open file with `read` and `seek`, or an array `[frame, channel]`."""

Captures = Capture | Sequence[Capture]
"""One capture a recorder, in the order of the site's recorders."""

Progress = Callable[[str, float], object]
"""Called with the name of a stage and the share of it that is done."""


def captures_of(captures: Captures) -> list[Any]:
    """Captures as a list; arrays whose numbers do not lie where the processor wants them are copied."""
    listed = list(captures) if isinstance(captures, (list, tuple)) else [captures]
    return [_aligned(one) if isinstance(one, np.ndarray) else one for one in listed]


def _aligned(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    return np.require(array, requirements="A")


def site_of(site: Site | str | os.PathLike[str] | None, captures: Sequence[Any]) -> Site:
    """The site that was given, or site.toml beside the first capture."""
    if isinstance(site, Site):
        return site
    if site is not None:
        return read_site(site)
    first = captures[0] if captures else None
    if not isinstance(first, (str, os.PathLike)):
        raise RequestError("no site file: only beside a capture given as a path can one be found; give site=")
    beside = Path(first).parent / "site.toml"
    if not beside.exists():
        raise RequestError(f"no site file: {beside} does not exist; give site=")
    return read_site(beside)
