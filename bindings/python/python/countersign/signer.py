"""A caller: signs requests that are given in parts."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from typing import NamedTuple
from urllib.parse import urlsplit

from ._countersign import Signing

DEFAULT_PORTS = {"http": 80, "https": 443}


class Signed(NamedTuple):
    """What to change on a request before it is sent; nothing else may change afterwards."""

    headers: list[tuple[str, bytes]]
    """Headers to set: each takes the place of all that have its name."""
    url: str
    """The address to send to."""
    body: bytes | None
    """The body to send in place of the one that was given."""

    def __repr__(self) -> str:
        # Values are credentials, and so may be the query and the body.
        return f"<Signed headers={[name for name, _ in self.headers]!r}>"


class Signer:
    """A dialect, a key and a name. It may be used by all threads, and after a fork.

    `key` is the private key's text or bytes, `key_file` the file that has it. With `origin` (such as ``https://api.example.com``), the
    integrations sign requests to that server only, and leave all others as they are.
    """

    def __init__(
        self,
        dialect: str,
        identifier: str,
        *,
        key: str | bytes | None = None,
        key_file: str | os.PathLike[str] | None = None,
        passphrase: str | None = None,
        acting_as: str | None = None,
        companion: str | None = None,
        algorithm: str | None = None,
        settings: Mapping[str, str] | None = None,
        origin: str | None = None,
    ) -> None:
        self._signing = Signing(
            dialect,
            identifier,
            key=key.encode() if isinstance(key, str) else key,
            key_file=None if key_file is None else os.fspath(key_file),
            passphrase=passphrase,
            acting_as=acting_as,
            companion=companion,
            algorithm=algorithm,
            settings=dict(settings or {}),
        )
        self._origin = None if origin is None else origin_of(origin)

    def sign(self, method: str, url: str, headers: Iterable[tuple[str | bytes, str | bytes]] = (), body: bytes = b"") -> Signed:
        """Signs a request that is ready to be sent; `url` is the whole address as the server knows itself."""
        return Signed(*self._signing.sign(method, url, pairs(headers), body))

    def learn(self, status: int, headers: Iterable[tuple[str | bytes, str | bytes]], body: bytes = b"") -> bool:
        """Reads an answer that may have refused a proof because of this machine's clock: True when signing anew may help."""
        return self._signing.learn(status, pairs(headers), body)

    def signs(self, url: str) -> bool:
        """Whether requests to this address are signed: all of them, unless an origin was given."""
        return self._origin is None or origin_of(url) == self._origin

    @property
    def needs_body(self) -> bool:
        """Whether the dialect signs the body, so that a stream has to be read first."""
        return self._signing.needs_body

    @property
    def has_origin(self) -> bool:
        """Whether only requests to one server are signed."""
        return self._origin is not None

    @property
    def dialect(self) -> str:
        """The dialect's name."""
        return self._signing.dialect

    @property
    def public_key(self) -> str:
        """Public half of the key, as PEM: what a provider registers."""
        return self._signing.public_key


def pairs(headers: Iterable[tuple[str | bytes, str | bytes]]) -> list[tuple[bytes, bytes]]:
    """Headers as bytes, as HTTP carries them."""
    return [(_bytes(name), _bytes(value)) for name, value in headers]


def origin_of(url: str) -> tuple[str, str, int | None]:
    """Scheme, host and port of an address, as browsers compare them."""
    parts = urlsplit(url)
    scheme = parts.scheme.lower()
    if not parts.hostname:
        raise ValueError(f"wanted an address such as https://api.example.com, found {url!r}")
    return scheme, parts.hostname.lower(), parts.port or DEFAULT_PORTS.get(scheme)


def _bytes(text: str | bytes) -> bytes:
    return text if isinstance(text, bytes) else text.encode("latin-1")
