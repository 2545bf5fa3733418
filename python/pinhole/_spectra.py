"""The accumulated cross-spectra of captures: what locating needs of them, and what adds."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from . import _native
from ._inputs import Captures, Progress, captures_of, site_of
from ._site import Site

if TYPE_CHECKING:
    import xarray


@dataclass(frozen=True, eq=False)
class Spectra:
    """A cross-spectral matrix and what it stands for. It can be pickled, and is then as large as its file."""

    sensors: tuple[str, ...]
    sample_rate_hz: float
    band_hz: tuple[float, float]
    duration_s: float
    segments: int
    segment_samples: int
    files: tuple[str, ...]
    warnings: tuple[str, ...]
    _native: _native.Spectra = field(repr=False)

    @property
    def frequency_hz(self) -> npt.NDArray[np.float64]:
        """Frequency of each bin."""
        return self._native.frequency_hz()

    @property
    def pairs(self) -> npt.NDArray[np.int64]:
        """Channels of each pair, from 0, `[pair, 2]`: indices into `sensors`; pairs across clocks are not formed."""
        return self._native.pairs()

    @property
    def cross(self) -> npt.NDArray[np.complex128]:
        """Mean of X_m conj(X_n), full scale²/Hz, `[pair, bin]`."""
        return self._native.cross()

    @property
    def auto(self) -> npt.NDArray[np.float64]:
        """Mean power density, full scale²/Hz, `[channel, bin]`."""
        return self._native.auto()

    @property
    def coherence2(self) -> npt.NDArray[np.float64]:
        """Squared coherence, `[pair, bin]`; zero where a channel is silent."""
        auto, (m, n) = self.auto, self.pairs.T
        powers = auto[m] * auto[n]
        coherence2: npt.NDArray[np.float64] = np.zeros_like(powers)
        np.divide(np.abs(self.cross) ** 2, powers, out=coherence2, where=powers > 0)
        return coherence2

    @property
    def nbytes(self) -> int:
        """Bytes that the matrix takes."""
        return self._native.nbytes

    def write(self, path: str | os.PathLike[str]) -> None:
        """Writes what `pinhole spectra` writes, whole or not at all."""
        self._native.write(os.fspath(path))

    def to_bytes(self) -> bytes:
        """The bytes that `write` writes."""
        return self._native.to_bytes()

    @staticmethod
    def from_bytes(content: bytes, name: str = "spectra") -> Spectra:
        """From the bytes of a file, every one of them checked; `name` is what errors call it."""
        return _wrapped(_native.Spectra.from_bytes(content, name))

    def to_xarray(self) -> xarray.Dataset:
        """Cross-spectra, powers and squared coherence with their axes (needs xarray)."""
        import xarray

        names = [f"{self.sensors[m]}-{self.sensors[n]}" for m, n in self.pairs]
        return xarray.Dataset(
            {
                "cross": (("pair", "frequency_hz"), self.cross, {"units": "1/Hz"}),
                "auto": (("sensor", "frequency_hz"), self.auto, {"units": "1/Hz"}),
                "coherence2": (("pair", "frequency_hz"), self.coherence2),
            },
            coords={"pair": names, "sensor": list(self.sensors), "frequency_hz": self.frequency_hz},
            attrs={"duration_s": self.duration_s, "segments": self.segments, "sample_rate_hz": self.sample_rate_hz},
        )

    def __reduce__(self) -> tuple[Any, ...]:
        return Spectra.from_bytes, (self.to_bytes(),)


def _wrapped(native: _native.Spectra) -> Spectra:
    low_hz, high_hz = native.band_hz
    return Spectra(
        sensors=tuple(native.sensors),
        sample_rate_hz=native.sample_rate_hz,
        band_hz=(low_hz, high_hz),
        duration_s=native.frames / native.sample_rate_hz,
        segments=native.segments,
        segment_samples=native.segment_samples,
        files=tuple(native.files),
        warnings=tuple(native.warnings),
        _native=native,
    )


def cross_spectra(
    captures: Captures,
    site: Site | str | os.PathLike[str] | None = None,
    *,
    sample_rate_hz: int | None = None,
    band_hz: tuple[float, float] | None = None,
    from_s: float | None = None,
    to_s: float | None = None,
    part: tuple[int, int] | None = None,
    identity: str | Sequence[str] | None = None,
    threads: int | None = None,
    progress: Progress | None = None,
) -> Spectra:
    """Listens to captures and keeps what locating needs of them, as `pinhole spectra` does.

    `captures` is a path, an open file (`read` and `seek`), or an array `[frame, channel]` with its `sample_rate_hz`; a list
    of them where the site has several recorders. Arrays are read where they lie, with any strides, without a copy: integers fill
    their range, floats have full scale 1. `part=(3, 12)` takes the third of twelve parts, which add up to the whole.

    Every byte of a capture is hashed, so that sound cannot count twice in a sum. `identity`, a word for each capture that
    changes when its bytes do, stands in for that where reading all of it is dear, as over a network.

    Other threads of Python run meanwhile.

    >>> import pinhole
    >>> spectra = pinhole.cross_spectra("samples/tunnel/capture.wav")
    >>> spectra.cross.shape, spectra.band_hz, spectra.duration_s
    ((28, 1280), (20000.0, 80000.0), 0.5)
    """
    listed = captures_of(captures)
    words = [identity] if isinstance(identity, str) else None if identity is None else list(identity)
    native = _native.cross_spectra(
        listed,
        site_of(site, listed)._native,
        sample_rate_hz=sample_rate_hz,
        band_hz=band_hz,
        from_s=from_s,
        to_s=to_s,
        part=part,
        identity=words,
        threads=threads,
        progress=progress,
    )
    return _wrapped(native)


def read_spectra(path: str | os.PathLike[str]) -> Spectra:
    """Reads a file that `pinhole spectra` or `Spectra.write` wrote; a damaged one is refused.

    >>> import pinhole
    >>> pinhole.read_spectra("samples/tunnel/site.toml")
    Traceback (most recent call last):
    pinhole.errors.BrokenFileError: samples/tunnel/site.toml: not an archive of spectra, or cut off (invalid Zip archive: Could not find EOCD); write it anew with pinhole spectra
    """
    return _wrapped(_native.Spectra.read(os.fspath(path)))


def merge(*spectra: Spectra | str | os.PathLike[str]) -> Spectra:
    """The sum of several matrices, in the order given; what does not add is refused with both named.

    >>> import pinhole
    >>> halves = [pinhole.cross_spectra("samples/tunnel/capture.wav", part=(k, 2)) for k in (1, 2)]
    >>> pinhole.merge(*halves).duration_s
    0.5
    >>> pinhole.merge(halves[0], halves[0])
    Traceback (most recent call last):
    pinhole.errors.RequestError: samples/tunnel/capture.wav (with samples/tunnel/capture.wav) holds samples 0 to 49152 of samples/tunnel/capture.wav once more; sound that counts twice looks surer than it is
    """
    read = [one if isinstance(one, Spectra) else read_spectra(one) for one in spectra]
    return _wrapped(_native.Spectra.sum([one._native for one in read]))
