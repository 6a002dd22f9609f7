"""Runs a form of kubectl command: at a terminal or without, with an editor, with a second kubectl behind it."""

from __future__ import annotations

import os
import re
import select
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.conformance.cluster import KUBECTL
from tests.conformance.commands import CommandForm
from tests.conformance.terminal import at_terminal, with_terminal_for_input


@dataclass(frozen=True, slots=True)
class Shell:
    """Where commands are typed: a kubeconfig whose context has a namespace, and how long to wait."""

    kubeconfig: Path
    home: Path
    seconds: float

    def run(self, form: CommandForm) -> tuple[int, str]:
        """The exit code of a filled form and all that it printed. TimeoutError when it doesn't end."""
        command = self.command(form.kubectl)
        env = self.env(form.editor)
        if form.terminal == "both":
            return at_terminal(command, env, form.types or "", self.seconds, form.after)
        if form.terminal == "input":
            return with_terminal_for_input(command, env, self.seconds)
        if form.lasts:
            return self._until_said(form)
        code, out, err = self._finish(command, env, (form.input or "").encode())
        if form.then and code == 0:
            code, out, more = self._finish(self.command(form.then), env, out)
            err += more
        return code, (out + err).decode(errors="replace")

    def kubectl(self, *arguments: str) -> str:
        """Another command, which must go well."""
        code, out, err = self._finish(self.command(arguments), self.env(None), b"")
        assert code == 0, f"kubectl {' '.join(arguments)} ended with {code}: {(out + err).decode(errors='replace')}"
        return out.decode()

    def command(self, arguments: Sequence[str]) -> list[str]:
        return [str(KUBECTL), *arguments]

    def env(self, editor: str | None) -> dict[str, str]:
        chosen = {"KUBECONFIG": str(self.kubeconfig), "HOME": str(self.home)}
        return dict(os.environ) | chosen | ({"KUBE_EDITOR": editor} if editor else {})

    def _finish(self, command: Sequence[str], env: dict[str, str], given: bytes) -> tuple[int, bytes, bytes]:
        try:
            done = subprocess.run(command, input=given, capture_output=True, env=env, timeout=self.seconds, check=False)
        except subprocess.TimeoutExpired as error:
            raise TimeoutError(f"{' '.join(command)} still runs; it printed {error.stdout!r}") from None
        return done.returncode, done.stdout, done.stderr

    def _until_said(self, form: CommandForm) -> tuple[int, str]:
        """A command that goes on: 0 when it says what it should and would have gone on."""
        command = self.command(form.kubectl)
        said = b""
        with subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=self.env(None)
        ) as started:
            assert started.stdout is not None
            until = time.monotonic() + self.seconds
            while time.monotonic() < until and missing(form, said.decode(errors="replace")):
                if select.select([started.stdout], [], [], 0.1)[0]:
                    part = os.read(started.stdout.fileno(), 65536)
                    if not part:
                        break
                    said += part
            ended = started.poll()
            started.terminate()
        return (0 if ended is None else ended or 1), said.decode(errors="replace")


def missing(form: CommandForm, said: str) -> tuple[str, ...]:
    """The expressions that don't match what was said."""
    return tuple(line for line in form.lines if not re.search(line, said))
