"""A stand-in for a provider of language models: answers every prompt, or, told so by the switches, with 429."""

from __future__ import annotations

import hashlib
from typing import Final

from drillbook.sandbox.refapp.http import Request, Response, answer
from drillbook.sandbox.refapp.orders import text
from drillbook.sandbox.refapp.service import Service
from drillbook.sandbox.refapp.settings import Settings

PATH: Final = "/v1/completions"
LONGEST_PROMPT: Final = 16 * 1024


async def complete(request: Request) -> Response:
    """A text that depends on nothing but the prompt."""
    prompt = text(request.json_object(), "prompt", LONGEST_PROMPT)
    return answer(200, {"text": f"completion {hashlib.sha256(prompt.encode()).hexdigest()[:16]}"})


async def run(settings: Settings) -> None:
    """Serve until told to stop."""
    service = Service(settings, {})
    service.route("POST", PATH, complete)
    await service.run()
