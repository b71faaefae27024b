"""One view that tells who asks, by every way in which Django says so."""

import os

from django.contrib.auth import authenticate
from django.http import JsonResponse
from django.urls import re_path


def tell(request):
    who = getattr(request, "countersign", None)
    backend = authenticate(request, recognised=who)
    return JsonResponse({
        "user": request.user.get_username(),
        "is_authenticated": request.user.is_authenticated,
        "by": who and who.dialect,
        "backend": backend and backend.get_username(),
        "forged": authenticate(request, recognised="root") is not None,
        "body": request.body.decode(),
        "process": os.getpid(),
    })


urlpatterns = [re_path("", tell)]
