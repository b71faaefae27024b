"""Writes users and keys with the models of whichever application is installed; argument: a JSON of user names with keys or a key set's address."""

import json
import sys

import django

django.setup()

from django.apps import apps  # noqa: E402
from django.contrib.auth import get_user_model  # noqa: E402

for name, told in json.loads(sys.argv[1]).items():
    user, _ = get_user_model().objects.get_or_create(username=name, defaults={"is_active": told.get("active", True)})
    for key in told.get("keys", []):
        row = apps.get_model("asymmetric_jwt_auth", "PublicKey")(user=user, key=key)
        row.full_clean()
        row.save()
    if "jwks_url" in told:
        apps.get_model("asymmetric_jwt_auth", "JWKSEndpointTrust").objects.create(user=user, jwks_url=told["jwks_url"])
