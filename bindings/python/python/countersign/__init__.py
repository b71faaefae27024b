"""Requests signed and recognised by keys, over countersign's Rust core.

A caller opens a `Signer` and hands it to `countersign.requests`, `countersign.httpx` or `countersign.aiohttp`. A provider opens a
`Verifier` and hands it to `countersign.wsgi`, `countersign.asgi` or `countersign.django`.
"""

from ._countersign import ClockTooFar, Fault, NotSigned, Recognised, Refused, Unusable, __version__
from .signer import Signed, Signer
from .verifier import Account, Asked, Key, Refusal, Verifier

__all__ = [
    "Account",
    "Asked",
    "ClockTooFar",
    "Fault",
    "Key",
    "NotSigned",
    "Recognised",
    "Refusal",
    "Refused",
    "Signed",
    "Signer",
    "Unusable",
    "Verifier",
    "__version__",
]
