"""Writes a capture of the reference job, its site for pinhole, and its geometry for everybody else.

A leak hisses on a plate of 2 m x 2 m; microphones hang before it at places drawn from a fixed seed. The sound of a channel is the hiss
delayed in the frequency domain, a tenth of the power of that channel's own noise. Beyond a minute the minute is repeated.
"""

import argparse
import json
import struct
from pathlib import Path

import numpy as np
from scipy import fft

RATE_HZ = 192_000
SPEED_M_S = 345.2  # at 22 degrees and 101.3 kPa, 45 % humidity: what the site file says as well
SIZE_M = 2.0
POINTS = 200  # along each side of the wall; the leak is on one of them
MINUTE_S = 60.0
NOISE_RMS = 0.02
HISS_RMS_AT_1_M = NOISE_RMS * 10 ** (-10 / 20)
FULL_SCALE = {"int16": 2**15, "int24": 2**23}


def geometry(channels):
    grid = (np.arange(POINTS) + 0.5) * SIZE_M / POINTS
    places = np.random.default_rng(1).uniform([0.0, 0.0, 0.3], [SIZE_M, SIZE_M, 1.2], (channels, 3))
    # A part in space: no two microphones nearer than chance puts them, none on the wall.
    return {
        "rate_hz": RATE_HZ,
        "speed_m_s": SPEED_M_S,
        "grid_m": grid.tolist(),
        "microphones_m": np.round(places, 4).tolist(),
        "leak_m": [float(grid[127]), float(grid[58]), 0.0],
    }


def site(array):
    lines = ['[path]', 'kind = "air"', f'speed_m_s = {SPEED_M_S}', 'speed_sigma_pct = 0.1', '']
    lines += ['[[wall]]', 'id = "panel"', 'shape = "plate"', 'origin_m = [0, 0, 0]', 'u_axis = [1, 0, 0]']
    lines += ['v_axis = [0, 1, 0]', f'size_m = [{SIZE_M}, {SIZE_M}]', '']
    for channel, place in enumerate(array["microphones_m"], 1):
        lines += ['[[sensor]]', f'id = "M{channel}"', f'channel = {channel}', f'position_m = {place}']
        lines += ['position_sigma_m = 0.001', '']
    return "\n".join(lines)


def header(channels, kind, frames):
    size = {"int16": 2, "int24": 3, "float32": 4}[kind]
    tag = 3 if kind == "float32" else 1
    form = struct.pack("<HHIIHH", tag, channels, RATE_HZ, RATE_HZ * channels * size, channels * size, 8 * size)
    data = frames * channels * size
    return b"RIFF" + struct.pack("<I", 36 + data) + b"WAVEfmt " + struct.pack("<I", 16) + form + b"data" + struct.pack("<I", data)


def encoded(frames, kind):
    if kind == "float32":
        return frames.astype("<f4").tobytes()
    whole = np.clip(np.rint(frames * FULL_SCALE[kind]), -FULL_SCALE[kind], FULL_SCALE[kind] - 1).astype("<i4")
    if kind == "int16":
        return whole.astype("<i2").tobytes()
    return np.ascontiguousarray(whole[..., None].view("u1").reshape(*whole.shape, 4)[..., :3]).tobytes()


def sound(array, frames):
    """`[frame][channel]`, full scale 1; periodic, so that it may be repeated."""
    hiss = fft.rfft(np.random.default_rng(2).standard_normal(frames, dtype=np.float32)) * np.float32(HISS_RMS_AT_1_M)
    turn_rad_s = 2j * np.pi * fft.rfftfreq(frames, 1 / RATE_HZ)
    out = np.empty((frames, len(array["microphones_m"])), dtype=np.float32)
    for channel, place in enumerate(array["microphones_m"]):
        range_m = np.linalg.norm(np.subtract(place, array["leak_m"]))
        delayed = fft.irfft(hiss * (np.exp(-turn_rad_s * range_m / SPEED_M_S) / range_m).astype(np.complex64), frames)
        noise = np.random.default_rng([3, channel]).standard_normal(frames, dtype=np.float32)
        out[:, channel] = delayed + np.float32(NOISE_RMS) * noise
    return out


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--channels", type=int, default=16)
    parser.add_argument("--seconds", type=float, default=MINUTE_S)
    parser.add_argument("--kind", choices=["int16", "int24", "float32"], default="int16")
    arguments = parser.parse_args()
    arguments.folder.mkdir(parents=True, exist_ok=True)
    array = geometry(arguments.channels)
    (arguments.folder / "site.toml").write_text(site(array))
    (arguments.folder / "array.json").write_text(json.dumps(array))
    repeats = max(1, round(arguments.seconds / MINUTE_S))
    frames = round(min(arguments.seconds, MINUTE_S) * RATE_HZ)
    once = sound(array, frames)
    with open(arguments.folder / "capture.part", "wb") as file:
        file.write(header(arguments.channels, arguments.kind, frames * repeats))
        for _ in range(repeats):
            for first in range(0, frames, RATE_HZ):
                file.write(encoded(once[first : first + RATE_HZ], arguments.kind))
    (arguments.folder / "capture.part").rename(arguments.folder / "capture.wav")


if __name__ == "__main__":
    main()
