"""Locating, and what was found."""

from __future__ import annotations

import base64
import dataclasses
import html
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from . import _native
from ._inputs import Captures, Progress, captures_of, site_of
from ._records import (
    Candidate,
    CaptureSpan,
    Chance,
    Clock,
    Detectable,
    Event,
    Fit,
    Leak,
    Machine,
    PairReport,
    PathUsed,
    Patch,
    Proof,
    SensorReport,
    build,
)
from ._site import Site
from ._spectra import Spectra, merge
from .errors import RequestError

if TYPE_CHECKING:
    import matplotlib.axes
    import xarray


@dataclass(frozen=True, eq=False)
class WallMap:
    """The steered response over one wall, in decibels re the strongest place of all walls.

    `response_db` is `[v, u]`, `position_m` `[v, u, 3]`, both of the middles of cells that span the wall; `v_m` is one number
    a row, `u_m` one a cell, since the same angle is another length on a cone. A mesh has one row of all its triangles, and neither.
    """

    wall: str
    response_db: npt.NDArray[np.float32]
    position_m: npt.NDArray[np.float64]
    u_m: npt.NDArray[np.float64] | None
    v_m: npt.NDArray[np.float64] | None

    def to_xarray(self) -> xarray.DataArray:
        """The map with its coordinates (needs xarray)."""
        import xarray

        coords: dict[str, Any] = {f"{axis}_m": (("v", "u"), self.position_m[..., i]) for i, axis in enumerate("xyz")}
        if self.u_m is not None:
            coords |= {"u_m": (("v", "u"), self.u_m), "v_m": ("v", self.v_m)}
        attrs = {"units": "dB", "wall": self.wall}
        return xarray.DataArray(self.response_db, dims=("v", "u"), coords=coords, name="response_db", attrs=attrs)

    def plot(self, ax: matplotlib.axes.Axes | None = None) -> matplotlib.axes.Axes:
        """The wall laid flat, seen from its inner side, on an axes of matplotlib (needs matplotlib)."""
        if self.u_m is None or self.v_m is None:
            raise RequestError(f"wall '{self.wall}' is a mesh, which cannot be laid flat; see Result.picture('module')")
        import matplotlib.pyplot as plt

        ax = ax or plt.gca()
        v_m = np.broadcast_to(self.v_m[:, None], self.u_m.shape)
        strongest = float(self.response_db.max())
        image = ax.pcolormesh(self.u_m, v_m, self.response_db, shading="nearest", vmin=strongest - 12.0, vmax=strongest)
        ax.set(xlabel="u (m)", ylabel="v (m)", aspect="equal", title=f"response on {self.wall}")
        ax.figure.colorbar(image, ax=ax, label="dB re the strongest place", shrink=0.5)
        return ax


@dataclass(frozen=True, eq=False)
class Result:
    """What an analysis found: `result.json` as a dataclass, with the maps as arrays and the program's own pictures."""

    verdict: Literal["leak", "no-leak", "inconclusive"]
    leaks: tuple[Leak, ...]
    candidates: tuple[Candidate, ...]
    search: tuple[Patch, ...]
    machines: tuple[Machine, ...]
    chance: Chance
    map_z: float | None
    band_hz: tuple[float, float]
    path: PathUsed
    capture: CaptureSpan
    sensors: tuple[SensorReport, ...]
    pairs: tuple[PairReport, ...]
    reasons: tuple[str, ...]
    warnings: tuple[str, ...]
    notes: tuple[str, ...]
    dropped_bins: tuple[str, ...]
    timing_s: Mapping[str, float]
    software: Mapping[str, str]
    fit: Fit | None = None
    detectable: Detectable | None = None
    proof: Proof | None = None
    clocks: tuple[Clock, ...] = ()
    events: tuple[Event, ...] = ()
    maps: tuple[WallMap, ...] = field(default=(), repr=False)
    json: str = field(default="", repr=False)
    """`result.json` as the program writes it."""
    summary: str = field(default="", repr=False)
    """What the program prints."""
    _native: _native.Outcome | None = field(default=None, repr=False)
    _kept: Mapping[str, bytes] = field(default_factory=dict, repr=False)

    def picture(self, name: str = "map") -> bytes:
        """A picture of the program's as a PNG: map, module, correlations, coherence, levels or spectrogram."""
        if self._native is not None:
            return self._native.plot_png(name)
        if name in self._kept:
            return self._kept[name]
        raise RequestError(f"the picture '{name}' is drawn only where the result was made; of one that travelled the map is left")

    def write(self, out: str | os.PathLike[str], *, plots: bool = True, export: Sequence[Literal["csv", "vtp", "geojson"]] = ()) -> None:
        """Writes to the folder `out` what `pinhole locate --out` writes, each file whole or not at all."""
        if self._native is None:
            raise RequestError("a result that travelled between processes cannot be written; write it where it was made")
        self._native.write(os.fspath(out), plots, list(export))

    def _repr_html_(self) -> str:
        image = base64.b64encode(self.picture("map")).decode()
        return (
            f'<figure style="margin:0"><img alt="map of the walls" style="max-width:100%" src="data:image/png;base64,{image}">'
            f"<figcaption><pre>{html.escape(self.summary)}</pre></figcaption></figure>"
        )

    def __reduce__(self) -> tuple[Any, ...]:
        return _revived, (self.json, self.summary, self.maps, {"map": self.picture("map")})


def _revived(text: str, summary: str, maps: tuple[WallMap, ...], kept: Mapping[str, bytes]) -> Result:
    return _result(text, summary, maps, None, kept)


def _result(
    text: str, summary: str, maps: tuple[WallMap, ...], native: _native.Outcome | None, kept: Mapping[str, bytes]
) -> Result:
    known = build(Result, json.loads(text))
    return dataclasses.replace(known, maps=maps, json=text, summary=summary, _native=native, _kept=kept)


def _wall_map(raw: tuple[str, Any, Any, tuple[Any, list[float]] | None]) -> WallMap:
    wall, response_db, position_m, along = raw
    u_m, v_m = (along[0], np.array(along[1])) if along else (None, None)
    for array in (response_db, position_m, u_m, v_m):
        if array is not None:
            array.flags.writeable = False
    return WallMap(wall, response_db, position_m, u_m, v_m)


def locate(
    captures: Captures | Spectra | Sequence[Spectra],
    site: Site | str | os.PathLike[str] | None = None,
    *,
    background: Captures | Spectra | Sequence[Spectra] | None = None,
    sample_rate_hz: int | None = None,
    band_hz: tuple[float, float] | None = None,
    from_s: float | None = None,
    to_s: float | None = None,
    leaks: int | Literal["auto"] = "auto",
    weighting: Literal["scot", "phat", "plain"] = "scot",
    alarm: float = 0.01,
    prove: int = 0,
    transient: bool = False,
    threads: int | None = None,
    progress: Progress | None = None,
) -> Result:
    """Locates a leak, as `pinhole locate` does, from captures (see `cross_spectra`) or from spectra that stand for them.

    The result is the same on any number of threads, and the same as the program's.

    >>> import pinhole
    >>> result = pinhole.locate("samples/tunnel/capture.wav")
    >>> leak = result.leaks[0]
    >>> print(f"{result.verdict} on {leak.wall.id}, ±{leak.ellipse_95.semi_major_m * 1e3:.1f} mm")
    leak on barrel, ±1.9 mm
    >>> result.maps[0].response_db.shape == result.maps[0].u_m.shape
    True
    """
    what, over = _heard(captures), None if background is None else _heard(background)
    native = _native.locate(
        what,
        site_of(site, what)._native,
        background=over,
        sample_rate_hz=sample_rate_hz,
        band_hz=band_hz,
        from_s=from_s,
        to_s=to_s,
        leaks=None if leaks == "auto" else leaks,
        weighting=weighting,
        alarm=alarm,
        prove=prove,
        transient=transient,
        threads=threads,
        progress=progress,
    )
    return _result(native.json(), native.summary(), tuple(map(_wall_map, native.maps())), native, {})


def _heard(captures: Captures | Spectra | Sequence[Spectra]) -> list[Any]:
    """Captures as they are, or one matrix: files of spectra are read and added, as the program does."""
    if isinstance(captures, Spectra):
        return [captures._native]
    listed = captures_of(captures)  # type: ignore[arg-type]
    of_spectra = [isinstance(one, Spectra) or (isinstance(one, (str, os.PathLike)) and _native.is_spectra(one)) for one in listed]
    if listed and all(of_spectra):
        return [merge(*listed)._native]
    if any(of_spectra):
        raise RequestError("captures and spectra in one; make spectra of the captures first, and merge them")
    return listed
