"""Bearer tokens for the API: one query, no clean-up on the way."""

from typing import Any

from django.contrib.auth.models import User
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.plumbing import build_bearer_security_scheme_object
from knox.auth import TokenAuthentication
from rest_framework.exceptions import AuthenticationFailed
from typing_extensions import override

from workspaces_app.models import ApiToken
from workspaces_app.services.tokens import find_token, touch_token


class BearerTokenAuthentication(TokenAuthentication):  # type: ignore[misc]  # knox has no types
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


class BearerTokenScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """How the schema describes the token."""

    target_class = BearerTokenAuthentication
    name = "apiToken"

    @override
    def get_security_definition(self, auto_schema: Any) -> Any:
        """Return the security scheme."""
        return build_bearer_security_scheme_object(
            header_name="Authorization",
            token_prefix="Bearer",  # noqa: S106 (the name of the scheme)
        )
