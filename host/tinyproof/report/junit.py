"""A report for test runners: JUnit XML of its own, and properties for runners that collect them."""

from __future__ import annotations

from xml.etree import ElementTree as Xml

from tinyproof.report.model import Report
from tinyproof.report.outcome import EXIT_DISAGREES, budget_clause
from tinyproof.report.parts import Budget
from tinyproof.text import printable

FILE_NAME = "junit.xml"
ANSWERS = "every answer equals the reference"


def junit_xml(report: Report) -> bytes:
    """Return a file with one suite: a case for the answers and one for each budget.

    What the board does wrong is a failure; what kept it from being tested is an error.
    """
    name = printable(f"tinyproof {report.target} {report.engine} {report.model.name}")
    suite = Xml.Element(
        "testsuite", name=name, timestamp=printable(report.date), time=f"{report.duration_s:.3f}"
    )
    properties = Xml.SubElement(suite, "properties")
    for key, value in junit_properties(report):
        Xml.SubElement(properties, "property", name=key, value=value)
    _add_answers(suite, name, report)
    for budget in report.budgets:
        _add_budget(suite, name, budget)
    for total, tag in (("tests", "testcase"), ("failures", "failure"), ("errors", "error")):
        suite.set(total, str(len(list(suite.iter(tag)))))
    root = Xml.Element("testsuites")
    root.append(suite)
    Xml.indent(root)
    content: bytes = Xml.tostring(root, encoding="utf-8", xml_declaration=True)
    return content + b"\n"


def _add_answers(suite: Xml.Element, classname: str, report: Report) -> None:
    seconds = f"{report.duration_s:.3f}"
    case = Xml.SubElement(suite, "testcase", classname=classname, name=ANSWERS, time=seconds)
    failure = report.failure
    if failure is None or _is_of_a_budget(report):
        return
    tag = "failure" if report.exit_code == EXIT_DISAGREES else "error"
    said = Xml.SubElement(
        case, tag, type=printable(failure.kind), message=printable(failure.sentence)
    )
    said.text = printable(failure.hint)


def _add_budget(suite: Xml.Element, classname: str, budget: Budget) -> None:
    name = printable(f"budget: {budget.name}")
    case = Xml.SubElement(suite, "testcase", classname=classname, name=name, time="0")
    if not budget.met:
        sentence = printable(budget_clause(budget)) + "."
        Xml.SubElement(case, "failure", type=budget.kind.value, message=sentence)


def _is_of_a_budget(report: Report) -> bool:
    """Whether a missed budget alone made the run fail; then it has a case of its own."""
    missed = [budget_clause(budget) for budget in report.budgets if not budget.met]
    return report.failure is not None and any(map(report.failure.sentence.startswith, missed))


def junit_properties(report: Report) -> list[tuple[str, str]]:
    """Return (name, value) pairs for JUnit's ``properties``; what is unknown is left out."""
    values: dict[str, object] = {
        "target": report.target,
        "provenance": report.provenance.value,
        "baud": report.baud,
        "engine": report.engine,
        "model.sha256": report.model.sha256,
        "build": report.build.id,
        "reference": f"{report.reference.interpreter} {report.reference.version} "
        f"{report.reference.kernels}",
        "samples": report.samples,
        **{f"verdicts.{name}": n for name, n in report.verdicts.items()},
        "passed": str(report.passed).lower(),
    }
    if report.accuracy:
        values["accuracy.device"] = f"{report.accuracy.device:.4f}"
        values["accuracy.reference"] = f"{report.accuracy.reference:.4f}"
    if report.latency_us:
        for name in ("p50", "p90", "p99", "max"):
            values[f"latency_us.{name}"] = f"{getattr(report.latency_us, name):.3f}"
    if report.clock:
        values["clock"] = report.clock.status.value
    for name in ("flash", "static_ram", "arena", "stack"):
        values[f"memory.{name}"] = getattr(report.memory, name)
    if report.failure:
        values["failure.class"] = report.failure.kind
        values["failure.sentence"] = report.failure.sentence
    known = ((name, value) for name, value in values.items() if value not in (None, ""))
    return [(f"tinyproof.{name}", printable(str(value))) for name, value in known]
