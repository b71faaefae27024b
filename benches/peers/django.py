"""asymmetric_jwt_auth as its authors ship it: the middleware on Django, and one view that wants a user."""
import sys

import django
from django.conf import settings

settings.configure(
    DEBUG=False, SECRET_KEY="x" * 50, ALLOWED_HOSTS=["*"], ROOT_URLCONF=__name__, USE_TZ=True,
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": "{folder}/db.sqlite3", "CONN_MAX_AGE": None}},
    INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes", "asymmetric_jwt_auth"],
    CACHES={"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache", "OPTIONS": {"MAX_ENTRIES": 10000000}}},
    MIDDLEWARE=["asymmetric_jwt_auth.middleware.JWTAuthMiddleware"], DEFAULT_AUTO_FIELD="django.db.models.AutoField",
    ASYMMETRIC_JWT_AUTH={"TIMESTAMP_TOLERANCE": 20},
)
django.setup()

from django.core.wsgi import get_wsgi_application  # noqa: E402
from django.http import HttpResponse  # noqa: E402
from django.urls import path  # noqa: E402


def view(request):
    user = getattr(request, "user", None)
    if user is None or not user.is_authenticated:
        return HttpResponse("denied", status=401)
    answer = HttpResponse("ok")
    answer["x-subject"] = user.username
    return answer


urlpatterns = [path("", view)]
application = get_wsgi_application()

if __name__ == "__main__" and sys.argv[1:] == ["prepare"]:
    from asymmetric_jwt_auth.models import PublicKey
    from django.contrib.auth.models import User
    from django.core.management import call_command

    call_command("migrate", verbosity=0)
    user, _ = User.objects.get_or_create(username="guido")
    PublicKey.objects.filter(user=user).delete()
    PublicKey.objects.create(user=user, key=open("{keys}/rsa.pem").read(), comment="bench")
