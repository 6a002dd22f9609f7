"""What an image name starts: a program of this machine, with the surroundings that the real image would give it."""

from __future__ import annotations

import re
import shlex
import signal
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Final

DATA: Final = "DRILLBOOK_DATA"
"""Names the real folder that stands for the program's ``data_path``; set by the kubelet where a program has one."""

RUN: Final = "DRILLBOOK_RUN"
"""Names a private folder of the container (mode 0700) for sockets; short, because a socket's path ends at 107 bytes."""

_REFERENCE: Final = re.compile(r"\$\((\w+)\)")


@dataclass(frozen=True, slots=True)
class Program:
    """An image as the sandbox's kubelet sees it."""

    entrypoint: tuple[str, ...]
    """What always runs; a container's ``command`` replaces it together with ``arguments``."""
    arguments: tuple[str, ...] = ()
    """What a container's ``args`` replace."""
    env: Mapping[str, str] = field(default_factory=dict)
    """Defaults below the container's own env. ``$(NAME)`` refers to a variable that the kubelet sets; see
    ``environment``."""
    shims: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Executables that the image carries: name -> the command that it stands for. They lead the container's PATH."""
    files: Mapping[str, str] = field(default_factory=dict)
    """Small files in the folder that the image starts in: path -> text. Without any, that folder is the root."""
    uid: int | None = None
    """The user the program must believe to be, inside a user namespace; None is the sandbox's own user."""
    data_path: str | None = None
    """Where the image keeps its data; see ``data_folder``."""
    reads: tuple[Path, ...] = ()
    """Folders of this machine that it must find at their places, even below a /tmp of its own."""
    stop_signal: signal.Signals = signal.SIGTERM
    """What ends it gracefully, as an image's STOPSIGNAL says."""

    def command_line(self, command: Sequence[str] = (), args: Sequence[str] = ()) -> tuple[str, ...]:
        """What to run for a container's ``command`` and ``args``, by Kubernetes' rule for the two."""
        if command:
            return (*command, *args)
        return (*self.entrypoint, *(args or self.arguments))

    def environment(self, known: Mapping[str, str]) -> dict[str, str]:
        """The default variables, with every ``$(NAME)`` that ``known`` has put in."""
        return {
            name: _REFERENCE.sub(lambda reference: known.get(reference[1], reference[0]), value)
            for name, value in self.env.items()
        }

    def data_folder(self, mounts: Mapping[str, Path], scratch: Path) -> Path | None:
        """The folder for ``$DRILLBOOK_DATA``: below the volume that covers ``data_path``, else below ``scratch``.

        ``mounts`` says which folder is mounted at which path of the container. None for a program without data.
        """
        if self.data_path is None:
            return None
        wanted = PurePosixPath(self.data_path)
        for place in (wanted, *wanted.parents):
            folder = mounts.get(str(place))
            if folder is not None:
                return folder / wanted.relative_to(place)
        return scratch / wanted.relative_to("/")

    def working_folder(self, home: Path) -> str:
        """Where its programs begin: ``home``, a folder of the container's own, with the image's files written there."""
        for name, text in self.files.items():
            (home / name).parent.mkdir(parents=True, exist_ok=True)
            (home / name).write_text(text, encoding="utf-8")
        return str(home) if self.files else "/"

    def write_shims(self, folder: Path) -> None:
        """Write one small executable script for each shim into ``folder``, which is made if need be."""
        folder.mkdir(parents=True, exist_ok=True)
        for name, command in self.shims.items():
            script = folder / name
            script.write_text(f'#!/bin/sh\nexec {shlex.join(command)} "$@"\n', encoding="utf-8")
            script.chmod(0o755)
