"""What a capture's header says."""

from __future__ import annotations

from dataclasses import dataclass

from . import _native
from ._inputs import Capture, captures_of


@dataclass(frozen=True)
class CaptureInfo:
    """Length and make of a capture."""

    frames: int
    sample_rate_hz: int
    channels: int

    @property
    def duration_s(self) -> float:
        """Its length."""
        return self.frames / self.sample_rate_hz


def capture_info(capture: Capture, *, sample_rate_hz: int | None = None) -> CaptureInfo:
    """What a capture's header says; of an open file, little more than the header is read.

    >>> import pinhole
    >>> pinhole.capture_info("samples/tunnel/capture.wav")
    CaptureInfo(frames=96000, sample_rate_hz=192000, channels=8)
    """
    return CaptureInfo(*_native.sound_info(captures_of(capture)[0], sample_rate_hz))
