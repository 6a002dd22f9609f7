"""Keeps a run on disk while it happens, so that whatever cuts it short leaves a file that can be read."""

from __future__ import annotations

import platform
import re
import secrets
import signal
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from datetime import datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Final

from drillbook.clock import SYSTEM_CLOCK, Clock
from drillbook.errors import ConfigError, DrillbookError, ExitCode
from drillbook.model.drill import DrillResult
from drillbook.model.environment import Environment
from drillbook.model.policy import Policy
from drillbook.model.proof import Proof
from drillbook.model.run import LoadResult, NotAsked, Run
from drillbook.model.verdict import Verdict
from drillbook.places import reports_root as default_root
from drillbook.report import encode, encode_timeline
from drillbook.report.files import new_folder, not_writable, point_latest, write_atomically, write_json
from drillbook.report.outcome import outcome

INTERRUPTED: Final = "interrupted"
ERROR: Final = "error"
_ENGINES: Final = ("drillbook", "chaostoolkit", "kubernetes", "locust", "pytest")


class Recorder:
    """One run's findings. Each ``add_`` writes a ``run.json`` that says ``interrupted`` until the run is finished."""

    def __init__(self, command: str, policy: Policy, environment: Environment, folder: Path, clock: Clock) -> None:
        self.id = folder.name
        self.folder = folder
        self.verdicts: tuple[Verdict, ...] = ()
        self.drills: tuple[DrillResult, ...] = ()
        self.load: LoadResult | None = None
        self.waivers: dict[str, Any] = {}
        self.problems: tuple[str, ...] = ()
        self.not_asked: NotAsked | None = None
        self.proofs: tuple[Proof, ...] = ()
        self.status: str = INTERRUPTED
        self.exit_code: ExitCode = ExitCode.INTERRUPTED
        self._command, self._policy, self._environment, self._clock = command, policy, environment, clock
        self._started: datetime = clock.now()
        self._versions = versions()
        self._written: dict[str, Any] = {}
        self._told: list[dict[str, Any]] = []
        """The verdicts, encoded: a thousand of them take longer than all else in a document."""

    @property
    def report(self) -> Path:
        """The page for people."""
        return self.folder / "report.html"

    @property
    def elapsed(self) -> float:
        """Seconds since the start."""
        return (self._clock.now() - self._started).total_seconds()

    @property
    def record(self) -> Run:
        """Everything known by now."""
        return Run(
            id=self.id,
            command=self._command,
            system=self._policy.system,
            title=self._policy.title,
            environment=self._environment.name,
            environment_class=self._environment.environment_class.value,
            started=self._started,
            finished=self._clock.now(),
            status=self.status,
            exit_code=self.exit_code,
            versions=self._versions,
            verdicts=self.verdicts,
            drills=self.drills,
            load=self.load,
            waivers=self.waivers,
            problems=self.problems,
            not_asked=self.not_asked,
            proofs=self.proofs,
        )

    @property
    def document(self) -> dict[str, Any]:
        """The same as ``run.json`` has it: what was written at the end, until then everything known by now."""
        return self._written or encode.run(self.record, self._told)

    def add_verdicts(self, verdicts: Iterable[Verdict]) -> None:
        """Keep judged objectives, waivers already applied."""
        added = tuple(verdicts)
        self.verdicts += added
        self._told += [encode.verdict(verdict) for verdict in added]
        self._save()

    def add_drill(self, result: DrillResult) -> None:
        """Keep a judged drill, and its timeline in a file of its own; nothing of one that no file can hold."""
        before = self.drills
        self.drills = (*before, result)
        name = encode_timeline.timeline_names(self.drills)[-1]
        try:
            self._keep(lambda: write_json(self.folder / name, encode_timeline.timeline(result)))
            self._save()
        except Exception:
            self.drills = before
            raise

    def add_load(self, result: LoadResult) -> None:
        """Keep what a load test saw."""
        self.load = result
        self._save()

    def add_proof(self, proof: Proof) -> None:
        """Keep what became of one check when what it watches was broken."""
        self.proofs += (proof,)
        self._save()

    def add_waivers(self, waivers: Mapping[str, Any]) -> None:
        """Keep what is to be said about waivers as such: unused ones, expired ones."""
        self.waivers |= dict(waivers)
        self._save()

    def add_not_asked(self, left_out: NotAsked | None) -> None:
        """Keep what the run leaves out by itself, and why."""
        self.not_asked = left_out
        self._save()

    def add_problem(self, sentence: str) -> None:
        """Keep a sentence about the run itself."""
        self.problems += (sentence,)
        self._save()

    def conclude(self) -> None:
        """Compute status and exit code from what was added."""
        came_to = outcome(self.verdicts, self.drills, self.load, self.proofs)
        self.status, self.exit_code = came_to.status.value, came_to.exit_code

    def cut_short(self, status: str, code: ExitCode, sentence: str) -> None:
        """Say that the run did not come to its end, and why."""
        self.status, self.exit_code = status, code
        self.problems += (sentence,)

    def write(self) -> None:
        """Write every file of the report and move ``latest``. Raises ConfigError when the disk does not take it."""
        from drillbook.report.html import page
        from drillbook.report.junit import junit

        self._written = document = self.document
        try:
            write_json(self.folder / "run.json", document)
            write_atomically(self.folder / "junit.xml", junit(document))
            timelines = {
                name: encode_timeline.timeline(result)
                for name, result in zip(encode_timeline.timeline_names(self.drills), self.drills, strict=True)
            }
            write_atomically(self.report, page(document, timelines))
            point_latest(self.folder)
        except OSError as error:
            refusal = not_writable(self.folder, error)
            raise ConfigError(f"the run came to {self.status!r}, but its report is incomplete: {refusal}") from error

    def _save(self) -> None:
        self._keep(lambda: write_json(self.folder / "run.json", self.document))

    def _keep(self, write: Callable[[], None]) -> None:
        """A disk that fills up in the middle must not stop the work, nor its undo: ``write()`` says it at the end."""
        try:
            write()
        except OSError as error:
            sentence = str(not_writable(self.folder, error))
            self.problems += () if sentence in self.problems else (sentence,)


@contextmanager
def recording(
    command: str,
    policy: Policy,
    environment: Environment,
    reports_root: Path | None = None,
    clock: Clock = SYSTEM_CLOCK,
    on_end: Callable[[Recorder], None] | None = None,
) -> Iterator[Recorder]:
    """Record one run of ``command`` (``check``, or the whole line: its first word names the run).

    The folder is there, writable and with room to spare before the body begins; ConfigError otherwise. Whatever ends
    the body, the report is written: its end (status and exit code from what was added), Ctrl-C and SIGTERM
    (``interrupted``, 130), an error (``error``, with the error's own exit code). Then ``on_end`` is called (``show``
    prints the summary), and the exception goes on its way.
    """
    root = reports_root or default_root()
    with ExitStack() as until_written:
        # Between the folder's creation and its first run.json there is nothing to read: an interrupt waits.
        until_written.enter_context(undisturbed(deliver=True))
        folder = new_folder(root, run_id(command, policy.system, clock.now()))
        recorder = Recorder(command, policy, environment, folder, clock)
        try:
            write_json(folder / "run.json", recorder.document)
        except OSError as error:
            raise not_writable(folder, error) from error
        try:
            until_written.close()
            with _terminated_as_interrupt():
                yield recorder
        except BaseException as error:
            with undisturbed():
                recorder.cut_short(*_cut_short_by(error, recorder))
                _end(recorder, on_end)
            raise
        with undisturbed():
            recorder.conclude()
            _end(recorder, on_end)


def _cut_short_by(error: BaseException, recorder: Recorder) -> tuple[str, ExitCode, str]:
    """Status, exit code and sentence for what ended the body."""
    match error:
        case KeyboardInterrupt():
            return INTERRUPTED, ExitCode.INTERRUPTED, f"interrupted after {recorder.elapsed:.1f} s"
        case DrillbookError():
            return ERROR, error.exit_code, str(error)
        case _:
            # Its text may hold anything, a secret among it; the traceback goes to standard error.
            return ERROR, ExitCode.INCONCLUSIVE, f"stopped by an unexpected {type(error).__name__}"


def _end(recorder: Recorder, on_end: Callable[[Recorder], None] | None) -> None:
    try:
        recorder.write()
    finally:
        if on_end:
            on_end(recorder)


def run_id(command: str, system: str, started: datetime) -> str:
    """``20261121T094500Z-check-solar-ab12``: sorts by time, and two runs in one second differ."""
    words = [re.sub(r"[^a-z0-9-]+", "-", word.lower()).strip("-") for word in (command.split() or ["run"])[:1]]
    words.append(re.sub(r"[^a-z0-9-]+", "-", system.lower()).strip("-"))
    return "-".join([f"{started:%Y%m%dT%H%M%SZ}", *filter(None, words), secrets.token_hex(2)])


def versions() -> dict[str, str]:
    """What ran: Drillbook and the engines under it, the interpreter, the kernel."""
    found = {"python": platform.python_version(), "system": f"{platform.system()} {platform.release()}"}
    for name in _ENGINES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "not installed"
    return found


@contextmanager
def _terminated_as_interrupt() -> Iterator[None]:
    """SIGTERM ends the body as Ctrl-C does, so that every ``finally`` on the way runs."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


@contextmanager
def undisturbed(*, deliver: bool = False) -> Iterator[None]:
    """Ctrl-C and SIGTERM don't disturb the body, which takes milliseconds; ``deliver``: they count after it."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    came: list[int] = []
    before = {n: signal.signal(n, lambda number, _: came.append(number)) for n in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    if deliver and came:
        # Either of them: SIGTERM's own handler would end the process before it could write anything.
        raise KeyboardInterrupt
