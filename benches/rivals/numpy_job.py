"""The reference job as a competent hand writes it in NumPy and SciPy: single precision, batched transforms, a matrix product a bin,
and a map looked up in tables of correlation over range instead of summed over frequencies.
"""

import argparse
import json
import os
from pathlib import Path

# Products this small gain nothing from a second thread inside BLAS, and its threads would spin: blocks are spread instead.
os.environ["OPENBLAS_NUM_THREADS"] = "1"

from concurrent.futures import ThreadPoolExecutor  # noqa: E402

import numpy as np  # noqa: E402
from scipy import fft, io, signal  # noqa: E402

SEGMENT = 8192
HOP = SEGMENT // 2
BAND_HZ = (20e3, 60e3)
BLOCK = 8  # segments transformed together; measured, 8 beats 16 to 64
FINER = 16  # points of the correlation tables a sample


def cross_spectra(samples, rate_hz, threads):
    """`[bin][channel][channel]` summed over segments, and the bins."""
    bins = slice(int(np.ceil(BAND_HZ[0] * SEGMENT / rate_hz)), int(BAND_HZ[1] * SEGMENT / rate_hz) + 1)
    window = signal.get_window("hann", SEGMENT).astype(np.float32) / np.float32(2**15)
    segments = (len(samples) - SEGMENT) // HOP + 1
    channels = samples.shape[1]

    def products(firsts):
        matrix = np.zeros((bins.stop - bins.start, channels, channels), dtype=np.complex64)
        # Fresh pages cost more than what is written to them: both large arrays are kept.
        planar = np.empty((channels, (BLOCK + 1) * HOP), dtype=np.float32)
        windowed = np.empty((BLOCK, channels, SEGMENT), dtype=np.float32)
        for first in firsts:
            count = min(BLOCK, segments - first)
            frames = (count - 1) * HOP + SEGMENT
            planar[:, :frames] = samples[first * HOP :][:frames].T
            for segment in range(count):
                np.multiply(planar[:, segment * HOP :][:, :SEGMENT], window, out=windowed[segment])
            x = fft.rfft(windowed[:count], axis=2)[:, :, bins].transpose(2, 1, 0).copy()
            matrix += x @ x.conj().transpose(0, 2, 1)
        return matrix

    blocks = range(0, segments, BLOCK)
    with ThreadPoolExecutor(threads) as pool:
        return sum(pool.map(products, [blocks[i::threads] for i in range(threads)])), bins


def place(matrix, bins, array):
    """The point of the wall with the greatest steered response, PHAT."""
    m, n = np.triu_indices(matrix.shape[1], 1)
    cross = matrix[:, m, n].T
    phases = np.zeros((len(m), FINER * SEGMENT // 2 + 1), dtype=np.complex64)
    phases[:, bins] = cross / np.abs(cross)
    tables = fft.irfft(phases, axis=1)
    grid = np.array(array["grid_m"], dtype=np.float32)
    points = np.stack([*np.meshgrid(grid, grid, indexing="ij"), np.zeros((len(grid),) * 2, np.float32)], -1).reshape(-1, 3)
    ranges = np.stack([np.linalg.norm(points - np.float32(mic), axis=1) for mic in array["microphones_m"]])
    ranges *= np.float32(FINER * array["rate_hz"] / array["speed_m_s"])
    response = np.zeros(len(points), dtype=np.float32)
    for row, (a, b) in enumerate(zip(m, n)):
        # Negative delays count from the end, which is what indices below zero do.
        response += tables[row].take(np.rint(ranges[a] - ranges[b]).astype(np.int32), mode="wrap")
    return points[response.argmax()]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    array = json.loads((arguments.folder / "array.json").read_text())
    rate_hz, samples = io.wavfile.read(arguments.folder / "capture.wav", mmap=True)
    matrix, bins = cross_spectra(samples, rate_hz, arguments.threads)
    print(json.dumps({"place_m": place(matrix, bins, array).tolist()}))


if __name__ == "__main__":
    main()
