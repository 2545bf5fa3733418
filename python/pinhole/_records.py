"""The records of `result.json` and `plan.json` as frozen dataclasses; keys and fields have the same names."""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

T = TypeVar("T")
Vector = tuple[float, float, float]


@dataclass(frozen=True)
class WallPlace:
    """A place along a wall; `u_m` and `v_m` are None on a mesh, where `triangle` stands."""

    id: str
    u_m: float | None = None
    v_m: float | None = None
    angle_deg: float | None = None
    triangle: int | None = None


@dataclass(frozen=True)
class Place:
    """A place in the module's frame and along its wall."""

    position_m: Vector
    wall: WallPlace


@dataclass(frozen=True)
class Ellipse:
    """An ellipse in the tangent plane of the wall, its larger axis `angle_deg` from `u` towards `v`."""

    semi_major_m: float | None
    semi_minor_m: float | None
    angle_deg: float | None


@dataclass(frozen=True)
class Share:
    """The share of a leak's covariance that one source brings."""

    source: str
    share: float | None


@dataclass(frozen=True)
class Leak:
    """A located leak."""

    rank: int
    position_m: Vector
    wall: WallPlace
    ellipse_95: Ellipse
    covariance_uv_m2: tuple[tuple[float | None, ...], ...]
    covariance_shares: tuple[Share, ...]
    false_alarm_probability: float | None
    snr_db: float | None
    level_db: float | None
    resolution_m: float | None


@dataclass(frozen=True)
class Candidate:
    """A place that the map favours."""

    position_m: Vector
    wall: WallPlace
    score: float | None
    weight: float | None
    explained_by: int | None


@dataclass(frozen=True)
class Patch:
    """A patch of wall to be looked at, in the order of probability per area."""

    position_m: Vector
    wall: WallPlace
    size_m: tuple[float, float]
    angle_deg: float
    probability: float
    cumulative: float


@dataclass(frozen=True)
class Machine:
    """A sound from off every wall."""

    position_m: Vector


@dataclass(frozen=True)
class Chance:
    """What chance makes of a capture like this one without a leak."""

    false_alarm_probability: float | None
    allowed: float
    needed_z: float | None
    draws: int


@dataclass(frozen=True)
class Detectable:
    """The weakest leak that the capture would have shown."""

    snr_db: float | None
    level_db: float | None


@dataclass(frozen=True)
class Proof:
    """The leak put back into captures like this one and located again."""

    captures: int
    told: float
    median_error_m: float | None
    p90_error_m: float | None
    expected_median_m: float | None
    coverage_50: float | None
    coverage_90: float | None
    coverage_95: float | None


@dataclass(frozen=True)
class Clock:
    """How the clock of a free recorder stands to another."""

    recorder: str
    reference: str
    offset_s: float
    offset_sigma_s: float | None
    drift_ppm: float | None
    drift_sigma_ppm: float | None
    blocks: int
    joint: bool = False


@dataclass(frozen=True)
class Pick:
    """The beginning of a transient at one sensor."""

    sensor: str
    time_s: float
    sigma_s: float | None
    residual_s: float | None


@dataclass(frozen=True)
class Event:
    """One transient, located by two roads."""

    time_s: float
    level_db: float | None
    road: str | None
    steered: Place | None
    first_arrivals: Place | None
    apart_m: float | None
    chi2_per_dof: float | None
    picks: tuple[Pick, ...]


@dataclass(frozen=True)
class PathUsed:
    """How sound travelled in the analysis."""

    kind: str
    speed_m_s: float
    speed_sigma_m_s: float
    phase_speed_m_s: float
    mode: str | None = None
    other_mode: Mapping[str, Any] | None = None
    behaves: Mapping[str, float] | None = None


@dataclass(frozen=True)
class CaptureSpan:
    """What was analysed."""

    files: tuple[str, ...]
    sample_rate_hz: int
    channels: int
    from_s: float
    duration_s: float
    segment_samples: int
    averages: float
    background_files: tuple[str, ...] = ()


@dataclass(frozen=True)
class SensorReport:
    """What became of one sensor."""

    id: str
    channel: int
    used: bool
    faults: tuple[str, ...]
    level_db: float | None
    snr_db: float | None
    range_residual_m: float | None
    range_residual_sigmas: float | None


@dataclass(frozen=True)
class PairReport:
    """One pair of sensors; delays are arrival at `a` minus arrival at `b`."""

    a: str
    b: str
    tdoa_s: float | None
    sigma_s: float | None
    residual_s: float | None
    coherence: float | None
    used: bool


@dataclass(frozen=True)
class Fit:
    """How well measured delays and stated geometry agree."""

    chi2_per_dof: float | None
    dof: int
    worst_sensor: str


@dataclass(frozen=True)
class Spread:
    """A figure over the walls: half the wall is better than `median`, nine tenths than `nine_in_ten`."""

    median: float | None
    nine_in_ten: float | None
    worst: float | None
    worst_at: Place


@dataclass(frozen=True)
class ErrorShares:
    """Shares of the mean variance."""

    noise: float
    sensor_positions: float
    wave_speed: float


@dataclass(frozen=True)
class Ambiguity:
    """A place and another that explains its sound nearly as well."""

    place: Place
    other: Place
    score: float
    mirror: bool


@dataclass(frozen=True)
class Added:
    """A place where one more sensor helps most."""

    position_m: Vector
    nearest: Place
    rms_error_m: float
    rms_error_before_m: float
    weakest_level_over_noise_db: float
    weakest_level_over_noise_before_db: float


def build(kind: type[T], record: Mapping[str, Any]) -> T:
    """A dataclass from a JSON object; keys that it does not know, a later version's, are left out."""
    assert dataclasses.is_dataclass(kind)
    hints = typing.get_type_hints(kind)
    known = {f.name: _value(hints[f.name], record[f.name]) for f in dataclasses.fields(kind) if f.name in record}
    return kind(**known)


def _value(hint: Any, value: Any) -> Any:
    if value is None:
        return None
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        hint = next(one for one in typing.get_args(hint) if one is not type(None))
    if typing.get_origin(hint) is tuple:
        kinds = typing.get_args(hint)
        return tuple(_value(kinds[0], one) for one in value)
    return build(hint, value) if dataclasses.is_dataclass(hint) and isinstance(hint, type) else value
