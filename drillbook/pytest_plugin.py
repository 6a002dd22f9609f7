"""The pytest plugin: ``pytest checks --system solar`` is one test per documented limit.

Everything that the selected tests need is observed once, concurrently, when the first of them asks; then each is
judged. A broken limit is a failure. Something that could not be told is an error, never a pass and never a skip. A
violation that somebody has waived is a skip with the waiver's owner, day and reason, as JUnit reports show it.

Without ``--system`` the plugin does nothing, and it imports nothing either: it is loaded into every pytest run of an
environment that has Drillbook in it.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from drillbook.judge import WaiverReport
    from drillbook.model.environment import Environment
    from drillbook.model.policy import Objective, Policy
    from drillbook.model.verdict import Verdict, Waiver


class Checks:
    """What one pytest run checks, and the verdicts once somebody asks for the first."""

    def __init__(self, policy: Policy, environment: Environment, waivers: tuple[Waiver, ...]) -> None:
        from drillbook.checking import Selection

        self.policy = policy
        self.environment = environment
        self.choice = Selection().choose(policy, environment)
        self.waivers = waivers
        self.selected: list[Objective] = []
        """Those whose tests are left after ``-k``, ``-m`` and the ids on the command line."""
        self._verdicts: dict[str, Verdict] | None = None

    def objectives_of(self, indicators: tuple[str, ...]) -> list[Objective]:
        """The objectives that one of these indicators observes, as far as there is somebody to ask here."""
        return [objective for objective in self.choice.objectives if objective.indicator in indicators]

    def id_of(self, objective: Objective) -> str:
        """The test's id: ``solar/api-latency``."""
        return f"{self.policy.system}/{objective.id}"

    def verdict(self, objective: Objective) -> Verdict:
        """The verdict of one selected objective; the first call observes all of them."""
        if self._verdicts is None:
            from drillbook.checking import check_objectives

            found = check_objectives(self.policy, self.environment, self.waivers, self.selected)
            self._verdicts = {verdict.objective.id: verdict for verdict in found}
        return self._verdicts[objective.id]

    def waiver_report(self) -> WaiverReport:
        """What became of the waivers, as far as anything was judged: an expired one is told in any case."""
        from drillbook.clock import SYSTEM_CLOCK
        from drillbook.judge import waiver_report

        judged = (self._verdicts or {}).values()
        return waiver_report(judged, self.waivers, SYSTEM_CLOCK.now().date())


CHECKS: pytest.StashKey[Checks] = pytest.StashKey()


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("drillbook", "drillbook: hold a running system to its operations runbook")
    group.addoption("--system", metavar="NAME", help="the system to check: systems/NAME/policy.yaml")
    group.addoption("--environment", metavar="NAME", default="sandbox", help="where it runs (default: sandbox)")
    group.addoption("--sandbox", metavar="NAME", help="look at this sandbox instead of the environment's own")


def pytest_configure(config: pytest.Config) -> None:
    """Load the policy, so that what is wrong with it is said before anything is collected (exit code 4)."""
    config.addinivalue_line(
        "markers", "observes(*indicators): one test for each objective that these indicators observe"
    )
    if config.option.system is None:
        return
    from drillbook.checking import load_system
    from drillbook.errors import DrillbookError
    from drillbook.model.indicators import INDICATORS
    from drillbook.model.policy import Severity

    for severity in Severity:
        config.addinivalue_line("markers", f"{severity}: objectives of severity {severity}")
    for indicator in INDICATORS:
        config.addinivalue_line("markers", f"{indicator}: objectives that {indicator} observes")
    try:
        loaded = load_system(config.option.system, config.option.environment, config.option.sandbox)
        config.stash[CHECKS] = Checks(*loaded)
    except DrillbookError as error:
        raise pytest.UsageError(str(error)) from error
    for tag in sorted({tag for objective in loaded[0].objectives for tag in objective.tags}):
        config.addinivalue_line("markers", f"{tag}: objectives with the tag {tag}")


def pytest_report_header(config: pytest.Config) -> list[str]:
    checks = config.stash.get(CHECKS, None)
    if checks is None:
        return []
    left_out = checks.choice.not_asked
    header = f"drillbook: {checks.policy.title}, environment {checks.environment.name}"
    return [header, *([f"drillbook: {left_out.sentence}"] if left_out else [])]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """One test per objective, marked with its severity and its indicator, so that ``-m`` can choose."""
    marker = metafunc.definition.get_closest_marker("observes")
    if marker is None:
        return
    checks = metafunc.config.stash.get(CHECKS, None)
    objectives = checks.objectives_of(marker.args) if checks else []
    parameters = [
        pytest.param(
            objective,
            id=checks.id_of(objective) if checks else None,
            marks=[getattr(pytest.mark, word) for word in _words(objective)],
        )
        for objective in objectives
    ]
    metafunc.parametrize("verdict", parameters, indirect=True)


def _words(objective: Objective) -> set[str]:
    """What ``-m`` can select it by."""
    return {str(objective.severity), objective.indicator, *objective.tags}


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Checks without a system are a mistake of the command line; a subject that this policy is silent on is none."""
    subjects = [item for item in items if item.get_closest_marker("observes")]
    if subjects and CHECKS not in config.stash:
        raise pytest.UsageError("checks need a system: add --system NAME, such as --system solar")
    silent = [item for item in subjects if _objective(item) is None]
    if silent:
        items[:] = [item for item in items if item not in silent]
        config.hook.pytest_deselected(items=silent)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_finish(session: pytest.Session) -> None:
    checks = session.config.stash.get(CHECKS, None)
    if checks is not None:
        found = (_objective(item) for item in session.items)
        checks.selected = list({objective.id: objective for objective in found if objective is not None}.values())


def pytest_report_collectionfinish(config: pytest.Config) -> str | None:
    """Say what the first test waits for."""
    checks = config.stash.get(CHECKS, None)
    if checks is None or not checks.selected or config.option.collectonly:
        return None
    from drillbook.checking import about_seconds

    count = len(checks.selected)
    what = f"{count} objective{'' if count == 1 else 's'}"
    seconds = about_seconds(checks.selected, checks.environment)
    return f"drillbook: observing {what} before the first is judged, about {seconds} s"


def _objective(item: pytest.Item) -> Objective | None:
    """What a test was parametrised with; None where the policy has nothing for it."""
    from drillbook.model.policy import Objective

    callspec = getattr(item, "callspec", None)
    value = callspec.params.get("verdict") if callspec else None
    return value if isinstance(value, Objective) else None


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Say what became of the waivers: not in a summary, which flags can switch off."""
    checks = session.config.stash.get(CHECKS, None)
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if checks is None or reporter is None or session.config.option.collectonly:
        return
    from drillbook.judge import waiver_lines

    for number, line in enumerate(waiver_lines(checks.waiver_report().as_json())):
        if not number:
            reporter.ensure_newline()
        reporter.write_line(f"drillbook: {line}")


@pytest.fixture(scope="session")
def _waivers_recorded(
    request: pytest.FixtureRequest, record_testsuite_property: Callable[[str, object], None]
) -> Callable[[], None]:
    """Keeps what became of the waivers in the JUnit report, once there are verdicts."""
    checks = request.config.stash[CHECKS]

    @cache
    def record() -> None:
        for standing, names in checks.waiver_report().as_json().items():
            if names:
                record_testsuite_property(f"waivers {standing.replace('_', ' ')}", "; ".join(names))

    return record


@pytest.fixture
def verdict(request: pytest.FixtureRequest, _waivers_recorded: Callable[[], None]) -> Verdict:
    """The verdict of the objective that the test is named after; an inconclusive one is an error of the test."""
    from drillbook.judge import failure_text
    from drillbook.model.verdict import Status

    found: Verdict = request.config.stash[CHECKS].verdict(request.param)
    _waivers_recorded()
    for name, value in _properties(found):
        request.node.user_properties.append((name, value))
    if found.status is Status.INCONCLUSIVE:
        pytest.fail(f"inconclusive: {found.reason}\n{failure_text(found)}", pytrace=False)
    return found


def hold(verdict: Verdict) -> None:
    """Pass, fail with what was expected and observed and which line of the runbook says so, or skip a waived one."""
    from drillbook.judge import failure_text
    from drillbook.model.verdict import Status

    if verdict.status is Status.WAIVED:
        pytest.skip(verdict.reason)
    if verdict.status is not Status.PASS:
        pytest.fail(failure_text(verdict), pytrace=False)


def _properties(verdict: Verdict) -> list[tuple[str, Any]]:
    """What a JUnit report keeps beside the outcome; numbers in base units."""
    seen, objective = verdict.observation, verdict.objective
    return [
        ("status", str(verdict.status)),
        ("value", "" if seen.value is None else str(seen.value)),
        ("dimension", str(seen.dimension)),
        ("limit", str(objective.limit)),
        ("samples", seen.samples),
        ("severity", str(objective.severity)),
        ("source", str(objective.source)),
        ("where", seen.where),
    ]
