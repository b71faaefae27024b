"""Takes the place of `asymmetric_jwt_auth` 1.3.0 in a Django site, with the rows that are there.

In the settings, ``"countersign.django"`` stands in ``INSTALLED_APPS`` where ``"asymmetric_jwt_auth"`` stood (or that stays), and
``"countersign.django.middleware.Middleware"`` in ``MIDDLEWARE`` where ``"asymmetric_jwt_auth.middleware.JWTAuthMiddleware"`` stood. What
``ASYMMETRIC_JWT_AUTH`` says still counts; ``COUNTERSIGN`` says more, see `countersign.django.conf`.
"""
