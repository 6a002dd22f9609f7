"""What an API answers to single questions: a field of its answer, a stranger's request, and how steadily it answers."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Final

from drillbook.clients.access import authority_of
from drillbook.clients.http import Answer, Request, open_http
from drillbook.clients.reach import Endpoint, http_endpoint
from drillbook.errors import ConfigError, Unreachable
from drillbook.model.observation import Observation
from drillbook.model.policy import Component
from drillbook.model.quantity import Dimension
from drillbook.model.statistics import wilson
from drillbook.probes.scene import Scene, needed
from drillbook.probes.windows import look_length

_TIMEOUT: Final = 5.0
"""Seconds after which a request counts as never answered."""


async def body_field(scene: Scene, component: Component | None, parameters: Mapping[str, Any]) -> Observation:
    """One field of the JSON that a path answers, by names and numbers with dots: ``checks.database.status``.

    Asked several times, for each answer comes from one of several pods: where they differ, all they say is told.
    """
    asked = needed(component, "http.body_field")
    endpoint, path, answers = await _ask(scene, asked, parameters)
    where = f"{endpoint.url}{path} field {parameters['field']}"
    evidence: dict[str, Any] = {"via": str(endpoint), "statuses": [answer.status or 0 for answer in answers]}
    said = []
    for answer in answers:
        if answer.status is None:
            return scene.unseen(Dimension.TEXT, where, f"no answer: {answer.problem}", evidence=evidence)
        try:
            said.append(_field(json.loads(answer.body), str(parameters["field"])))
        except (ValueError, LookupError) as error:
            what = f"no field {error.args[0]!r}" if isinstance(error, LookupError) else "no JSON"
            problem = f"the answer ({answer.status}) has {what}"
            return scene.unseen(Dimension.TEXT, where, problem, remedy="look at the answer's body", evidence=evidence)
    return scene.told(where, *said, samples=len(said), evidence=evidence | {"said": said})


def _field(document: Any, names: str) -> str:
    """The text of a field; JSON's own words for what is no text. Raises LookupError with the name that isn't there."""
    for name in names.split("."):
        if isinstance(document, dict) and name in document:
            document = document[name]
        elif isinstance(document, list) and name.isdigit() and int(name) < len(document):
            document = document[int(name)]
        else:
            raise LookupError(name)
    return document if isinstance(document, str) else json.dumps(document)


async def anonymous_status(scene: Scene, component: Component | None, parameters: Mapping[str, Any]) -> Observation:
    """The HTTP status that a stranger gets: of several requests without credentials the least refusing one.

    Redirects aren't followed: a login page's 200 is no access, and no refusal either.
    """
    asked = needed(component, "http.anonymous_status")
    endpoint, path, answers = await _ask(scene, asked, parameters)
    statuses = [answer.status for answer in answers if answer.status is not None]
    where = f"{endpoint.url}{path}"
    evidence = {"via": str(endpoint), "statuses": statuses, "unanswered": [a.problem for a in answers if a.problem]}
    if not statuses:
        return scene.unseen(Dimension.COUNT, where, f"no answer: {answers[0].problem}", evidence=evidence)
    return scene.seen(Dimension.COUNT, where, min(statuses), samples=len(statuses), evidence=evidence)


async def availability(scene: Scene, component: Component | None, parameters: Mapping[str, Any]) -> Observation:
    """The share of requests to the health path that were answered with 2xx, one at each fixed moment.

    Bounded by Wilson's interval at 95 %: a minute without a fault doesn't show three nines, and says how many requests
    would.
    """
    asked = needed(component, "http.availability")
    seconds, rate = look_length(parameters), int(parameters["rate"])
    endpoint = await http_endpoint(scene.kube, scene.environment, asked)
    request = Request("GET", parameters["path"] or asked.health or "/")
    async with open_http(endpoint, ca=authority_of(scene.environment, asked.id), timeout=_TIMEOUT) as client:
        answers = await client.run_schedule([request] * max(1, round(seconds * rate)), rate)
    if all(answer.mistrusted for answer in answers):
        raise Unreachable(f"{endpoint} can't be asked: {answers[0].problem}")
    good = sum(answer.status is not None and 200 <= answer.status < 300 for answer in answers)
    ratio, low, high = wilson(good, len(answers))
    return scene.seen(
        Dimension.RATIO,
        f"{endpoint.url}{request.path}",
        ratio,
        low=low,
        high=high,
        samples=len(answers),
        remedy=f"needs {4 * len(answers):,} requests",
        evidence={
            "via": str(endpoint),
            "seconds": seconds,
            "rate_per_second": rate,
            "statuses": dict(Counter(str(answer.status) for answer in answers if answer.status is not None)),
            "unanswered": dict(Counter(answer.problem for answer in answers if answer.status is None)),
            "bounds": "Wilson score, 95 %",
        },
    )


async def _ask(
    scene: Scene, component: Component, parameters: Mapping[str, Any]
) -> tuple[Endpoint, str, Sequence[Answer]]:
    """Some requests without credentials, each on a connection of its own, so that a balancer spreads them."""
    path = parameters["path"] or component.health
    if not path:
        raise ConfigError(f"component {component.id!r} has no health path: name one as parameter path")
    endpoint = await http_endpoint(scene.kube, scene.environment, component)
    ca = authority_of(scene.environment, component.id)

    client = await scene.once(
        ("strangers", endpoint, ca),
        lambda: scene.keep(open_http(endpoint, ca=ca, timeout=_TIMEOUT, strangers=True)),
    )
    answers = await asyncio.gather(*(client.send(Request("GET", path)) for _ in range(parameters["attempts"])))
    if all(answer.mistrusted for answer in answers):
        raise Unreachable(f"{endpoint} can't be asked: {answers[0].problem}")
    return endpoint, path, answers
