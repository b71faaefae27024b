"""Recognises users by their keys: ``"countersign.django.middleware.Middleware"``, after Django's ``AuthenticationMiddleware``."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from typing import Any

from asgiref.sync import iscoroutinefunction, markcoroutinefunction, sync_to_async
from django.core.exceptions import RequestDataTooBig
from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse
from django.http.request import RawPostDataException, UnreadablePostError

from .. import asgi, environment
from .._countersign import Fault, Recognised
from ..verifier import Refusal
from . import conf, users

log = logging.getLogger("countersign")


class Middleware:
    """Sets ``request.user`` to who sent a request, and ``request.countersign`` to how that was recognised (None where no proof came).

    A request without a proof goes on as it is; one whose proof does not hold is answered, unless ``PASS_REFUSED`` is set. CSRF is not
    checked where a proof in a header holds: a browser that was led here by somebody else sends none.
    """

    sync_capable = True
    async_capable = True

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse | Awaitable[HttpResponse]]) -> None:
        self.get_response = get_response
        conf.check_order()
        self.verifier = conf.verifier(users.find)
        self.is_async = iscoroutinefunction(get_response)
        if self.is_async:
            markcoroutinefunction(self)

    def __call__(self, request: HttpRequest) -> Any:
        """As Django wants it."""
        if self.is_async:
            return self._later(request)
        answer = self.recognise(request)
        return self.get_response(request) if answer is None else answer

    async def _later(self, request: HttpRequest) -> HttpResponse:
        answer = await sync_to_async(self.recognise)(request)
        return await self.get_response(request) if answer is None else answer  # type: ignore[misc]

    def recognise(self, request: HttpRequest) -> HttpResponse | None:
        """Sets who sent it; an answer where it goes no further."""
        request.countersign = None  # type: ignore[attr-defined]
        try:
            recognised = self._judge(request)
        except Refusal as refusal:
            refused = refusal.refused
            if refused.is_absent:
                return None
            log.info("refused %s (%s)", refusal, refused.hint)
            if conf.setting("PASS_REFUSED", False):
                return None
            return _answer(refused.status, refused.headers, refused.body)
        except UnreadablePostError:
            return HttpResponse(status=400)
        except (Fault, RawPostDataException):
            # The second: something before this middleware read the body away.
            log.exception("a request cannot be decided")
            return _answer(*self.verifier.failed())
        try:
            user = users.user_of(recognised)
        except DatabaseError:
            log.exception("the user %s cannot be read", recognised.account)
            return _answer(*self.verifier.failed())
        if user is None:
            log.error("the user %s went away while a proof of it was judged", recognised.account)
            return _answer(*self.verifier.failed())
        try:
            users.note_use(recognised, user)
        except DatabaseError:
            # Nothing is decided by it.
            log.exception("the last use of a key of %s cannot be written down", recognised.account)
        _become(request, user, recognised)
        carriers = self.verifier.carriers_of(recognised.dialect)
        if any(request.headers.get(name) for name in carriers if name != "cookie"):
            # No form brings such a header along. A proof in the address or the body may be anybody's, on a stranger's page, whatever headers
            # the browser sets beside it.
            request._dont_enforce_csrf_checks = True  # type: ignore[attr-defined]
        return None

    def _judge(self, request: HttpRequest) -> Recognised:
        scope = getattr(request, "scope", None)
        # Under ASGI Django always says so, knowing nothing about it.
        if self.verifier.remembers_here and scope is None and request.META.get("wsgi.multiprocess"):
            raise Fault("COUNTERSIGN says ONE_PROCESS, and several processes serve")
        body = None
        if self.verifier.needs_body:
            try:
                body = request.body
            except RequestDataTooBig:
                raise self.verifier.refuse_too_large() from None
        if scope is not None:
            headers, target = scope["headers"], asgi.target(scope, self.verifier.needs_target)
        else:
            environ = request.META
            headers, target = environment.headers(environ), _target(environ, self.verifier.needs_target)
        return self.verifier.verify(request.method or "", target, headers, body)


def _target(environ: dict[str, Any], wanted: bool) -> bytes | None:
    try:
        return environment.target(environ)
    except Fault:
        if wanted:
            raise
        return None


def _become(request: HttpRequest, user: Any, recognised: Recognised) -> None:
    async def auser() -> Any:
        return user

    request.user = user
    request.auser = auser  # type: ignore[method-assign]
    request.countersign = recognised  # type: ignore[attr-defined]


def _answer(status: int, headers: list[tuple[str, str]], body: bytes) -> HttpResponse:
    answer = HttpResponse(body, status=status)
    for name, value in headers:
        answer[name] = value
    return answer
