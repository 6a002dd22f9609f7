"""The front end: one page, and nothing behind it."""

from __future__ import annotations

from html import escape
from typing import Final

from drillbook.sandbox.refapp.http import Request, Response, page
from drillbook.sandbox.refapp.service import Service
from drillbook.sandbox.refapp.settings import Settings

PAGE: Final = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Reference service</title>
<h1>Reference service</h1>
<p>Front end {version}, served by {pod}.</p>
</html>
"""


async def run(settings: Settings) -> None:
    """Serve until told to stop."""
    service = Service(settings, {})
    text = PAGE.format(version=escape(settings.version), pod=escape(settings.pod))

    async def home(_: Request) -> Response:
        return page(text)

    service.route("GET", "/", home)
    await service.run()
