"""Examples in docstrings and in the guide, run as they stand."""

import doctest
import importlib
import os
import pkgutil
import shutil

import pytest
from conftest import PROGRAM, ROOT
from guide import run_page

import pinhole

MODULES = ["pinhole", *(one.name for one in pkgutil.walk_packages(pinhole.__path__, "pinhole."))]


@pytest.mark.parametrize("name", [name for name in MODULES if not name.endswith("_native")])
def test_docstrings(name):
    pytest.importorskip("fsspec")
    assert doctest.testmod(importlib.import_module(name), optionflags=doctest.IGNORE_EXCEPTION_DETAIL).failed == 0


def test_examples_are_there():
    examples = doctest.DocTestFinder().find(pinhole.locate)
    assert examples and examples[0].examples


def test_the_guide(tmp_path, monkeypatch):
    for needed in ["xarray", "matplotlib", "fsspec"]:
        pytest.importorskip(needed)
    shutil.copytree(ROOT / "samples", tmp_path / "samples")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MPLBACKEND", "Agg")
    monkeypatch.setenv("PATH", f"{PROGRAM.parent}{os.pathsep}{os.environ['PATH']}")
    assert run_page(ROOT / "docs/python.md") >= 10
