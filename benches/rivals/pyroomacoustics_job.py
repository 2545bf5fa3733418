"""The reference job as far as pyroomacoustics does it: SRP-PHAT over directions, on part of the recording and few of the points.

Its SRP sums over frequencies in a Python loop over the points, minutes for all of them: what grows with the recording and what grows with the
points are timed apart and scaled to the whole job; that is what `cpu_s` says.
"""

import argparse
import json
import time
from pathlib import Path

import numpy as np
import pyroomacoustics as pra
import soundfile

SEGMENT = 8192
BAND_HZ = [20e3, 60e3]
SECONDS = 6.0
POINTS = 400


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    arguments = parser.parse_args()
    array = json.loads((arguments.folder / "array.json").read_text())
    capture = arguments.folder / "capture.wav"
    started_s = time.process_time()
    whole = soundfile.info(capture).frames
    frames = int(SECONDS * array["rate_hz"])
    samples, _ = soundfile.read(capture, frames=frames, dtype="float32")
    window = pra.hann(SEGMENT).astype(np.float32)
    spectra = pra.transform.stft.analysis(samples, SEGMENT, SEGMENT // 2, win=window).transpose(2, 1, 0)
    listening_s = time.process_time() - started_s
    microphones = np.array(array["microphones_m"]).T
    srp = pra.doa.SRP(microphones, array["rate_hz"], SEGMENT, c=array["speed_m_s"], n_grid=POINTS, dim=3)
    before_s = time.process_time()
    srp.locate_sources(spectra, freq_range=BAND_HZ)
    map_s = time.process_time() - before_s
    wanted = len(array["grid_m"]) ** 2
    scaled_s = started_s + listening_s * whole / frames + map_s * wanted / POINTS
    print(json.dumps({"cpu_s": scaled_s}))


if __name__ == "__main__":
    main()
