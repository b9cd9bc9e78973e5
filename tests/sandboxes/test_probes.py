"""The probes run with the watched system's own interpreter, which may be older than andon's."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from andon.probes import INSIDE

PROBES = sorted(INSIDE.glob("andon_*.py"))


@pytest.mark.parametrize("probe", PROBES, ids=lambda path: path.name)
def test_probe_is_python_3_9_and_needs_no_andon(probe: Path) -> None:
    tree = ast.parse(probe.read_text(), feature_version=(3, 9))
    imported = {
        name.name.split(".")[0] for node in ast.walk(tree) if isinstance(node, ast.Import) for name in node.names
    } | {str(node.module).split(".")[0] for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert imported
    assert "andon" not in imported


def test_the_probes_are_there() -> None:
    names = {probe.stem for probe in PROBES}
    assert {"andon_events", "andon_trace", "andon_twins", "andon_around"} <= names
