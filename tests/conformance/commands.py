"""The forms of kubectl command that the operations runbooks use, as records; the lists are in ``kubectl_commands/``."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any, Final, Literal

import yaml

FOLDER: Final = Path(__file__).parent / "kubectl_commands"
_PLACEHOLDER: Final = re.compile(r"\{([a-z_]+)\}")


@dataclass(frozen=True, slots=True)
class CommandForm:
    """One form; ``kubectl_commands/parameters.yaml`` says what each field means."""

    id: str
    does: str
    sources: tuple[str, ...]
    """``runbook:line`` of every command of this form."""
    kubectl: tuple[str, ...]
    terminal: Literal["both", "input"] | None = None
    types: str | None = None
    after: str | None = None
    input: str | None = None
    then: tuple[str, ...] | None = None
    editor: str | None = None
    lasts: bool = False
    lines: tuple[str, ...] = ()
    exit: int = 0
    also_exits: tuple[int, ...] = ()
    because: str | None = None
    needs: tuple[str, ...] = ()

    def placeholders(self) -> frozenset[str]:
        """The parameters that this form speaks of."""
        return frozenset(name for text in self._texts() for name in _PLACEHOLDER.findall(text))

    def filled(self, values: Mapping[str, str]) -> CommandForm:
        """The form with every parameter's value put in; in ``lines`` the values stand for themselves, not expressions.

        Raises KeyError for a parameter without a value.
        """

        def put(text: str) -> str:
            return _PLACEHOLDER.sub(lambda found: values[found[1]], text)

        return replace(
            self,
            kubectl=tuple(map(put, self.kubectl)),
            then=tuple(map(put, self.then)) if self.then else None,
            types=put(self.types) if self.types else None,
            after=put(self.after) if self.after else None,
            input=put(self.input) if self.input else None,
            lines=tuple(_PLACEHOLDER.sub(lambda found: re.escape(values[found[1]]), line) for line in self.lines),
        )

    def _texts(self) -> tuple[str, ...]:
        return (*self.kubectl, *(self.then or ()), self.types or "", self.after or "", self.input or "", *self.lines)


def parameters() -> Mapping[str, str]:
    """Every parameter's name and what it must be."""
    read: dict[str, str] = yaml.safe_load((FOLDER / "parameters.yaml").read_text(encoding="utf-8"))
    return read


def forms() -> tuple[CommandForm, ...]:
    """Every form, in the order of files and lines."""
    files = sorted(path for path in FOLDER.glob("*.yaml") if path.name != "parameters.yaml")
    return tuple(_form(entry) for path in files for entry in yaml.safe_load(path.read_text(encoding="utf-8")))


def _form(entry: Mapping[str, Any]) -> CommandForm:
    """Raises TypeError for a field that a form doesn't have."""
    lists = {field.name for field in fields(CommandForm) if "tuple[str" in str(field.type)}
    known: dict[str, Any] = {"sources" if name == "from" else name: value for name, value in entry.items()}
    known |= {name: tuple(map(str, known[name])) for name in lists & known.keys()}
    known |= {"also_exits": tuple(known.get("also_exits", ()))}
    return CommandForm(**known)
