"""What README.md and docs tell people to type exists: commands, options, files, pytest options."""

from __future__ import annotations

import re
import shlex
import subprocess
from pathlib import Path

import click
import pytest

from tinyproof.cli.main import cli

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
# What .ci/run evaluates: the first shell block of a section.
EXTRACT = re.search(r"^readme\(\) \{ (.*) \}$", (ROOT / ".ci" / "run").read_text(), re.MULTILINE)


def commands() -> list[tuple[str, list[str]]]:
    """Return each ``tinyproof ...`` line in a code block, with the page it stands on."""
    found = []
    for page in PAGES:
        for block in re.findall(r"^```\w*\n(.*?)^```$", page.read_text(), re.MULTILINE | re.DOTALL):
            for line in block.splitlines():
                words = shlex.split(line, comments=True) if "tinyproof" in line else []
                for start, word in enumerate(words):
                    if word.split("/")[-1] == "tinyproof" and words[start - 1] != "-e":
                        found.append((page.name, words[start + 1 :]))
                        break
    return found


@pytest.mark.parametrize(("page", "words"), commands(), ids=lambda value: " ".join(value))
def test_a_command_in_the_docs_exists_with_its_options(page: str, words: list[str]) -> None:
    context = click.Context(cli)
    command = cli.get_command(context, words[0]) if words else None
    assert command is not None, f"{page} names tinyproof {' '.join(words)}"
    if words[0] == "pio":
        return
    known = {name for option in command.params for name in (*option.opts, *option.secondary_opts)}
    assert {word.split("=")[0] for word in words[1:] if word.startswith("--")} <= known | {"--help"}


@pytest.mark.parametrize("section", ["Prove a model", "Run the tests"])
def test_ci_finds_the_two_commands_of_the_readme(section: str) -> None:
    assert EXTRACT is not None
    script = f"set -- '{section}'; {EXTRACT.group(1)}"
    done = subprocess.run(
        ["bash", "-c", script], cwd=ROOT, capture_output=True, text=True, check=True
    )
    (line,) = done.stdout.splitlines()
    assert line.startswith("python3 -m venv .venv && .venv/bin/pip install -e ")


def test_the_pytest_options_in_the_docs_exist(pytestconfig: pytest.Config) -> None:
    named = set(re.findall(r"--tp-[a-z-]+", "".join(page.read_text() for page in PAGES)))
    for option in named:
        pytestconfig.getoption(option)
    assert named


def test_links_between_pages_lead_somewhere() -> None:
    for page in PAGES:
        for link in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page.read_text()):
            if "://" not in link:
                assert (page.parent / link).exists(), f"{page.name} links to {link}"
