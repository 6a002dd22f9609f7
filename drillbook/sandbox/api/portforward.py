"""pods/portforward."""

from aiohttp import web

from drillbook.sandbox.api.call import Call


async def run(call: Call) -> web.StreamResponse:
    raise NotImplementedError
