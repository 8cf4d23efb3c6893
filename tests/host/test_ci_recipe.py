"""The workflow that users copy: it parses, and every command in it exists with its options."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import click
import pytest
import yaml

from tinyproof.cli.main import cli

ROOT = Path(__file__).resolve().parents[2]
WORKFLOW = ROOT / "docs" / "ci" / "tinyproof.yml"


def steps() -> list[dict[str, Any]]:
    jobs = yaml.safe_load(WORKFLOW.read_text())["jobs"]
    return [step for job in jobs.values() for step in job["steps"]]


def commands() -> list[list[str]]:
    """Return the words of each tinyproof command, up to what the shell takes for itself."""
    found = []
    for script in (step["run"] for step in steps() if "run" in step):
        for line in script.replace("\\\n", " ").splitlines():
            words = shlex.split(re.split(r"\|\||>>", line)[0])
            if words[:1] == ["tinyproof"]:
                found.append(words[1:])
    return found


def test_the_recipe_proves_compares_and_reports() -> None:
    assert [words[0] for words in commands()] == ["bench", "compare", "report"]


@pytest.mark.parametrize("words", commands(), ids=lambda words: words[0])
def test_click_takes_every_command_of_the_recipe(words: list[str]) -> None:
    context = click.Context(cli)
    command = cli.get_command(context, words[0])
    assert command is not None
    command.make_context(words[0], list(words[1:]), parent=context)


def test_an_option_that_does_not_exist_would_be_noticed() -> None:
    context = click.Context(cli)
    command = cli.get_command(context, "compare")
    assert command is not None
    with pytest.raises(click.UsageError):
        command.make_context("compare", ["a", "b", "--nonsense"], parent=context)


def test_the_report_is_kept_and_summed_up_whatever_happened() -> None:
    by_name = {step.get("name", ""): step for step in steps()}
    assert by_name["Keep the report"]["uses"].startswith("actions/upload-artifact@")
    for name in ("Keep the report", "Write the job summary"):
        assert by_name[name]["if"].startswith("always()")
    assert "GITHUB_STEP_SUMMARY" in by_name["Write the job summary"]["run"]


def test_the_recipe_asks_for_packages_that_our_own_tests_need() -> None:
    known = set((ROOT / ".ci" / "packages.txt").read_text().split())
    (script,) = (step["run"] for step in steps() if "apt-get install" in step.get("run", ""))
    named = script.replace("\\\n", " ").split("--no-install-recommends")[1].split()
    assert set(named) <= known


def test_a_run_that_cannot_be_compared_does_not_fail_but_a_regression_does() -> None:
    (script,) = (step["run"] for step in steps() if "tinyproof compare" in step.get("run", ""))
    assert script.splitlines()[-1] == 'test "$code" -eq 0 -o "$code" -eq 3'
