"""pinhole locates air leaks in spacecraft modules from multi-channel ultrasonic recordings.

The library behind the program of the same name, with NumPy arrays in and out:

- `read_site`, `parse_site`: walls, sensors and how sound travels;
- `locate`: captures to leaks, with how sure they are;
- `cross_spectra`, `read_spectra`, `merge`: what locating needs of captures, as matrices that add;
- `simulate`, `plan`: captures with a known truth; how well a layout will locate;
- `pinhole.distributed`: the same on many processes and machines.
"""

from ._analysis import Result, WallMap, locate
from ._native import VERSION as __version__
from ._planning import Plan, PlanMap, plan
from ._records import (
    Added,
    Ambiguity,
    Candidate,
    CaptureSpan,
    Chance,
    Clock,
    Detectable,
    Ellipse,
    ErrorShares,
    Event,
    Fit,
    Leak,
    Machine,
    PairReport,
    Patch,
    PathUsed,
    Pick,
    Place,
    Proof,
    SensorReport,
    Share,
    Spread,
    WallPlace,
)
from ._site import Sensor, Site, Wall, parse_site, read_site
from ._sound import CaptureInfo, capture_info
from ._spectra import Spectra, cross_spectra, merge, read_spectra
from ._synthetic import Simulation, simulate
from .errors import BrokenFileError, FileError, PinholeError, RequestError, UnsupportedFileError

__all__ = [
    "Added",
    "Ambiguity",
    "BrokenFileError",
    "Candidate",
    "CaptureInfo",
    "CaptureSpan",
    "Chance",
    "Clock",
    "Detectable",
    "Ellipse",
    "ErrorShares",
    "Event",
    "FileError",
    "Fit",
    "Leak",
    "Machine",
    "PairReport",
    "Patch",
    "PathUsed",
    "Pick",
    "PinholeError",
    "Place",
    "Plan",
    "PlanMap",
    "Proof",
    "RequestError",
    "Result",
    "Sensor",
    "SensorReport",
    "Share",
    "Simulation",
    "Site",
    "Spectra",
    "Spread",
    "UnsupportedFileError",
    "Wall",
    "WallMap",
    "WallPlace",
    "__version__",
    "capture_info",
    "cross_spectra",
    "locate",
    "merge",
    "parse_site",
    "plan",
    "read_site",
    "read_spectra",
    "simulate",
]
