"""JUnit XML (the xunit2 family) for CI systems: one test case per objective, one per drill."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any
from xml.etree.ElementTree import Element, SubElement, indent, tostring


def junit(document: Mapping[str, Any]) -> str:
    """``run.json`` as XML. Names are unique, because GitLab counts only the first of two that are the same."""
    run, system = document["run"], document["system"]["name"]
    root = Element("testsuites", name=(f"drillbook {system}"))
    suites = [("objectives", [_objective(v) for v in document["verdicts"]])]
    if document["load"]:
        suites.append(("load", [_objective(v) for v in document["load"]["verdicts"]]))
    suites.append(("proofs", [_proof(p) for p in document["proofs"]]))
    suites.append(("drills", [case for d in document["drills"] for case in _drill(d)]))
    suites.append(("waivers", _waivers(document["waivers"])))
    seen: set[tuple[str, str]] = set()
    for name, cases in suites:
        if cases:
            root.append(_suite(name, system, run, _unique(name, cases, seen)))
    _count(root, root.iter("testcase"))
    indent(root, " ")
    return '<?xml version="1.0" encoding="utf-8"?>\n' + tostring(root, encoding="unicode") + "\n"


def _suite(name: str, system: str, run: Mapping[str, Any], cases: list[Element]) -> Element:
    suite = Element("testsuite", name=(f"{system}.{name}"), timestamp=run["started"].removesuffix("Z"))
    _count(suite, cases)
    suite.extend(cases)
    if run["problems"]:
        SubElement(suite, "system-err").text = "\n".join(run["problems"])
    return suite


def _count(element: Element, cases: Iterable[Element]) -> None:
    found = list(cases)
    element.set("tests", str(len(found)))
    element.set("failures", str(sum(c.find("failure") is not None for c in found)))
    element.set("errors", str(sum(c.find("error") is not None for c in found)))
    element.set("skipped", str(sum(c.find("skipped") is not None for c in found)))
    element.set("time", f"{sum(float(c.get('time', 0)) for c in found):.3f}")


def _unique(suite: str, cases: list[Element], seen: set[tuple[str, str]]) -> list[Element]:
    for case in cases:
        case.set("classname", f"drillbook.{suite}")
        plain, again = case.get("name", ""), 1
        while (suite, case.get("name", "")) in seen:
            again += 1
            case.set("name", f"{plain} #{again}")
        seen.add((suite, case.get("name", "")))
    return cases


def _objective(verdict: Mapping[str, Any], prefix: str = "") -> Element:
    source = verdict["source"]
    case = Element("testcase", name=(prefix + verdict["id"]), time=f"{verdict['took_seconds']:.3f}")
    cited = f"{source['document']}:{source['line']}"
    _properties(
        case,
        {
            "status": verdict["status"],
            "severity": verdict["severity"],
            "indicator": verdict["indicator"],
            "value": verdict["text"],
            "limit": verdict["limit"]["text"],
            "bounds": verdict["bounds"]["text"] if verdict["bounds"] else "",
            "samples": verdict["samples"],
            "runbook": cited,
            "where": verdict["where"],
        },
    )
    body = (
        f"expected  {verdict['limit']['text']}\nobserved  {verdict['text']}\n"
        f"where     {verdict['where']}\nrunbook   {cited} ({source['section']})\n{verdict['remedy']}"
    )
    _result(case, verdict["status"], verdict["reason"], body, verdict["waiver"])
    return case


def _waivers(report: Mapping[str, Any]) -> list[Element]:
    """A case for each waiver, which never fails by itself: what it does, and what somebody should do about it."""
    cases: dict[str, Element] = {}
    for standing, names in report.items():
        for name in names if standing != "findings" else ():
            case = cases.setdefault(name, Element("testcase", name=f"waiver of {name}", time="0.000"))
            _properties(case, {"standing": standing})
    for name, case in cases.items():
        said = [line for line in report["findings"] if line.startswith(f"the waiver of {name} ")]
        if said:
            SubElement(case, "system-out").text = "\n".join(said)
    return list(cases.values())


def _drill(drill: Mapping[str, Any]) -> list[Element]:
    case = Element("testcase", name=(drill["id"]), time=f"{drill['took_seconds'] or 0:.3f}")
    recovery, writes = drill["recovery_seconds"], drill["writes"]
    _properties(
        case,
        {
            "status": drill["status"],
            "fault": drill["fault"]["kind"],
            "landed": drill["fault"]["landed"],
            "outage_seconds": drill["outage_seconds"],
            "recovery_seconds_upper": recovery["upper"] if recovery else "",
            "limit_seconds": drill["limit_seconds"],
            "writes_acknowledged": writes["acknowledged"],
            "writes_lost": writes["lost"],
            "writes_duplicated": writes["duplicated"],
            "undone": drill["undone"],
        },
    )
    all_told = dict.fromkeys([drill["reason"], *(one["reason"] for one in drill["violations"]), *drill["residue"]])
    _result(case, drill["status"], drill["reason"], "\n".join(all_told), None)
    then = [_condition(one, drill["id"]) for one in drill["then"]]
    return [case, *then, *(_objective(v, f"after {drill['id']}: ") for v in drill["objectives_after"])]


def _condition(one: Mapping[str, Any], drill: str) -> Element:
    """One thing that must be true after the drill's procedure."""
    case = Element("testcase", name=f"after {drill}: {one['text']}", time="0.000")
    cited = f"{one['source']['document']}:{one['source']['line']}"
    _properties(case, {"status": one["status"], "runbook": cited})
    _result(case, one["status"], one["reason"], f"{one['reason']}\nrunbook   {cited}", None)
    return case


def _proof(proof: Mapping[str, Any]) -> Element:
    case = Element("testcase", name=f"proof of {proof['id']}", time=f"{proof['took_seconds']:.3f}")
    names = ("status", "limit", "where", "detected_seconds", "back_seconds")
    _properties(case, {name: proof[name] for name in names})
    proven = proof["status"] == "proven"
    _result(case, "pass" if proven else "fail", f"{proof['status']}: {proof['reason']}", proof["where"], None)
    return case


def _properties(case: Element, values: Mapping[str, Any]) -> None:
    properties = SubElement(case, "properties")
    for name, value in values.items():
        if value not in (None, ""):
            SubElement(properties, "property", name=name, value=(str(value)))


def _result(case: Element, status: str, reason: str, body: str, waiver: Mapping[str, Any] | None) -> None:
    match status:
        case "fail":
            SubElement(case, "failure", type="threshold", message=(reason)).text = body
        case "inconclusive":
            SubElement(case, "error", type="inconclusive", message=(reason)).text = body
        case "waived" if waiver:
            until = f"waived until {waiver['expires']} by {waiver['owner']}: {waiver['reason']}"
            SubElement(case, "skipped", type="waived", message=(until)).text = reason
        case "waived":
            SubElement(case, "skipped", type="waived", message=(reason))
