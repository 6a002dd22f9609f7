"""Asking the API of a running sandbox from outside, with no more than the standard library: it is there at once."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from drillbook.errors import Unreachable
from drillbook.sandbox.record import Record

_MERGE = "application/merge-patch+json"
_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Answer:
    """What the API said."""

    found: Record
    code: int
    body: dict[str, Any]

    def need(self) -> dict[str, Any]:
        """The body of an answer that went well. Raises Unreachable with the API's own sentence otherwise."""
        if self.code >= 400:
            raise Unreachable(
                f"the API of the sandbox {self.found.name} refused: {self.body.get('message', self.code)}; "
                f"see {self.found.state}/daemon.log"
            )
        return self.body


def ask(found: Record, method: str, path: str, patch: dict[str, Any] | None = None) -> Answer:
    """One request, as the sandbox's administrator; ``patch`` is a merge patch. Raises Unreachable without an answer."""
    import http.client
    import ssl

    import yaml

    try:
        config = yaml.safe_load(Path(found.kubeconfig).read_text(encoding="utf-8"))
        headers = {"Authorization": f"Bearer {config['users'][0]['user']['token']}", "Content-Type": _MERGE}
        host, _, port = found.api.removeprefix("https://").partition(":")
        context = ssl.create_default_context(cafile=found.ca)
        connection = http.client.HTTPSConnection(host, int(port), timeout=_SECONDS, context=context)
        connection.request(method, path, json.dumps(patch) if patch is not None else None, headers)
        answer = connection.getresponse()
        return Answer(found, answer.status, json.load(answer))
    except (OSError, http.client.HTTPException, ValueError, KeyError) as error:
        raise Unreachable(
            f"the API of the sandbox {found.name} at {found.api} doesn't answer: {error}; see {found.state}/daemon.log"
        ) from error
