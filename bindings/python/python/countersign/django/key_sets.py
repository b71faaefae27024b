"""Key sets of users, fetched from their addresses and kept for some minutes."""

from __future__ import annotations

import json
import logging
import threading
import time
import urllib.error
import urllib.request
from http.client import HTTPException
from typing import Any
from urllib.parse import urlsplit

from .._countersign import Fault
from ..verifier import Key
from .conf import setting

GOOD = 300
"""Seconds for which a set is used without asking again."""
STALE = 3600
"""Seconds for which it is used while its address does not answer."""
PATIENCE = 30
"""Seconds between two times that one address is asked, whatever is asked for."""
TIMEOUT = 5
MOST_BYTES = 64 * 1024
MOST_KEYS = 32
MOST_ADDRESSES = 4096

log = logging.getLogger("countersign")


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """The address is a user's word; where it leads to is not."""

    def redirect_request(self, *arguments: Any, **options: Any) -> None:
        """Goes nowhere."""
        return None


class _Kept:
    def __init__(self) -> None:
        self.keys: list[Key] = []
        self.fetched: float | None = None
        self.asked: float | None = None
        self.lock = threading.Lock()


_kept: dict[str, _Kept] = {}
_all = threading.Lock()


def keys(url: str, kid: str | None, *, needed: bool) -> list[Key]:
    """The keys of a set. `needed`: the user has no others, so that a set that cannot be had is a fault."""
    with _all:
        if len(_kept) >= MOST_ADDRESSES and url not in _kept:
            _kept.clear()
        kept = _kept.setdefault(url, _Kept())
    # Whoever waits for another's asking waits no longer than that may take, and goes by what is there.
    if kept.lock.acquire(timeout=2 * TIMEOUT):
        try:
            _ask(kept, url, kid)
        finally:
            kept.lock.release()
    if kept.fetched is not None and time.monotonic() - kept.fetched <= STALE:
        return kept.keys
    if needed:
        raise Fault(f"the key set {url} cannot be had")
    return []


def _ask(kept: _Kept, url: str, kid: str | None) -> None:
    """Asks for the set anew where it is old, or says nothing of this key."""
    now = time.monotonic()
    unknown = kid is not None and all(key.label != kid for key in kept.keys)
    old = kept.fetched is None or now - kept.fetched > GOOD
    may_ask = kept.asked is None or now - kept.asked > PATIENCE
    if (old or unknown) and may_ask:
        kept.asked = now
        try:
            kept.keys, kept.fetched = _fetch(url), now
        except (OSError, ValueError, HTTPException) as error:
            log.warning("the key set %s cannot be had: %s", url, error)


def _fetch(url: str) -> list[Key]:
    schemes = ("https", "http") if setting("JWKS_HTTP", False) else ("https",)
    if urlsplit(url).scheme not in schemes:
        raise ValueError("its address is not https")
    opener = urllib.request.build_opener(_NoRedirects)
    request = urllib.request.Request(url, headers={"Accept": "application/jwk-set+json, application/json"})
    with opener.open(request, timeout=TIMEOUT) as answer:
        text = b""
        until = time.monotonic() + TIMEOUT
        while len(text) <= MOST_BYTES and (part := answer.read1(MOST_BYTES + 1 - len(text))):
            text += part
            if time.monotonic() > until:
                raise ValueError("it does not come whole in time")
    if len(text) > MOST_BYTES:
        raise ValueError(f"it is larger than {MOST_BYTES} bytes")
    document = json.loads(text)
    found = document.get("keys") if isinstance(document, dict) else None
    if not isinstance(found, list):
        raise ValueError("it is no JWK set")
    sets = [one for one in found[:MOST_KEYS] if isinstance(one, dict)]
    # Each as a set of one, so that a key of a kind that is not known here leaves the others alone.
    return [Key(public=json.dumps({"keys": [one]}), label=str(one.get("kid", ""))) for one in sets]
