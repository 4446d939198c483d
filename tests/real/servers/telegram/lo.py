"""Serves lo-bot-api-emulator on loopback; it takes POST alone, and the Bot API takes GET as well."""

import sys

from aiohttp import web
from lo_bot_api_emulator import LoBotApiEmulator


class Emulator(LoBotApiEmulator):
    async def read_request(self, request):
        if request.method == "GET":
            return dict(request.query), {}
        return await super().read_request(request)


emulator = Emulator(enable_control=True)
app = emulator.app()
app.router.add_get("/bot{token}/{method}", emulator.handle)
web.run_app(app, host="127.0.0.1", port=int(sys.argv[1]), access_log=None, print=None)
