"""The application under the label of the one whose place it takes, so that its tables and migrations are the same."""

from django.apps import AppConfig


class CountersignConfig(AppConfig):
    """Public keys of users."""

    name = "countersign.django"
    label = "asymmetric_jwt_auth"
    verbose_name = "Public keys"
    default_auto_field = "django.db.models.AutoField"
