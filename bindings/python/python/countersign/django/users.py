"""From users and their keys to accounts, and back."""

from __future__ import annotations

import datetime
from typing import Any

from django.apps import apps
from django.contrib.auth import get_user_model
from django.db.models import Q
from django.utils import timezone

from .._countersign import Recognised
from ..verifier import Account, Asked, Key
from . import key_sets

LABEL = "asymmetric_jwt_auth"
SECONDS_BETWEEN_NOTES = 60
"""The last use of a key is written down at most this often: a row that every request writes slows all of them."""
KEY = "row "
MOST_KEYS = 64


def find(asked: Asked) -> Account | None:
    """The user that a proof names, with its keys. Names are of whatever kind the dialect has; here all are user names."""
    if asked.namespace is None:
        return None
    model = get_user_model()
    # The same questions whether there is such a user or not: how long they take says nothing about that.
    by_name = {f"user__{model.USERNAME_FIELD}": asked.identifier}
    rows = list(apps.get_model(LABEL, "PublicKey")._default_manager.filter(**by_name).order_by("pk")[:MOST_KEYS])
    trusts = list(apps.get_model(LABEL, "JWKSEndpointTrust")._default_manager.filter(**by_name)[:1])
    try:
        user = model._default_manager.get_by_natural_key(asked.identifier)
    except model.DoesNotExist:
        return None
    name = user.get_username()
    if name != asked.identifier:
        # A database that compares without regard to case or accents found somebody else.
        return None
    keys = [Key(public=row.key, label=f"{KEY}{row.pk}") for row in rows if row.user_id == user.pk]
    for trust in trusts:
        if trust.user_id == user.pk and user.is_active:
            keys.extend(key_sets.keys(trust.jwks_url, asked.kid, needed=not keys))
    return Account(name=name, id=str(user.pk), enabled=user.is_active, keys=keys)


def user_of(recognised: Recognised) -> Any:
    """The user who was recognised; None where it went away meanwhile."""
    if type(recognised) is not Recognised:
        return None
    user = get_user_model()._default_manager.filter(pk=recognised.account_id).first()
    if user is None or not user.is_active or user.get_username() != recognised.account:
        return None
    user.backend = "countersign.django.backends.Backend"
    return user


def note_use(recognised: Recognised, user: Any) -> None:
    """Writes down when a key was last used."""
    now = timezone.now()
    before = now - datetime.timedelta(seconds=SECONDS_BETWEEN_NOTES)
    stale = Q(last_used_on__isnull=True) | Q(last_used_on__lt=before)
    label = recognised.key_label
    if label.startswith(KEY) and label[len(KEY) :].isdigit():
        rows = apps.get_model(LABEL, "PublicKey")._default_manager.filter(stale, user=user, pk=int(label[len(KEY) :]))
    else:
        rows = apps.get_model(LABEL, "JWKSEndpointTrust")._default_manager.filter(stale, user=user)
    rows.update(last_used_on=now)
