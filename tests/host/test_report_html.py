"""The pages in a real browser: nothing runs, nothing is fetched, everything can be read."""

from __future__ import annotations

import dataclasses
import itertools
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Browser, Page, sync_playwright
from report_pages import digits_run, in_every_string, reported, with_everything
from reports import changed, layer
from reports import report as bench_report

from tinyproof.compare import compare
from tinyproof.compare.page import render_page
from tinyproof.errors import DeviceSilentError
from tinyproof.history import render_history, series_of
from tinyproof.report import Failure, ModelInfo, Provenance, Report, make_report
from tinyproof.report.evidence import Evidence, FeatureMap
from tinyproof.report.html import IndexRow, index_row, page, render_html, render_index
from tools import require_tool

PHONE, DESKTOP = 360, 1100
MAX_BYTES = 3 << 20
MAX_NODES = 5_000
HOSTILE = (
    "</title></style><script>window.ran=1</script>\"'><img src=x onerror=window.ran=1> "
    "\x00\x1b[31m\x7f\u202e\u2066\ud800 {{ 7*7 }} javascript:window.ran=1 " + "x" * 80
)
CONTRAST = """() => {
  const parse = text => {
    const n = text.match(/[\\d.]+/g).map(Number), unit = text.startsWith('color(') ? 255 : 1;
    return [n[0] * unit, n[1] * unit, n[2] * unit, n.length > 3 ? n[3] : 1];
  };
  const light = ([r, g, b]) => [r, g, b]
    .map(c => c / 255).map(c => c <= .04045 ? c / 12.92 : ((c + .055) / 1.055) ** 2.4)
    .reduce((sum, c, i) => sum + c * [.2126, .7152, .0722][i], 0);
  const behind = e => {
    for (; e; e = e.parentElement) {
      const c = parse(getComputedStyle(e).backgroundColor);
      if (c[3] > 0) return c;
    }
    return [255, 255, 255, 1];
  };
  const bad = [];
  for (const e of document.querySelectorAll('body *')) {
    const own = [...e.childNodes].some(n => n.nodeType === 3 && n.data.trim());
    if (!own || e.closest('svg, .hidden')) continue;
    const pair = [parse(getComputedStyle(e).color), behind(e)];
    const [dark, bright] = pair.map(light).sort((x, y) => x - y);
    const contrast = (bright + .05) / (dark + .05);
    if (contrast < 4.5) bad.push(contrast + ' ' + e.outerHTML.slice(0, 80));
  }
  return bad;
}"""
"""Returns what has less contrast than WCAG 2 AA asks of small text."""


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Debian's Chromium without a window."""
    program = require_tool("chromium")
    # Chromium refuses to keep its sandbox for root, who alone is in a container.
    options = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=program, args=options)
        yield chromium
        chromium.close()


@dataclass
class Shown:
    """A page as the browser sees it, and everything it complained of or asked for."""

    page: Page
    said: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)

    def count(self, selector: str) -> int:
        found: int = self.page.locator(selector).count()
        return found

    def evaluate(self, script: str) -> Any:
        return self.page.evaluate(script)


@contextmanager
def shown(browser: Browser, file: Path, *, width: int = DESKTOP, **options: Any) -> Iterator[Shown]:
    """Open a file from disk; a dialogue it opens counts as a complaint."""
    context = browser.new_context(viewport={"width": width, "height": 800}, **options)
    seen = Shown(context.new_page())
    seen.page.on("console", lambda message: seen.said.append(message.text))
    seen.page.on("pageerror", lambda error: seen.said.append(str(error)))
    seen.page.on("dialog", lambda dialog: seen.said.append(dialog.message))
    seen.page.on("request", lambda request: seen.asked.append(request.url))
    seen.page.goto(file.as_uri())
    yield seen
    context.close()


def silent() -> tuple[Report, None]:
    """Return a run that ended before any answer, and no evidence."""
    result = digits_run(
        judgement=None,
        labels=None,
        samples=7,
        evidence=None,
        error=DeviceSilentError("The board is silent.", hint="Check it.", sample=0),
        ticks=digits_run().ticks[:0],
    )
    return make_report(result), None


def hostile() -> tuple[Report, Evidence]:
    """Return a run in which every string that comes from elsewhere is an attack."""
    report, evidence = reported(with_everything(digits_run(wrong=3)))
    changed = in_every_string(report, lambda text: HOSTILE)
    features = [dataclasses.replace(f, name=HOSTILE) for f in evidence.features]
    assert evidence.curve
    curve = dataclasses.replace(evidence.curve, metric_name=HOSTILE)
    changed = dataclasses.replace(changed, versions={HOSTILE: HOSTILE})
    return changed, dataclasses.replace(evidence, features=tuple(features), curve=curve)


def wide() -> tuple[Report, Evidence]:
    """Return a run of a signal: no images, many classes, an answer that is missing."""
    report, evidence = reported(digits_run(wrong=2))
    rows = tuple(tuple(int(i == j) for i in range(40)) for j in range(40))
    assert report.confusion
    rng = np.random.default_rng(2)
    scores = rng.normal(size=(2, 40)).astype(np.float32)
    answers = scores[:, ::-1].copy()
    answers[1] = np.nan
    return (
        dataclasses.replace(
            report, confusion=dataclasses.replace(report.confusion, device=rows, reference=rows)
        ),
        dataclasses.replace(
            evidence,
            differing_input=rng.normal(size=(2, 1, 490)).astype(np.float32),
            differing_reference=scores,
            differing_device=answers,
            features=(FeatureMap("input", (1, 490), rng.normal(size=490).astype(np.float32)),),
        ),
    )


MAKERS = {
    "passed": lambda: reported(with_everything(digits_run())),
    "failed": lambda: reported(with_everything(digits_run(wrong=30))),
    "silent": silent,
    "hostile": hostile,
    "wide": wide,
}


@pytest.fixture(scope="session")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """One page of each kind, and an index of them."""
    folder = tmp_path_factory.mktemp("pages")
    made = {name: render_html(*make()) for name, make in MAKERS.items()}
    reports = [make()[0] for make in MAKERS.values()]
    rows = [index_row(report, "a folder/report.html") for report in reports]
    attack = IndexRow((HOSTILE,) * 3, False, HOSTILE, (HOSTILE,) * 4, "javascript:window.ran=1")
    made["index"] = render_index([*rows, attack], title=HOSTILE)
    for name, text in made.items():
        (folder / f"{name}.html").write_text(text, "utf-8")
    return {name: folder / f"{name}.html" for name in made}


NAMES = [*MAKERS, "index"]


@pytest.mark.parametrize("name", NAMES)
def test_a_page_is_quiet_fits_a_phone_and_has_contrast(
    browser: Browser, pages: dict[str, Path], name: str
) -> None:
    with shown(browser, pages[name], width=PHONE, color_scheme="light") as seen:
        assert seen.said == []
        assert {url.partition(":")[0] for url in seen.asked} <= {"file", "data"}
        assert [url for url in seen.asked if url.startswith("file:")] == [pages[name].as_uri()]
        assert seen.evaluate("document.documentElement.scrollWidth") == PHONE
        assert seen.evaluate(CONTRAST) == []
        seen.page.emulate_media(color_scheme="dark")
        assert seen.evaluate(CONTRAST) == []


@pytest.mark.parametrize("name", NAMES)
def test_no_foreign_string_becomes_markup(
    browser: Browser, pages: dict[str, Path], name: str
) -> None:
    with shown(browser, pages[name]) as seen:
        assert seen.evaluate("window.ran") is None
        assert seen.count("script, iframe, object, embed, link:not([rel=icon]), form") == 0
        assert seen.evaluate("document.querySelectorAll('style').length") == 1
        attributes = "[...document.querySelectorAll('*')].flatMap(e => e.getAttributeNames())"
        assert not [a for a in seen.evaluate(attributes) if a.startswith("on")]
        links = seen.evaluate("[...document.links].map(a => new URL(a.href).protocol)")
        assert set(links) <= {"file:"}
        text = seen.evaluate("document.documentElement.textContent")
        assert not {"\x00", "\x1b", "\u202e", "\u2066", "\ud800"} & set(text)
        if name in ("hostile", "index"):
            assert "<script>window.ran=1</script>" in text
            assert "{{ 7*7 }}" in text


def test_the_policy_of_a_page_stops_a_script_that_slips_in(
    browser: Browser, pages: dict[str, Path], tmp_path: Path
) -> None:
    text = pages["passed"].read_text().replace("</main>", "<script>window.ran=1</script></main>")
    file = tmp_path / "slipped.html"
    file.write_text(text)
    with shown(browser, file) as seen:
        assert seen.evaluate("window.ran") is None
        assert "Content Security Policy" in seen.said[0]


@pytest.mark.parametrize("name", NAMES)
def test_a_page_can_be_read_without_seeing_it(
    browser: Browser, pages: dict[str, Path], name: str
) -> None:
    with shown(browser, pages[name]) as seen:
        assert seen.count("html[lang=en]") == seen.count("main") == seen.count("h1") == 1
        assert seen.count("img:not([alt]), img[alt='']") == 0
        assert seen.count("svg:not([aria-hidden=true]):not([role=img])") == 0
        assert seen.count("svg[role=img]:not(:has(> title)):not(:has(> desc))") == 0
        assert seen.count("th:not([scope])") == 0
        ids = seen.evaluate("[...document.querySelectorAll('[id]')].map(e => e.id)")
        assert len(ids) == len(set(ids))
        named = "[...document.querySelectorAll('[aria-labelledby]')]"
        wanted = seen.evaluate(
            named + ".flatMap(e => e.getAttribute('aria-labelledby').split(' '))"
        )
        assert set(wanted) <= set(ids)
        levels = seen.evaluate(
            "[...document.querySelectorAll('h1,h2,h3,h4')].map(e => +e.tagName[1])"
        )
        assert levels[0] == 1
        assert all(b - a <= 1 for a, b in itertools.pairwise(levels))
        seen.page.keyboard.press("Tab")
        assert seen.evaluate("document.activeElement.textContent") == "Skip to the content"
        assert seen.page.locator(".skip").bounding_box()["x"] >= 0


@pytest.mark.parametrize("name", ["passed", "failed", "wide"])
def test_every_picture_is_one(browser: Browser, pages: dict[str, Path], name: str) -> None:
    with shown(browser, pages[name]) as seen:
        sizes = seen.evaluate("[...document.images].map(i => i.naturalWidth * i.naturalHeight)")
        assert sizes
        assert min(sizes) >= 1
        digits = "[...document.querySelectorAll('.sample > img')].map(i => i.naturalWidth)"
        assert seen.evaluate(digits) == ([8] * 20 if name == "failed" else [])


def test_a_page_begins_with_the_verdict_and_the_next_step(
    browser: Browser, pages: dict[str, Path]
) -> None:
    with shown(browser, pages["passed"]) as seen:
        # The run misses a budget.
        assert seen.page.locator("h1").inner_text() == "Not proved"
        assert "p99 latency" in seen.page.locator(".lead").inner_text()
    with shown(browser, pages["silent"]) as seen:
        assert seen.page.locator(".lead").inner_text() == "The board is silent."
        assert seen.page.locator(".next").inner_text() == "Next: Check it."
    with shown(browser, pages["failed"]) as seen:
        assert "30 of 359 answers are wrong" in seen.page.locator(".lead").inner_text()
        top = seen.page.locator("h1").bounding_box()
        assert top
        assert top["y"] < 200
        assert seen.count(".samples > li") == 20


def test_a_proved_run_says_so(browser: Browser, tmp_path: Path) -> None:
    file = tmp_path / "proved.html"
    file.write_text(render_html(*reported(digits_run())))
    with shown(browser, file) as seen:
        assert seen.page.locator("h1").inner_text() == "Proved"
        assert seen.page.title() == "digits.tflite on uno: proved"
        assert seen.page.locator("h2").all_inner_texts() == [
            "Answers", "Confusion", "Latency", "Memory", "Feature maps", "Training", "Provenance",
        ]  # fmt: skip


def test_paper_is_white_whatever_the_screen_is(browser: Browser, pages: dict[str, Path]) -> None:
    with shown(browser, pages["failed"], color_scheme="dark") as seen:
        colour = "getComputedStyle(document.body).backgroundColor"
        assert seen.evaluate(colour) == "rgb(21, 24, 28)"
        seen.page.emulate_media(media="print")
        assert seen.evaluate(colour) == "rgb(255, 255, 255)"
        assert seen.evaluate(CONTRAST) == []
        assert seen.page.pdf(format="A4").startswith(b"%PDF")


def comparison_page() -> str:
    """Return the page of two runs in which every string is an attack."""
    base = bench_report(target=HOSTILE, engine=HOSTILE, date=HOSTILE)
    base = changed(base, "model", name=HOSTILE)
    layers = (layer(0, HOSTILE, 10.0, 10, 10), layer(1, "A" * 200, 10.0, 10, 10))
    slower = dataclasses.replace(base, layers=(layer(0, HOSTILE, 99.0, 99, 99),))
    return render_page(compare(dataclasses.replace(base, layers=layers), slower))


def history_page() -> str:
    """Return the page of some runs, one of them with an attack in every string."""
    base = bench_report()
    evil = bench_report(target=HOSTILE, engine=HOSTILE, date=HOSTILE)
    return render_history(series_of([base, base, evil, evil]), [HOSTILE])


@pytest.mark.parametrize("make", [comparison_page, history_page])
def test_pages_of_several_runs_are_as_quiet_narrow_and_readable(
    make: Callable[[], str], browser: Browser, tmp_path: Path
) -> None:
    file = tmp_path / "page.html"
    file.write_text(make())
    for width, scheme in ((PHONE, "dark"), (DESKTOP, "light")):
        with shown(browser, file, width=width, color_scheme=scheme) as seen:
            assert seen.said == []
            assert [url for url in seen.asked if not url.startswith(("file:", "data:"))] == []
            assert seen.evaluate("window.ran") is None
            assert seen.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
            assert seen.evaluate(CONTRAST) == []


def ordinary_pages() -> dict[str, str]:
    """Return pages with figures as long as they come."""
    long = changed(bench_report(), "memory", flash=1_112_028, static_ram=101_392, arena=165_344)
    wrong = Failure("numeric", "117 of 359 answers are wrong, the first at sample 3 (class 8).")
    runs = [long, dataclasses.replace(long, passed=False, exit_code=1, failure=wrong)]
    return {
        "history": render_history(series_of(runs)),
        "index": render_index([index_row(run, model="folder/int8.tflite") for run in runs]),
        "compare": render_page(compare(bench_report(), long)),
        "report": render_html(*reported(with_everything(digits_run(wrong=3)))),
    }


@pytest.mark.parametrize("width", [375, 1280])
def test_no_column_and_no_caption_is_cut(browser: Browser, tmp_path: Path, width: int) -> None:
    cut = "[...document.querySelectorAll('.scroll')].filter(e => e.scrollWidth > e.clientWidth)"
    for name, text in ordinary_pages().items():
        file = tmp_path / f"{name}.html"
        file.write_text(text)
        with shown(browser, file, width=width) as seen:
            assert seen.evaluate(f"{cut}.map(e => e.ariaLabel)") == [], name
            assert seen.count(".scroll") > 0
            assert seen.count(".scroll caption") == 0


def test_many_samples_make_no_large_page(browser: Browser, tmp_path: Path) -> None:
    report, evidence = reported(with_everything(digits_run(wrong=3_000, repeat=28)))
    assert report.samples > 10_000
    file = tmp_path / "many.html"
    file.write_text(render_html(report, evidence))
    assert file.stat().st_size < MAX_BYTES
    with shown(browser, file) as seen:
        assert seen.said == []
        assert seen.evaluate("document.getElementsByTagName('*').length") < MAX_NODES


@pytest.mark.parametrize("provenance", Provenance)
def test_a_page_says_what_its_figures_are_worth(provenance: Provenance) -> None:
    report, evidence = reported(digits_run(provenance=provenance))
    text = render_html(report, evidence)
    assert ("real board" in text) is (provenance is Provenance.BOARD)


def test_a_page_needs_no_evidence_and_no_name() -> None:
    report = make_report(
        digits_run(
            model=ModelInfo("", "", 0), started=datetime(2026, 1, 1, tzinfo=UTC), evidence=None
        )
    )
    assert "<img" not in render_html(report, None)


def test_other_pages_share_the_look() -> None:
    from markupsafe import Markup

    text = page("A & B", Markup("<h1>{}</h1>").format("<x>"))
    assert "<title>A &amp; B</title>" in text
    assert "<h1>&lt;x&gt;</h1>" in text
    assert "Content-Security-Policy" in text
