"""How well a layout can locate, before anything is recorded."""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from . import _native
from ._inputs import Progress, site_of
from ._records import Added, Ambiguity, ErrorShares, Spread, Vector, build
from ._site import Site


@dataclass(frozen=True, eq=False)
class PlanMap:
    """One wall, a number a cell: place, one standard deviation of a leak's place there, and the weakest leak that is found."""

    wall: str
    u_m: npt.NDArray[np.float64]
    v_m: npt.NDArray[np.float64]
    position_m: npt.NDArray[np.float64]
    error_m: npt.NDArray[np.float32]
    weakest_level_over_noise_db: npt.NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Plan:
    """How well a layout will do: `plan.json` as a dataclass, with the maps as arrays."""

    site: str
    sensors: int
    area_m2: float
    band_hz: tuple[float, float]
    duration_s: float
    snr_db: float
    false_alarm_probability: float
    error_m: Spread
    error_shares: ErrorShares
    weakest_snr_db: Spread
    weakest_level_over_noise_db: Spread
    mirrored_share: float
    ambiguities: tuple[Ambiguity, ...]
    added: tuple[Added, ...]
    warnings: tuple[str, ...]
    maps: tuple[PlanMap, ...] = field(default=(), repr=False)
    json: str = field(default="", repr=False)
    """`plan.json` as the program writes it."""
    summary: str = field(default="", repr=False)
    """What the program prints."""
    _native: _native.Planned | None = field(default=None, repr=False)

    def write(self, out: str | os.PathLike[str], *, plots: bool = True) -> None:
        """Writes to the folder `out` what `pinhole plan --out` writes."""
        assert self._native is not None
        self._native.write(os.fspath(out), plots)


def plan(
    site: Site | str | os.PathLike[str],
    *,
    band_hz: tuple[float, float] | None = None,
    sample_rate_hz: float = 192_000.0,
    duration_s: float = 1.0,
    snr_db: float = -10.0,
    alarm: float = 0.01,
    add: int = 0,
    rail_m: Sequence[Vector] = (),
    threads: int | None = None,
    progress: Progress | None = None,
) -> Plan:
    """Plans a recording, as `pinhole plan` does; `add` proposes where more sensors help most, of `rail_m` if that is given.

    >>> import pinhole
    >>> planned = pinhole.plan("samples/tunnel/site.toml", duration_s=10.0)
    >>> planned.sensors, planned.error_m.median < 0.002
    (8, True)
    """
    native = _native.plan(
        site_of(site, [])._native,
        band_hz=None if band_hz is None else list(band_hz),
        sample_rate_hz=sample_rate_hz,
        duration_s=duration_s,
        snr_db=snr_db,
        alarm=alarm,
        add=add,
        rail_m=[list(place) for place in rail_m],
        threads=threads,
        progress=progress,
    )
    text = native.json()
    maps = tuple(
        PlanMap(wall, u_m, v_m, np.stack([x, y, z], axis=-1), error_m, weakest)
        for wall, (u_m, v_m, x, y, z), (error_m, weakest) in native.cells()
    )
    known = build(Plan, json.loads(text))
    return dataclasses.replace(known, maps=maps, json=text, summary=native.summary(), _native=native)
