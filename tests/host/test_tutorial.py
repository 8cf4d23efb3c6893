"""The tutorial's notebook runs from its first cell to its last, in a project of a user's own."""

from __future__ import annotations

import shutil
from pathlib import Path

import nbclient
import nbformat
import pytest

from native_cli import ROOT, lay_out
from tools import require_file, require_tool

NOTEBOOK = ROOT / "docs/tutorial.ipynb"
PLOTS = 7
"""Digits, their distribution, the curve, two layers, the confusion, the wrong digits."""


def test_the_notebook_is_kept_without_outputs() -> None:
    cells = nbformat.read(NOTEBOOK, 4).cells
    assert all(
        not cell.outputs and cell.execution_count is None for cell in cells if "outputs" in cell
    )


@pytest.mark.timeout(900)
def test_the_tutorial_runs_to_its_end(tmp_path: Path) -> None:
    for tool in ("avr-gcc", "avrdude"):
        require_tool(tool)
    require_file(Path("/usr/include/simavr/sim_avr.h"))
    project = lay_out(tmp_path / "project")
    shutil.copy(NOTEBOOK, project.root)
    notebook = nbformat.read(project.root / NOTEBOOK.name, 4)
    nbclient.NotebookClient(
        notebook, timeout=600, resources={"metadata": {"path": str(project.root)}}
    ).execute()
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", ())]
    pictures = [output for output in outputs if "image/png" in output.get("data", {})]
    text = "".join(output.get("text", "") for output in outputs)
    assert len(pictures) == PLOTS
    assert text.count("PROVED: 359 exact of 359 samples") == 2
    assert "on uno (aot, cycle-exact)" in text
