"""Scopes of tokens, checked before any view runs."""

from typing import Any

from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from typing_extensions import override

from config.common.errors import NotSignedIn, PermissionMissing

SAFE_METHODS = {"GET", "HEAD", "OPTIONS"}


class HasScope(BasePermission):
    """Signed in, and where a token is used, one whose scopes cover the action.

    GET needs `read`, everything else `write`; a view names exceptions by action in
    `required_scopes`, such as `{"start": "run"}`. A browser session has every scope.
    """

    @override
    def has_permission(self, request: Request, view: Any) -> bool:
        """Raise a problem that names the missing scope."""
        if not request.user.is_authenticated:
            raise NotSignedIn(
                "Send `Authorization: Bearer <API token>`, or sign in to the console first."
            )
        scopes = getattr(request.auth, "scopes", None)
        if scopes is None:
            return True
        action = getattr(view, "action", None) or ""
        exceptions: dict[str, str] = getattr(view, "required_scopes", {})
        needed = exceptions.get(action, "read" if request.method in SAFE_METHODS else "write")
        if needed not in scopes and "admin" not in scopes:
            raise PermissionMissing(
                f"This token lacks the scope {needed!r}; it has {', '.join(sorted(scopes))}.",
                code="token.scope_missing",
            )
        return True
