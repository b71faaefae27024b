"""A provider: recognises who sent a request."""

from __future__ import annotations

import asyncio
import contextvars
import dataclasses
import functools
import inspect
import os
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

from ._countersign import Fault, Recognised, Refused, Unusable, Verifying
from .signer import pairs

MOST_SECONDS = 30
"""Seconds that an asynchronous function of the program's may take before the request is given up with a fault."""

_loop: contextvars.ContextVar[asyncio.AbstractEventLoop | None] = contextvars.ContextVar("countersign_loop", default=None)


class Asked(NamedTuple):
    """Whom a proof names. Nobody has proved anything yet."""

    dialect: str
    namespace: str | None
    """What kind of name it is (``user``, ``email``, …); None when the proof names a key only."""
    identifier: str
    """The name, byte for byte; for a proof that names a key only, that key's id or fingerprint."""
    kid: str | None
    """The proof's hint at a key. It says nothing about whose key it is."""


@dataclasses.dataclass(frozen=True)
class Key:
    """A public key: PEM, OpenSSH, JWK, the text of a JWK set, or 32 bytes of Ed25519 in base64 or hex."""

    public: str
    label: str = ""
    algorithms: Sequence[str] = ()
    expires: int | None = None
    """From when it no longer counts, Unix seconds."""


@dataclasses.dataclass(frozen=True)
class Account:
    """Somebody with keys."""

    name: str
    keys: Sequence[Key | str] = ()
    id: str = ""
    """What stays the same when the name changes, and is never given to another; empty: the name. Uses are remembered under it."""
    enabled: bool = True
    organisation: str | None = None
    acts_as: Sequence[str] = ()
    """Users it may act for."""
    companions: Sequence[str] = ()
    """SHA-256 of each companion key that is good beside its proofs, 64 small hexadecimal digits."""
    paths: Sequence[str] = ()
    """Path prefixes it may use; empty: all."""


class Refusal(Exception):
    """A request is not let in: the caller's fault. `refused` has the whole answer."""

    def __init__(self, refused: Refused) -> None:
        super().__init__(f"{refused.reason}: {refused.text} ({refused.reject})")
        self.refused = refused

    @property
    def reason(self) -> str:
        """The reason's code, for logs: it may say more than strangers may know."""
        return self.refused.reason


Find = Callable[[Asked], "Account | None | Awaitable[Account | None]"]
Claim = Callable[[bytes, int], "bool | Awaitable[bool]"]


class Verifier:
    """Recognises callers, by accounts of its own or by asking the program.

    `dialects`: names, or names with settings. One of `accounts` (the text that ``countersign apply`` reads), `accounts_file` and `find`
    (a function from `Asked` to `Account` or None) says who has which keys. `memory` says where uses are remembered: a function
    ``claim(digest, expires)`` that is True for the first to claim (see `countersign.memory`), or ``"process"`` where one process
    serves; it refuses proofs made before it began, and ``"new process"`` does not. `public` is the address that callers use. `secret`, the
    same in all processes, makes it cost as much to refuse an unknown name as a known one; wanted beside `find` where several processes serve.

    What a function raises is a `Fault`: nobody is let in, and nobody is told to have signed wrongly.
    """

    def __init__(
        self,
        dialects: Iterable[str] | Mapping[str, Mapping[str, str]],
        *,
        accounts: str | None = None,
        accounts_file: str | os.PathLike[str] | None = None,
        find: Find | None = None,
        memory: Claim | str | None = None,
        public: str | None = None,
        body_limit: int | None = None,
        admit: Sequence[str] | None = None,
        require: Sequence[str] = (),
        secret: str | bytes | None = None,
    ) -> None:
        if isinstance(dialects, str):
            dialects = [dialects]
        chosen: Iterable[tuple[str, Mapping[str, str]]] = dialects.items() if isinstance(dialects, Mapping) else ((name, {}) for name in dialects)
        if isinstance(admit, str) or isinstance(require, str):
            raise Unusable("admit and require: wanted lists, found a text")
        self._pool: tuple[int, ThreadPoolExecutor] | None = None
        self._asks = find is not None or callable(memory)
        self._verifying = Verifying(
            [(name, dict(settings)) for name, settings in chosen],
            accounts=accounts,
            accounts_file=None if accounts_file is None else os.fspath(accounts_file),
            find=None if find is None else _finding(find),
            memory=_waited(memory) if callable(memory) else memory,
            public=public,
            body_limit=body_limit,
            admit=None if admit is None else list(admit),
            require=list(require),
            secret=secret.encode() if isinstance(secret, str) else secret,
        )

    def verify(
        self,
        method: str | bytes,
        target: str | bytes | None,
        headers: Iterable[tuple[str | bytes, str | bytes]],
        body: bytes | None = b"",
        client: str | None = None,
    ) -> Recognised:
        """Who sent a request; a single-use proof is used up by this.

        `target` is path and query as they came, undecoded; None where they cannot be had. `body` is all of it, None where it was not read.

        Raises `Refusal` when the request is not let in, and `Fault` when it cannot be decided.
        """
        method = method.encode("latin-1") if isinstance(method, str) else method
        target = target.encode("latin-1") if isinstance(target, str) else target
        judged = self._verifying.judge(method, target, pairs(headers), body, client)
        if type(judged) is Recognised:
            return judged
        raise Refusal(judged)

    async def averify(
        self,
        method: str | bytes,
        target: str | bytes | None,
        headers: Iterable[tuple[str | bytes, str | bytes]],
        body: bytes | None = b"",
        client: str | None = None,
    ) -> Recognised:
        """As `verify`; where functions of the program are asked, in a thread, so that they do not stop the loop. They may be asynchronous."""
        if not self._asks:
            return self.verify(method, target, headers, body, client)
        _loop.set(asyncio.get_running_loop())
        # In threads of our own: what an asynchronous function waits for (a name's address, a file) runs in the loop's, and must not stand in
        # line behind judgements that wait for that function.
        judge = functools.partial(contextvars.copy_context().run, self.verify, method, target, list(headers), body, client)
        return await asyncio.get_running_loop().run_in_executor(self._threads(), judge)

    def _threads(self) -> ThreadPoolExecutor:
        process = os.getpid()
        if self._pool is None or self._pool[0] != process:
            # Threads are not there after a fork.
            self._pool = process, ThreadPoolExecutor(thread_name_prefix="countersign")
        return self._pool[1]

    def reload(self) -> None:
        """Reads `accounts_file` again; when it cannot be read, the accounts stay as they are and `Unusable` is raised."""
        self._verifying.reload()

    def refuse_malformed(self) -> Refusal:
        """The refusal of what is no good HTTP."""
        return Refusal(self._verifying.malformed())

    def refuse_too_large(self) -> Refusal:
        """The refusal of a body that is larger than `body_limit`."""
        return Refusal(self._verifying.too_large())

    def failed(self) -> tuple[int, list[tuple[str, str]], bytes]:
        """The answer to a fault: status, headers and body."""
        return self._verifying.failed()

    @property
    def needs_body(self) -> bool:
        """Whether a dialect signs the body, so that it must be read before judging."""
        return self._verifying.needs_body

    @property
    def needs_target(self) -> bool:
        """Whether a dialect signs the path or query, so that they are wanted as they came."""
        return self._verifying.needs_target

    @property
    def body_limit(self) -> int:
        """Bytes of a body that is read to be judged."""
        return self._verifying.body_limit

    @property
    def remembers_here(self) -> bool:
        """Whether uses are remembered in this process alone, so that only one may serve."""
        return self._verifying.remembers_here

    @property
    def carriers(self) -> list[str]:
        """Names of headers that carry proofs, in lower case."""
        return self._verifying.carriers

    def carriers_of(self, dialect: str) -> list[str]:
        """Names of the headers that carry a dialect's proofs, in lower case; none where they stand in the address or the body."""
        return self._verifying.carriers_of(dialect)


def _finding(find: Find) -> Callable[[str, str | None, str, str | None], Any]:
    waited = _waited(find)
    return lambda dialect, namespace, identifier, kid: waited(Asked(dialect, namespace, identifier, kid))


def _waited(function: Callable[..., Any]) -> Callable[..., Any]:
    """A function whose answer is waited for where it is a coroutine: on the loop that the request came in on."""

    def call(*arguments: Any) -> Any:
        answer = function(*arguments)
        if not inspect.isawaitable(answer):
            return answer
        loop = _loop.get()
        if loop is None:
            if inspect.iscoroutine(answer):
                answer.close()
            raise TypeError("an asynchronous function was handed in: use `averify`, or hand in one that answers before it returns")
        waiting = asyncio.run_coroutine_threadsafe(_awaited(answer), loop)
        try:
            return waiting.result(MOST_SECONDS)
        finally:
            # Nothing where it is done; what takes too long is not left to go on.
            waiting.cancel()

    return call


async def _awaited(answer: Awaitable[Any]) -> Any:
    return await answer


__all__ = ["Account", "Asked", "Fault", "Key", "Refusal", "Verifier"]
