"""Captures with a known truth."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from . import _native
from ._site import Site, parse_site


@dataclass(frozen=True, eq=False)
class Simulation:
    """Captures as their recorders would keep them, `[frame, channel]`, one a recorder; the site, and what it does not say."""

    captures: tuple[npt.NDArray[np.int16] | npt.NDArray[np.float32], ...] = field(repr=False)
    background: tuple[npt.NDArray[np.int16] | npt.NDArray[np.float32], ...] = field(repr=False)
    sample_rate_hz: int
    site: Site
    truth: Mapping[str, Any]
    """`truth.json`."""


def simulate(
    scene: str | os.PathLike[str],
    *,
    text: str | None = None,
    out: str | os.PathLike[str] | None = None,
    threads: int | None = None,
) -> Simulation:
    """Simulates a scene, as `pinhole simulate` does: the same samples every time.

    `scene` is the file, or, where `text` is given, the name that errors give. With `out` the captures, site.toml and
    truth.json are written there as well. Integers of 16 bits come as int16, all other samples as float32 of full scale 1.

    >>> import pinhole
    >>> made = pinhole.simulate("samples/tunnel_quiet.scene.toml")
    >>> made.captures[0].shape, made.captures[0].dtype.name, made.sample_rate_hz
    ((48000, 8), 'int16', 192000)
    >>> found = pinhole.locate(made.captures, made.site, sample_rate_hz=made.sample_rate_hz)
    >>> found.verdict
    'leak'
    """
    name = os.fspath(scene)
    captures, background, rate_hz, site, truth = _native.simulate(name, text, None if out is None else os.fspath(out), threads)
    beside = os.path.join(os.path.dirname(name), "site.toml")
    return Simulation(tuple(captures), tuple(background), rate_hz, parse_site(site, beside), json.loads(truth))
