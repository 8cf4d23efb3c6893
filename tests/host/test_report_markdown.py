"""Markdown: verdict, figures and failures, and nothing of hostile strings."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from report_pages import digits_run, in_every_string, reported, with_everything

from tinyproof.report.markdown import escape, render_markdown


@given(st.text())
def test_escaped_text_shows_just_itself(text: str) -> None:
    tokens = MarkdownIt("commonmark", {"html": True}).enable("table").parse("a " + escape(text))
    assert [token.type for token in tokens] == ["paragraph_open", "inline", "paragraph_close"]
    assert {child.type for child in tokens[1].children or []} <= {"text", "text_special"}


def test_markdown_of_hostile_strings_holds_nothing_of_theirs() -> None:
    attack = "<img src=x onerror=alert(1)> | [a](javascript:b) `c` @all #1 **d**\n\n# e\n</details>"
    report, _ = reported(with_everything(digits_run(wrong=3)))
    text = render_markdown(in_every_string(report, lambda _: attack))
    tokens = MarkdownIt("commonmark", {"html": True}).enable("table").parse(text)
    blocks = [token.content for token in tokens if token.type == "html_block"]
    assert all("img" not in block for block in blocks)
    children = [child for token in tokens for child in token.children or []]
    kinds = {child.type for child in children}
    assert not kinds & {"link_open", "image", "code_inline", "html_inline"}
    assert sum(token.type == "heading_open" for token in tokens) == 1
    assert "@all" not in text


def test_markdown_tells_verdict_figures_and_failures() -> None:
    report, _ = reported(with_everything(digits_run(wrong=3)))
    text = render_markdown(report)
    first = text.splitlines()[0]
    assert first.startswith("### ❌ NOT PROVED")
    assert "| exact answers | 356 of 359 |" in text
    assert "1,024.5 us, the budget is at most 1,000 us: **missed**" in text
    assert text.count("<details>") == text.count("</details>") == 4
    proved = render_markdown(reported(digits_run())[0])
    assert proved.startswith("### ✅ PROVED")
