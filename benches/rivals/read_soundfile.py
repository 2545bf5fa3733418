"""How fast soundfile reads a capture to single precision: CPU seconds of one pass in large blocks, the least of three."""

import argparse
import json
import time
from pathlib import Path

import numpy as np
import soundfile

BLOCK = 1 << 16


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("capture", type=Path)
    arguments = parser.parse_args()
    with soundfile.SoundFile(arguments.capture) as file:
        block = np.empty((BLOCK, file.channels), dtype=np.float32)
        passes = []
        for _ in range(3):
            file.seek(0)
            before_s = time.process_time()
            while len(file.read(out=block, dtype="float32")):
                pass
            passes.append(time.process_time() - before_s)
    print(json.dumps({"cpu_s": min(passes)}))


if __name__ == "__main__":
    main()
