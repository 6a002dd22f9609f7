"""The post-condition that nothing which a procedure printed holds a credential, as it is or encoded.

``kubectl get secret -o yaml`` prints no password, and everything that is needed to read one. So each value is looked
for in base64 too, also where it stands in the middle of something that was encoded with it. What was valid before the
procedure, or while the fault was there, is looked for as well: a rotation that prints the old password has told it to
everybody who hasn't rotated yet.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final

from drillbook.drills.afterwards.occasion import AfterWay, Kept, Occasion
from drillbook.judge import afterwards_security as judged
from drillbook.judge.outcome import Outcome, unseen
from drillbook.model.policy import Policy
from drillbook.model.procedures import Entry

if TYPE_CHECKING:
    from drillbook.clients.kube import Permission

LEAST_CHARACTERS: Final = 8
"""Shorter values of Secrets are in any text by chance: a port, a user's name."""
_PUBLIC: Final = frozenset({"tls.crt", "ca.crt"})


def forms(value: str) -> frozenset[str]:
    """The texts that show a value: itself, and what base64 makes of it at each of the three places in a group.

    Characters at either end that depend on its neighbours are left out, so it is found inside of something larger.
    """
    raw, found = value.encode(), {value}
    for shift in range(3):
        encoded = base64.b64encode(b"\0" * shift + raw).decode()
        whole = (shift + len(raw)) * 8 // 6
        found.add(encoded[-(-shift * 8 // 6) : whole])
    return frozenset(found)


async def _remember(occasion: Occasion, _entry: Entry, kept: Kept) -> None:
    if not occasion.by_hand:
        kept.setdefault("values", {}).update(await _secret_values(occasion))


async def _nothing_printed(occasion: Occasion, entry: Entry, kept: Kept) -> Outcome:
    if occasion.by_hand:
        return unseen("people followed the procedure, and what their commands printed nobody else saw")
    await _remember(occasion, entry, kept)
    values: Mapping[str, str] = kept["values"]
    shown = {value: forms(value) for value in values}
    leaks = {}
    for step, texts in occasion.printed:
        said = "\n".join(texts)
        # Wrapped lines, as base64 itself prints them, are put together again.
        joined = "".join(said.split())
        names = {
            name for value, name in values.items() if any(one in said or one in joined for one in shown[value])
        }  # fmt: skip
        if names:
            leaks[step] = sorted(names)
    return judged.nothing_printed(leaks, len(values), sum(len(text) for _, texts in occasion.printed for text in texts))


async def _secret_values(occasion: Occasion) -> Mapping[str, str]:
    """Where it is, by the value of every key of the Secrets that the system's pods use.

    Not what anybody may read anyway, and not what is too short to be told from other text.
    """
    from drillbook.clients.kube import path_of

    kube, found = occasion.ground.kube, dict[str, str]()
    for namespace in occasion.ground.policy.namespaces:
        pods = await kube.list(path_of("pods", namespace))
        for name in sorted({name for pod in pods for name in _secrets_of(pod["spec"])}):
            secret = await kube.find(path_of("secrets", namespace, name)) or {}
            for key, coded in (secret.get("data") or {}).items():
                value = base64.b64decode(coded).decode(errors="replace").strip()
                if key not in _PUBLIC and len(value) >= LEAST_CHARACTERS:
                    found[value] = f"Secret {name} key {key}"
    return found


def _secrets_of(spec: Mapping[str, Any]) -> Iterator[str]:
    """The names of the Secrets that a pod mounts or has in its environment."""
    for volume in spec.get("volumes") or ():
        if "secret" in volume:
            yield str(volume["secret"]["secretName"])
        for source in (volume.get("projected") or {}).get("sources") or ():
            if "secret" in source:
                yield str(source["secret"]["name"])
    for container in (*spec.get("containers", ()), *(spec.get("initContainers") or ())):
        references = [(one.get("valueFrom") or {}).get("secretKeyRef") for one in container.get("env") or ()]
        references += [one.get("secretRef") for one in container.get("envFrom") or ()]
        yield from (str(one["name"]) for one in references if one)


def _needs(policy: Policy, _entry: Entry) -> tuple[Permission, ...]:
    from drillbook.clients.kube import Permission

    looks = (("list", "pods"), ("get", "secrets"))
    return tuple(Permission(verb, what, "", namespace) for namespace in policy.namespaces for verb, what in looks)


WAYS: Final[Mapping[str, AfterWay]] = {
    "transcript_secret_scan": AfterWay(_nothing_printed, prepare=_remember, begin=_remember, needs=_needs),
}
