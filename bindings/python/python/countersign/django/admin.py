"""Keys in Django's administration."""

from django.contrib import admin

from .models import JWKSEndpointTrust, PublicKey


@admin.register(PublicKey)
class PublicKeyAdmin(admin.ModelAdmin):
    """Keys by user."""

    list_display = ["user", "comment", "last_used_on"]
    raw_id_fields = ["user"]
    readonly_fields = ["last_used_on"]


@admin.register(JWKSEndpointTrust)
class JWKSEndpointTrustAdmin(admin.ModelAdmin):
    """Key sets by user."""

    list_display = ["user", "jwks_url", "last_used_on"]
    raw_id_fields = ["user"]
    readonly_fields = ["last_used_on"]
