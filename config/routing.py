"""All websockets of the project, behind authentication."""

from typing import Any

from channels.routing import URLRouter
from django.urls import re_path

from agents_app.routing import websocket_urlpatterns
from workspaces_app.consumers import SocketAuth


async def unknown(scope: dict[str, object], receive: object, send: object) -> None:
    """Refuse the handshake of an unknown address, instead of failing in the router."""
    await send({"type": "websocket.close", "code": 4404})  # type: ignore[operator]  # ASGI callable


def websocket_application() -> SocketAuth:
    """Return the application for `websocket` scopes."""
    fallback: Any = unknown
    return SocketAuth(URLRouter([*websocket_urlpatterns, re_path(r"^.*$", fallback)]))
