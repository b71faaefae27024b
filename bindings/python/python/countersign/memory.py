"""Replay memories that all processes of a program share.

Each is a function ``claim(digest, expires)``: True for the first that claims a digest, False for every other one, in one step.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from typing import Any

PREFIX = "countersign:"
SLACK = 60
"""Seconds more than needed for which a use is kept: for clocks that differ, and for the time that the way there takes."""


def redis(client: Any, prefix: str = PREFIX) -> Callable[[bytes, int], bool]:
    """Uses remembered by a Redis or Valkey, through a client of the package ``redis``.

    The server must not evict (``maxmemory-policy noeviction``), or a use may be forgotten while its proof is still good.
    """

    def claim(digest: bytes, expires: int) -> bool:
        return _first(client.set(prefix + digest.hex(), b"1", nx=True, ex=_left(expires)))

    return claim


def async_redis(client: Any, prefix: str = PREFIX) -> Callable[[bytes, int], Awaitable[bool]]:
    """As `redis`, through a client of ``redis.asyncio``."""

    async def claim(digest: bytes, expires: int) -> bool:
        return _first(await client.set(prefix + digest.hex(), b"1", nx=True, ex=_left(expires)))

    return claim


def cache(backend: Any, prefix: str = PREFIX) -> Callable[[bytes, int], bool]:
    """Uses remembered by a cache of Django's, whose ``add`` must be one step in all processes: that of Redis, Memcached or a database."""

    def claim(digest: bytes, expires: int) -> bool:
        added = backend.add(prefix + digest.hex(), "1", _left(expires))
        if added is not True and added is not False:
            raise TypeError(f"wanted True or False from the cache's add, found {added!r}")
        return added

    return claim


def _left(expires: int) -> int:
    """By this machine's clock, which judges: another's may be ahead, and forget what is still good here."""
    return max(1, expires - int(time.time())) + SLACK


def _first(answer: object) -> bool:
    """What ``SET … NX`` answers: OK for the first, nothing for others. Anything else comes from no Redis."""
    if answer is True or answer in ("OK", b"OK"):
        return True
    if answer is None:
        return False
    raise TypeError(f"wanted OK or nothing from SET NX, found {answer!r}")
