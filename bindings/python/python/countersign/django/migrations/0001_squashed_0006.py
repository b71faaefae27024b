"""Both tables as `asymmetric_jwt_auth` 1.3.0 leaves them; a site that has them from there changes nothing."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import countersign.django.models


class Migration(migrations.Migration):
    """Counts as applied where all six were. Where only some were, bring the old package's up to date first."""

    replaces = [
        ("asymmetric_jwt_auth", "0001_initial"),
        ("asymmetric_jwt_auth", "0002_publickey_comment"),
        ("asymmetric_jwt_auth", "0003_auto_20151112_1547"),
        ("asymmetric_jwt_auth", "0004_auto_20191104_1628"),
        ("asymmetric_jwt_auth", "0005_auto_20210304_1116"),
        ("asymmetric_jwt_auth", "0006_jwksendpointtrust_last_used_on_alter_publickey_key"),
    ]
    initial = True
    dependencies = [migrations.swappable_dependency(settings.AUTH_USER_MODEL)]
    operations = [
        migrations.CreateModel(
            name="PublicKey",
            fields=[
                ("id", models.AutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "key",
                    models.TextField(
                        help_text="The user's RSA/Ed25519 public key",
                        validators=[countersign.django.models.validate_public_key],
                        verbose_name="Public Key",
                    ),
                ),
                (
                    "comment",
                    models.CharField(blank=True, help_text="Comment describing this key", max_length=100, verbose_name="Comment"),
                ),
                ("last_used_on", models.DateTimeField(blank=True, null=True, verbose_name="Last Used On")),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="public_keys",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="User",
                    ),
                ),
            ],
            options={"verbose_name": "Public Key", "verbose_name_plural": "Public Keys"},
        ),
        migrations.CreateModel(
            name="JWKSEndpointTrust",
            fields=[
                ("id", models.AutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "jwks_url",
                    models.URLField(
                        help_text="e.g. https://dev-87evx9ru.auth0.com/.well-known/jwks.json",
                        verbose_name="JSON Web Key Set (JWKS) URL",
                    ),
                ),
                ("last_used_on", models.DateTimeField(blank=True, null=True, verbose_name="Last Used On")),
                (
                    "user",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="jwks_endpoint",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="User",
                    ),
                ),
            ],
            options={"verbose_name": "JSON Web Key Set", "verbose_name_plural": "JSON Web Key Sets"},
        ),
    ]
