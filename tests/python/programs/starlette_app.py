"""A Starlette application behind the package's ASGI middleware: tells what it saw."""

import contextlib
import json
import os

from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route, WebSocketRoute
from verifying import verifier

import countersign
import countersign.asgi

started = []


@contextlib.asynccontextmanager
async def lifespan(app):
    started.append("yes")
    yield


def named(scope):
    who = scope["countersign"]
    return who and who.account


async def tell(request):
    return JSONResponse({
        "account": named(request.scope),
        "path": request.url.path,
        "body": (await request.body()).decode(),
        "headers": dict(request.headers),
        "started": started,
        "process": os.getpid(),
    })


async def talk(websocket):
    await websocket.accept()
    await websocket.send_text(json.dumps({"account": named(websocket.scope)}))
    await websocket.close()


routes = [WebSocketRoute("/talk", talk), Route("/{path:path}", tell, methods=["GET", "POST"])]
app = countersign.asgi.Middleware(Starlette(routes=routes, lifespan=lifespan), verifier(), optional=os.environ.get("OPTIONAL") == "yes")
