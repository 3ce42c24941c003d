"""Who may open a websocket: decided before it is accepted."""

from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import urlsplit

from channels.auth import AuthMiddlewareStack
from channels.db import database_sync_to_async
from django.conf import settings

from workspaces_app.models import ApiToken
from workspaces_app.services.tokens import find_token, touch_token

NOT_SIGNED_IN = 4401
ORIGIN_REFUSED = 4403

Scope = dict[str, Any]
Application = Callable[[Scope, Any, Any], Awaitable[None]]


class SocketAuth:
    """Lets a socket through with a bearer token, or with a session from our own origin.

    A browser sends cookies wherever the page came from, so a session counts only when the
    `Origin` header is this very site. A token is never sent by a browser on its own and needs none.
    """

    def __init__(self, inner: Application) -> None:
        """Wrap the application that handles accepted sockets."""
        self._inner = inner
        self._with_session: Application = AuthMiddlewareStack(_SignedIn(inner))

    async def __call__(self, scope: Scope, receive: Any, send: Any) -> None:
        """Put `user`, and `token` where one was sent, into the scope, or refuse the handshake."""
        headers = dict(scope["headers"])
        scheme, _, value = headers.get(b"authorization", b"").decode("latin-1").partition(" ")
        if scheme.lower() == "bearer":
            token = await database_sync_to_async(_used_token, thread_sensitive=False)(value.strip())
            if token is None:
                await send({"type": "websocket.close", "code": NOT_SIGNED_IN})
                return
            await self._inner({**scope, "user": token.user, "token": token}, receive, send)
        elif _is_own_origin(headers):
            await self._with_session({**scope, "token": None}, receive, send)
        else:
            await send({"type": "websocket.close", "code": ORIGIN_REFUSED})


class _SignedIn:
    """Refuses the handshake of an anonymous session."""

    def __init__(self, inner: Application) -> None:
        self._inner = inner

    async def __call__(self, scope: Scope, receive: Any, send: Any) -> None:
        user = scope["user"]
        if not user.is_authenticated or not user.is_active:
            await send({"type": "websocket.close", "code": NOT_SIGNED_IN})
            return
        await self._inner(scope, receive, send)


def _used_token(plain: str) -> ApiToken | None:
    token = find_token(plain)
    if token is not None:
        touch_token(token)
    return token


def _is_own_origin(headers: dict[bytes, bytes]) -> bool:
    """Compare scheme-less origin with the `Host` header, or the whole with the trusted list."""
    origin = headers.get(b"origin", b"").decode("latin-1").lower()
    host = headers.get(b"host", b"").decode("latin-1").lower()
    if not origin or not host:
        return False
    if origin in {trusted.lower() for trusted in settings.CSRF_TRUSTED_ORIGINS}:
        return True
    parts = urlsplit(origin)
    return parts.scheme in {"http", "https"} and parts.netloc == host
