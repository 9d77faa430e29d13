"""A middleware that serves the site's static files, without keeping a thread for each request."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Any

from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from whitenoise.middleware import WhiteNoiseMiddleware
from whitenoise.responders import StaticFile

Handler = Callable[[HttpRequest], Awaitable[HttpResponseBase]]


class StaticFilesMiddleware(WhiteNoiseMiddleware):  # type: ignore[misc]
    """WhiteNoise's index of files and its headers, in an async middleware.

    WhiteNoise's own middleware is sync. In an ASGI chain Django runs it in the request's thread,
    which waits there until the view has answered: a long poll of 25 seconds would keep it for 25
    seconds. Here a request outside STATIC_URL needs no thread.
    """

    sync_capable = False
    async_capable = True
    get_response: Handler

    def __init__(self, get_response: Handler) -> None:
        super().__init__(get_response)
        if iscoroutinefunction(get_response):
            markcoroutinefunction(self)

    async def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if not request.path_info.startswith(self.static_prefix):
            return await self.get_response(request)
        response = await asyncio.to_thread(self._file_response, request)
        return response or await self.get_response(request)

    def _file_response(self, request: HttpRequest) -> HttpResponse | None:
        static_file: StaticFile | None = (
            self.find_file(request.path_info)
            if self.autorefresh
            else self.files.get(request.path_info)
        )
        return static_file and _in_memory(static_file.get_response(request.method, request.META))


def _in_memory(found: Any) -> HttpResponse:
    # The files of this site are small. A streamed one would be read in the event loop.
    response = HttpResponse(status=HTTPStatus(found.status))
    if found.file is not None:
        with found.file:
            response.content = found.file.read()
    del response["Content-Type"]
    for name, value in found.headers:
        response[name] = value
    return response
