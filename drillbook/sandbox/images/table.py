"""The images that the sandbox carries: one line for each family, one file for each kind of program."""

from __future__ import annotations

from typing import Final

from drillbook.sandbox.images import nginx, postgres, prometheus, redis, refapp, shells

FAMILIES: Final = (
    postgres.FAMILY,
    redis.FAMILY,
    nginx.FAMILY,
    *prometheus.FAMILIES,
    *refapp.FAMILIES,
    shells.FAMILY,
)
