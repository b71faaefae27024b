"""A site that had asymmetric_jwt_auth, in whichever stage of moving the environment says."""

import json
import os

SECRET_KEY = "of a test"
ALLOWED_HOSTS = ["*"]
ROOT_URLCONF = "site_urls"
USE_TZ = True
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": os.environ["DATABASE"], "OPTIONS": {"timeout": 20}}}
INSTALLED_APPS = ["django.contrib.contenttypes", "django.contrib.auth", "django.contrib.sessions", os.environ["APP"]]
MIDDLEWARE = [
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    *json.loads(os.environ.get("FIRST", "[]")),
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    *json.loads(os.environ["MIDDLEWARE"]),
]
AUTHENTICATION_BACKENDS = ["django.contrib.auth.backends.ModelBackend", "countersign.django.backends.Backend"]
if "REDIS" in os.environ:
    CACHES = {"default": {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": os.environ["REDIS"]}}
if "CACHE_TABLE" in os.environ:
    options = {"MAX_ENTRIES": int(os.environ["CACHE_TABLE"])}
    CACHES = {"default": {"BACKEND": "django.core.cache.backends.db.DatabaseCache", "LOCATION": "uses", "OPTIONS": options}}
COUNTERSIGN = json.loads(os.environ.get("COUNTERSIGN", "{}"))
ASYMMETRIC_JWT_AUTH = json.loads(os.environ.get("ASYMMETRIC_JWT_AUTH", "{}"))
