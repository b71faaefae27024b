"""An authentication backend: ``django.contrib.auth.authenticate(request, recognised=request.countersign)``."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.backends import ModelBackend
from django.http import HttpRequest

from .._countersign import Recognised
from . import users


class Backend(ModelBackend):
    """Takes nothing but what a judgement found. Permissions are those of Django's own backend."""

    def authenticate(self, request: HttpRequest | None, recognised: Recognised | None = None, **credentials: Any) -> Any:
        """The user who was recognised; None for everything else."""
        return None if recognised is None else users.user_of(recognised)
