"""A container's last words: the file that its program may write before it ends, or else the end of its log."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from drillbook.sandbox.kinds import Object
from drillbook.sandbox.kubelet.process import Bind

if TYPE_CHECKING:
    from drillbook.sandbox.kubelet.container import Container

LONGEST: Final = 4096
"""Bytes of the file that become the message."""
LAST_LINES, LAST_BYTES = 80, 2048
"""As much of the log becomes the message."""
_USUAL: Final = "/dev/termination-log"


def place(spec: Object, folder: Path, binds: Sequence[Bind]) -> tuple[Path, tuple[Bind, ...]]:
    """The file of the container's next run, and how the container sees it: in a volume of its own, or mounted."""
    target = str(spec.get("terminationMessagePath") or _USUAL)
    for bind in reversed(binds):
        if target.startswith(f"{bind.target.rstrip('/')}/"):
            return bind.source / target.removeprefix(bind.target).lstrip("/"), ()
    file = folder / "termination-log"
    file.write_bytes(b"")
    file.chmod(0o666)
    return file, (Bind(file, target),)


async def of(container: Container, code: int) -> str:
    """What the container said as it ended with ``code``."""
    said = _written(container.surroundings.last_words) if container.surroundings else ""
    wants_log = container.spec.get("terminationMessagePolicy") == "FallbackToLogsOnError" and code != 0
    if said or not wants_log or container.log is None or container.process is None:
        return said
    await container.process.closed
    text = "".join(f"{line}\n" for line in container.log.last_lines(LAST_LINES))
    return text.encode()[-LAST_BYTES:].decode(errors="replace")


def _written(file: Path) -> str:
    try:
        with file.open("rb") as stream:
            return stream.read(LONGEST).decode(errors="replace")
    except OSError:  # its program took it away, or made something else of it
        return ""
