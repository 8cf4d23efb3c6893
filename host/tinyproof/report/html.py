"""Pages that open from disk: one look, no scripts, no network, every foreign string escaped.

Strings go through ``text.printable`` and Jinja's escaping, both switched on for all templates; only
``markupsafe.Markup`` made by this package's templates passes as it is. Nothing here does I/O but
the loading of the package's own templates.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from tinyproof import __version__
from tinyproof.report import views, words
from tinyproof.report.drawn import drawn_curves, drawn_layers, drawn_samples
from tinyproof.report.evidence import Evidence
from tinyproof.report.model import Report
from tinyproof.report.outcome import LOOK
from tinyproof.report.words import microseconds, whole
from tinyproof.text import printable

if TYPE_CHECKING:
    from jinja2 import Environment
    from markupsafe import Markup

FILE_NAME = "report.html"


@dataclass(frozen=True)
class IndexRow:
    """One run in a page of many.

    Attributes:
        names: what tells it from the others, such as target, engine and model.
        passed: whether it was proved.
        sentence: its verdict in words.
        figures: as shown, one for each heading.
        href: its page, relative to the index; empty: none.
    """

    names: tuple[str, ...]
    passed: bool
    sentence: str
    figures: tuple[str, ...] = ()
    href: str = ""


INDEX_NAMES = ("Target", "Engine", "Model")
INDEX_FIGURES = ("Exact", "p50", "Flash, bytes", "Static RAM, bytes")


def index_row(report: Report, href: str = "", model: str = "") -> IndexRow:
    """Return a report's row for the headings ``INDEX_NAMES`` and ``INDEX_FIGURES``.

    ``model`` is what to call the model where its file's name does not do.
    """
    sentence = report.failure.sentence if report.failure else "Proved."
    exact = f"{report.verdicts['exact']:,} of {report.samples:,}"
    p50 = f"{microseconds(report.latency_us.p50)} µs" if report.latency_us else "–"
    figures = (exact, p50, whole(report.memory.flash), whole(report.memory.static_ram))
    names = (report.target, report.engine, model or report.model.name)
    return IndexRow(names, report.passed, sentence, figures, href)


def render_index(rows: Sequence[IndexRow], *, title: str = "Runs side by side") -> str:
    """Return a page with a row for each of many runs, a link to each one's report included."""
    links = [quote(row.href.lstrip("/"), safe="/") for row in rows]
    failed = sum(not row.passed for row in rows)
    return _render(
        "index.html",
        title=title,
        rows=list(zip(rows, links, strict=True)),
        failed=failed,
        names=INDEX_NAMES,
        figures=INDEX_FIGURES,
    )


def page(title: str, body: Markup) -> str:
    """Return a whole page around ``body``, which holds headings, sections, tables and figures.

    ``body`` is trusted: make it with templates or ``Markup.format``, which escape.
    """
    return _render("base.html", title=title, body=body)


def render_html(report: Report, evidence: Evidence | None) -> str:
    """Return the page of one run; without evidence it has no pictures."""
    curves = drawn_curves(evidence.curve) if evidence else []
    parts: dict[str, Any] = {
        "samples": drawn_samples(report, evidence),
        "matrices": views.matrices(report),
        "latency_chart": views.latency_chart(report, evidence),
        "times": views.time_rows(report),
        "rates": views.rate_rows(report),
        "profiled": any(layer.ticks is not None for layer in report.layers),
        "meters": views.meters(report),
        "image_sections": views.section_rows(report),
        "symbols": views.symbol_rows(report),
        "layers": drawn_layers(evidence),
        "curves": curves,
    }
    verdict = "proved" if report.passed else "not proved"
    return _render(
        "report.html",
        title=f"{report.model.name} on {report.target}: {verdict}",
        r=report,
        v=views,
        w=words,
        evidence=evidence,
        look=LOOK,
        worth=views.WORTH[report.provenance],
        sections=list(_sections(report, parts)),
        **parts,
    )


def _sections(report: Report, parts: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield (name of its template, heading) of each section that has something to say."""
    wanted = (
        ("answers", "Answers", True),
        ("difference", "First layer that differs", report.first_difference),
        ("samples", "Samples that differ", parts["samples"]),
        ("confusion", "Confusion", parts["matrices"]),
        ("latency", "Latency", report.latency_us or parts["times"] or parts["rates"]),
        ("layers", "Layers", report.layers),
        ("memory", "Memory", parts["meters"] or parts["image_sections"]),
        ("features", "Feature maps", parts["layers"]),
        ("training", "Training", parts["curves"]),
        ("events", "Events on the wire", report.events),
        ("provenance", "Provenance", True),
    )
    return ((name, title) for name, title, content in wanted if content)


def environment() -> Environment:
    """Return the templates, for pages of other parts of the package."""
    return _environment()


@cache
def _environment() -> Environment:
    # Here, because no run should pay for it that writes no page.
    from jinja2 import Environment, PackageLoader, StrictUndefined

    return Environment(
        loader=PackageLoader("tinyproof.report"),
        autoescape=True,
        finalize=_harmless,
        lstrip_blocks=True,
        trim_blocks=True,
        undefined=StrictUndefined,
    )


def _harmless(value: Any) -> Any:
    """Show control and direction characters as escapes; escaping for HTML comes after this."""
    is_text = isinstance(value, str) and not hasattr(value, "__html__")
    return printable(value) if is_text else value


def _render(template: str, **values: Any) -> str:
    return environment().get_template(template).render(version=__version__, **values)
