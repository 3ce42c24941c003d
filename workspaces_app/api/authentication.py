"""Bearer tokens for the API: one query, no clean-up on the way."""

from typing import Any

from django.contrib.auth.models import User
from knox.auth import TokenAuthentication
from rest_framework.exceptions import AuthenticationFailed

from workspaces_app.models import ApiToken
from workspaces_app.services.tokens import find_token, touch_token


class BearerTokenAuthentication(TokenAuthentication):
    """`Authorization: Bearer ab_…`; `request.auth` is the token, with its scopes."""

    def authenticate_credentials(self, token: bytes) -> tuple[User, ApiToken]:
        """Return user and token, or fail with the same words for every reason."""
        found = find_token(token.decode("utf-8", errors="replace"))
        if found is None:
            raise AuthenticationFailed("This API token is unknown, expired or revoked.")
        touch_token(found)
        return found.user, found

    def authenticate_header(self, request: Any) -> str:
        """Return the scheme that a 401 names."""
        return "Bearer"
