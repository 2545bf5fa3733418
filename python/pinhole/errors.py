"""Exceptions: one class for each kind of error of the program, with the program's own words."""

__all__ = ["PinholeError", "RequestError", "FileError", "BrokenFileError", "UnsupportedFileError"]


class PinholeError(Exception):
    """Everything that can stop an analysis."""


class RequestError(PinholeError, ValueError):
    """The request is wrong: an argument, a site file, or a capture that does not fit the site."""


class FileError(PinholeError, OSError):
    """The world refused: a missing file, a full disk, a vanished drive."""


class BrokenFileError(PinholeError, ValueError):
    """A file is not what it claims to be."""


class UnsupportedFileError(PinholeError, ValueError):
    """A file is valid but of a kind that pinhole does not read."""
