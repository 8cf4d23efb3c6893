"""JUnit: a case for the answers and each budget, and what is known as properties."""

from __future__ import annotations

from typing import Any
from xml.etree import ElementTree as Xml

from report_pages import digits_run, in_every_string, reported, with_everything
from runs import full_result, result

from tinyproof.errors import DeviceSilentError
from tinyproof.report import Budget, BudgetClass, junit_properties, make_report
from tinyproof.report.junit import junit_xml

SLOW = Budget("p99 latency", "us", 10, 20, BudgetClass.LATENCY)
SMALL = Budget("arena", "bytes", 1000, 512, BudgetClass.MEMORY)


def suite_of(report: Any) -> Xml.Element:
    suite = Xml.fromstring(junit_xml(report)).find("testsuite")
    assert suite is not None
    return suite


def outcome_of(report: Any) -> list[str]:
    """Return for each case ``passed`` or what its child is."""
    return [case[0].tag if len(case) else "passed" for case in suite_of(report).iter("testcase")]


def test_junit_has_a_case_for_the_answers_and_each_budget() -> None:
    assert outcome_of(make_report(digits_run())) == ["passed"]
    slow = make_report(digits_run(budgets=(SMALL, SLOW)))
    assert outcome_of(slow) == ["passed", "passed", "failure"]
    both = make_report(digits_run(wrong=1, budgets=(SLOW,)))
    assert outcome_of(both) == ["failure", "failure"]
    suite = suite_of(both)
    assert (suite.get("tests"), suite.get("failures"), suite.get("errors")) == ("2", "2", "0")


def test_what_kept_a_board_from_being_tested_is_an_error() -> None:
    error = DeviceSilentError("The board is silent.", hint="Check it.", sample=0)
    report = make_report(digits_run(judgement=None, labels=None, error=error))
    assert outcome_of(report) == ["error"]
    case = suite_of(report).find("testcase/error")
    assert case is not None
    assert (case.get("type"), case.text) == ("port", "Check it.")


def test_junit_of_hostile_strings_is_sound() -> None:
    report, _ = reported(with_everything(digits_run(wrong=3)))
    attack = "</testcase>\x00\x1b\ud800\u202e&\"'<x>\ufffe"
    suite = suite_of(in_every_string(report, lambda _: attack))
    assert "</testcase>" in str(suite.get("name"))


def test_junit_gets_what_is_known() -> None:
    properties = dict(junit_properties(make_report(full_result())))
    assert properties["tinyproof.verdicts.exact"] == "2"
    assert properties["tinyproof.latency_us.p99"] == "2000.000"
    assert properties["tinyproof.memory.flash"] == "12345"
    assert properties["tinyproof.failure.class"] == "numeric"
    assert properties["tinyproof.passed"] == "false"
    bare = dict(junit_properties(make_report(result())))
    assert "tinyproof.memory.flash" not in bare
    assert "tinyproof.failure.class" not in bare


def test_junit_values_are_fit_for_xml() -> None:
    report = make_report(result(target="\x00\x1b[31m"))
    assert dict(junit_properties(report))["tinyproof.target"] == r"\x00\x1b[31m"
