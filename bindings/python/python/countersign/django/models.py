"""Public keys of users, in the tables of `asymmetric_jwt_auth` 1.3.0."""

from __future__ import annotations

import json
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models

from .._countersign import Unusable
from ..verifier import Verifier


def validate_public_key(text: str) -> None:
    """Raises ``ValidationError`` for what is no public key that a proof could be checked with."""
    accounts = {"account": [{"name": "a", "key": [{"label": "k", "public": text, "dialects": ["asymmetric-jwt"]}]}]}
    try:
        Verifier(["asymmetric-jwt"], accounts=json.dumps(accounts), memory="process")
    except Unusable as error:
        raise ValidationError(str(error)) from error


class PublicKey(models.Model):
    """A public key of a user, who may have several."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="public_keys", verbose_name="User")
    key = models.TextField("Public Key", help_text="The user's RSA/Ed25519 public key", validators=[validate_public_key])
    comment = models.CharField("Comment", max_length=100, blank=True, help_text="Comment describing this key")
    last_used_on = models.DateTimeField("Last Used On", null=True, blank=True)

    class Meta:
        app_label = "asymmetric_jwt_auth"
        verbose_name = "Public Key"
        verbose_name_plural = "Public Keys"

    def save(self, *args: Any, **options: Any) -> None:
        """Saves; the comment of an OpenSSH line becomes the row's where it has none."""
        parts = self.key.split()
        if len(parts) == 3 and parts[0].startswith("ssh-") and not self.comment:
            self.comment = parts[2][:100]
        super().save(*args, **options)


class JWKSEndpointTrust(models.Model):
    """The address of a key set that is a user's."""

    user = models.OneToOneField(settings.AUTH_USER_MODEL, models.CASCADE, related_name="jwks_endpoint", verbose_name="User")
    jwks_url = models.URLField(
        "JSON Web Key Set (JWKS) URL", help_text="e.g. https://dev-87evx9ru.auth0.com/.well-known/jwks.json"
    )
    last_used_on = models.DateTimeField("Last Used On", null=True, blank=True)

    class Meta:
        app_label = "asymmetric_jwt_auth"
        verbose_name = "JSON Web Key Set"
        verbose_name_plural = "JSON Web Key Sets"
