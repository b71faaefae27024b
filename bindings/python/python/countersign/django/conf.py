"""What the settings say.

``COUNTERSIGN`` is a dictionary:

- ``DIALECTS``: names, or names with settings. Left out, it is asymmetric-jwt with what ``ASYMMETRIC_JWT_AUTH`` says of ``AUTH_METHOD`` and
  ``TIMESTAMP_TOLERANCE``.
- ``PUBLIC_URL``: the address that callers use, wanted where a dialect signs the host.
- ``PASS_REFUSED``: a request whose proof does not hold goes on, as with the old package: as the user of its session where it has one, and a
  view that wants a proof has to look at ``request.countersign``. Left out, it is answered at once, with the reason.
- ``CACHE``: the alias of the cache that remembers uses; left out: ``default``.
- ``ONE_PROCESS``: one process serves the site and remembers uses itself, without a cache. Proofs made before it began are refused.
- ``JWKS_HTTP``: key sets may be fetched without TLS, for tests.
- ``BODY_LIMIT``, ``REQUIRE``: as for `countersign.Verifier`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.core.cache import caches
from django.core.exceptions import ImproperlyConfigured

from .. import memory
from .._countersign import Unusable
from ..verifier import Account, Asked, Verifier

ALONE = ("LocMemCache", "DummyCache", "FileBasedCache")
"""Caches whose ``add`` is not one step in all processes."""
LEAST_ENTRIES = 100_000
"""More uses than a cache in a database takes up while a proof is good."""


def setting(name: str, default: Any = None) -> Any:
    """One entry of ``COUNTERSIGN``."""
    return getattr(settings, "COUNTERSIGN", {}).get(name, default)


def dialects() -> Any:
    """The dialects with their settings."""
    chosen = setting("DIALECTS")
    if chosen is not None:
        return chosen
    old = getattr(settings, "ASYMMETRIC_JWT_AUTH", {})
    scheme = str(old.get("AUTH_METHOD", "JWT"))
    tolerance = int(old.get("TIMESTAMP_TOLERANCE", 20))
    return {"asymmetric-jwt": {"scheme": scheme, "tolerance": f"{tolerance}s"}}


def check_order() -> None:
    """Raises ``ImproperlyConfigured`` where Django would put a session's user in place of who was recognised."""
    names = list(settings.MIDDLEWARE)
    own, theirs = "countersign.django.middleware.Middleware", "django.contrib.auth.middleware.AuthenticationMiddleware"
    if own in names and theirs in names and names.index(own) < names.index(theirs):
        raise ImproperlyConfigured(f"MIDDLEWARE: wanted {own} after {theirs}, found it before")


def verifier(find: Callable[[Asked], Account | None]) -> Verifier:
    """The site's verifier.

    Raises ``ImproperlyConfigured`` when the settings do not fit.
    """
    try:
        return Verifier(
            dialects(),
            find=find,
            memory=_memory(),
            public=setting("PUBLIC_URL"),
            body_limit=setting("BODY_LIMIT"),
            require=setting("REQUIRE", ()),
            secret=settings.SECRET_KEY,
        )
    except Unusable as error:
        raise ImproperlyConfigured(f"COUNTERSIGN: {error}") from error


def _memory() -> Callable[[bytes, int], bool] | str:
    if setting("ONE_PROCESS", False):
        return "process"
    alias = setting("CACHE", "default")
    backend = caches[alias]
    kinds = {kind.__name__ for kind in type(backend).__mro__}
    if kinds.intersection(ALONE):
        raise ImproperlyConfigured(
            f"COUNTERSIGN: wanted a cache that all processes share and whose add is one step (Redis, Memcached, a database), found "
            f"{type(backend).__name__} under the alias {alias!r}: a proof could be used once in each process. Name another one as CACHE, or "
            f"say ONE_PROCESS where one process serves"
        )
    most = getattr(backend, "_max_entries", LEAST_ENTRIES)
    if "DatabaseCache" in kinds and most < LEAST_ENTRIES:
        raise ImproperlyConfigured(
            f"COUNTERSIGN: wanted a cache of at least {LEAST_ENTRIES} entries, found one of {most} under the alias {alias!r}: it throws entries away "
            f"when it is full, and a proof whose use is forgotten works again. Set MAX_ENTRIES among its OPTIONS"
        )
    # Looked up anew for each use: Django keeps a connection for each thread.
    return lambda digest, expires: memory.cache(caches[alias])(digest, expires)
