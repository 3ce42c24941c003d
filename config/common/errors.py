"""The error tree of the Django side: each error says what is wrong and what to do.

`code` is stable, dotted and lower case; clients switch on it. `status` is the HTTP status that
the API answers. `detail` is safe to show: it holds no secret, no prompt text and no stack.
"""

from collections.abc import Mapping
from typing import Any


class DomainError(Exception):
    """A request that cannot be carried out, with a code, a safe message and details."""

    status = 422
    code = "request.refused"
    title = "The request was refused"

    def __init__(
        self,
        detail: str,
        *,
        code: str | None = None,
        errors: list[dict[str, Any]] | None = None,
        extra: Mapping[str, Any] | None = None,
    ) -> None:
        """Keep the message, and optionally a narrower code and a list of single errors.

        Args:
            detail: One or two sentences that name the thing and the remedy.
            code: A narrower code than the class's own.
            errors: One entry per single error: `{"field" or "pointer", "code", "detail"}`.
            extra: Further members of the problem document, such as `{"line": 3}`.
        """
        super().__init__(detail)
        self.detail = detail
        self.code = code or type(self).code
        self.errors = errors or []
        self.extra = dict(extra or {})


class FormInvalid(DomainError):
    """The form of the input is wrong: a type, a length, a missing field, broken JSON."""

    status = 400
    code = "request.invalid"
    title = "The request is not well formed"


class NotSignedIn(DomainError):
    """No valid session or token came with the request."""

    status = 401
    code = "auth.required"
    title = "Sign in first"


class PermissionMissing(DomainError):
    """The actor sees the thing but may not do this with it."""

    status = 403
    code = "permission.missing"
    title = "You may not do this"


class NotFound(DomainError):
    """The thing does not exist, or the actor may not know that it does."""

    status = 404
    code = "object.not_found"
    title = "Not found"


class Conflict(DomainError):
    """The state of the thing does not allow this now."""

    status = 409
    code = "object.conflict"
    title = "This conflicts with the current state"


class TooLarge(DomainError):
    """The input is larger than the published limit."""

    status = 413
    code = "request.too_large"
    title = "The request is too large"


class MeaningInvalid(DomainError):
    """The form is right but the content makes no sense: an unknown name, a refused value."""

    status = 422
    code = "request.meaningless"
    title = "The request cannot be carried out"


class Unavailable(DomainError):
    """A part that the request needs does not answer; trying again later can help."""

    status = 503
    code = "service.unavailable"
    title = "Temporarily unavailable"
