"""Five thousand objects, listed whole and in pages while others write."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

from tests.robustness.ground import CONFIG_MAPS, Ground, config_map

COUNT, PAGE = 5_000, 450


def pages(ground: Ground) -> Iterator[dict[str, Any]]:
    token = ""
    while True:
        page = ground.api.json("GET", f"{CONFIG_MAPS}?limit={PAGE}" + (f"&continue={quote(token)}" if token else ""))
        yield page
        token = page["metadata"].get("continue", "")
        if not token:
            return


def names(listed: dict[str, Any]) -> list[str]:
    return [obj["metadata"]["name"] for obj in listed["items"]]


def test_five_thousand_objects_are_paged_as_they_were_when_the_first_page_was_read(bare: Ground) -> None:
    before = bare.footprint()
    for number in range(COUNT):
        bare.api.json("POST", CONFIG_MAPS, config_map(f"n{number:05}", number=str(number)))
    began = time.monotonic()
    whole = bare.api.json("GET", CONFIG_MAPS)
    took = time.monotonic() - began
    assert len(names(whole)) >= COUNT
    assert names(whole) == sorted(names(whole))

    found, versions, left = [], set(), []
    for number, page in enumerate(pages(bare)):
        # Behind the reader's back: one goes, one comes, one changes, before and behind where it reads.
        bare.api.json("DELETE", f"{CONFIG_MAPS}/n{COUNT - 1 - number:05}")
        bare.api.json("POST", CONFIG_MAPS, config_map(f"m{number}"))
        bare.api.json(
            "PUT", f"{CONFIG_MAPS}/n{COUNT // 2 + number:05}", config_map(f"n{COUNT // 2 + number:05}", new="1")
        )
        found += page["items"]
        versions.add(page["metadata"]["resourceVersion"])
        left.append(page["metadata"].get("remainingItemCount", 0))
    assert len(versions) == 1
    assert found == whole["items"]
    assert left == [max(0, len(found) - PAGE * (page + 1)) for page in range(len(left))]

    memory = bare.memory()
    bare.api.raw("DELETE", CONFIG_MAPS)
    assert not [name for name in names(bare.api.json("GET", CONFIG_MAPS)) if name.startswith(("n0", "m"))]
    bare.settles_at(before)
    print(f"{COUNT} objects: listed in {took * 1000:.0f} ms, daemon {memory:.1f} MiB, then {bare.memory():.1f} MiB")
