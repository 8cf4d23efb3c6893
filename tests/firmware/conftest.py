"""Fixtures of the kernel tests."""

from __future__ import annotations

import pytest
from nn_harness import Harness


@pytest.fixture(scope="session")
def nn(tmp_path_factory: pytest.TempPathFactory) -> Harness:
    """Proves kernels against LiteRT; its kernels are compiled once per session."""
    return Harness(tmp_path_factory.mktemp("nn"))
