"""The reference job in Acoular: its cross-spectral matrix, scaled to phases, through its conventional beamformer in single precision.

Acoular sums a map over frequencies for every point; there is no table of correlations to look it up in.
"""

import argparse
import json
from pathlib import Path

import acoular
import numpy as np
import soundfile

SEGMENT = 8192
BAND_HZ = (20e3, 60e3)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    arguments = parser.parse_args()
    acoular.config.global_caching = "none"
    array = json.loads((arguments.folder / "array.json").read_text())
    samples, rate_hz = soundfile.read(arguments.folder / "capture.wav", dtype="float32")
    source = acoular.TimeSamples(data=samples, sample_freq=rate_hz)
    listened = acoular.PowerSpectra(
        source=source, block_size=SEGMENT, window="Hanning", overlap="50%", precision="complex64", cached=False
    )
    matrix = listened.csm
    frequencies = np.arange(matrix.shape[0]) * rate_hz / SEGMENT
    inside = (frequencies >= BAND_HZ[0]) & (frequencies <= BAND_HZ[1])
    phases = (matrix[inside] / np.abs(matrix[inside])).astype(np.complex64)
    spectra = acoular.PowerSpectraImport(csm=phases, frequencies=frequencies[inside])
    centres = np.array(array["grid_m"])
    step = float(centres[1] - centres[0])
    grid = acoular.RectGrid(
        x_min=centres[0], x_max=centres[-1], y_min=centres[0], y_max=centres[-1], z=0.0, increment=step
    )
    # Acoular takes a place from its array's; both are in the frame of the wall here.
    mics = acoular.MicGeom(pos_total=np.array(array["microphones_m"]).T)
    environment = acoular.Environment(c=array["speed_m_s"])
    # Phases alone, as the cross-spectra have them.
    steer = acoular.SteeringVector(grid=grid, mics=mics, env=environment, steer_type="classic")
    beamformer = acoular.BeamformerBase(freq_data=spectra, steer=steer, r_diag=True, precision="float32", cached=False)
    response = beamformer.result[:].sum(axis=0)
    place = grid.pos[:, response.argmax()]
    print(json.dumps({"place_m": place.tolist()}))


if __name__ == "__main__":
    main()
