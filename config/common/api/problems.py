"""Every error of the API leaves here, as an RFC 9457 problem document."""

import logging
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from django.core.exceptions import PermissionDenied, RequestDataTooBig, ValidationError
from django.db import IntegrityError, OperationalError
from django.http import Http404
from rest_framework import exceptions as drf
from rest_framework.response import Response
from rest_framework.views import set_rollback

from config.common import errors

logger = logging.getLogger(__name__)

CONTENT_TYPE = "application/problem+json"


def exception_handler(exception: Exception, context: Mapping[str, Any]) -> Response | None:
    """Answer a known error; None lets an unknown one become a logged 500."""
    error = translate(exception)
    if error is None:
        return None
    set_rollback()
    headers: dict[str, str] = {}
    if isinstance(exception, drf.APIException):
        if wait := getattr(exception, "wait", None):
            headers["Retry-After"] = str(int(wait) + 1)
        if challenge := getattr(exception, "auth_header", None):
            headers["WWW-Authenticate"] = challenge
    return Response(problem(error), status=error.status, headers=headers, content_type=CONTENT_TYPE)


def problem(error: errors.DomainError) -> dict[str, Any]:
    """Return the problem document of an error."""
    document: dict[str, Any] = {
        "type": "about:blank",
        "title": error.title,
        "status": error.status,
        "detail": error.detail,
        "code": error.code,
    }
    if error.errors:
        document["errors"] = error.errors
    return {**error.extra, **document}


def translate(exception: Exception) -> errors.DomainError | None:
    """Return the domain error that says what `exception` means; None if it is unknown."""
    match exception:
        case errors.DomainError():
            return exception
        case Http404():
            return errors.NotFound("There is no such object, or you may not see it.")
        case PermissionDenied():
            return errors.PermissionMissing("Your account does not allow this.")
        case ValidationError():
            return _from_django(exception)
        case RequestDataTooBig():
            return errors.TooLarge("The request body is too large.")
        case drf.APIException():
            return _from_drf(exception)
        case IntegrityError():
            logger.warning("request.integrity_error", exc_info=exception)
            return errors.Conflict(
                "Another request changed the same thing at the same time. Read it again and retry."
            )
        case OperationalError():
            logger.error("request.database_unavailable", exc_info=exception)
            return errors.Unavailable("The database does not answer. Try again in a moment.")
        case _:
            return None


def _from_django(exception: ValidationError) -> errors.DomainError:
    if hasattr(exception, "error_dict"):
        entries = [
            {"field": field, "code": str(item.code or "invalid"), "detail": text}
            for field, items in exception.error_dict.items()
            for item in items
            for text in item.messages
        ]
    else:
        entries = [
            {"field": "", "code": str(item.code or "invalid"), "detail": text}
            for item in exception.error_list
            for text in item.messages
        ]
    first = entries[0]
    where = f"{first['field']}: " if first["field"] not in {"", "__all__"} else ""
    return errors.MeaningInvalid(f"{where}{first['detail']}", errors=entries)


def _from_drf(exception: drf.APIException) -> errors.DomainError:
    if isinstance(exception, drf.ValidationError):
        entries = list(_flatten(exception.detail))
        first = entries[0] if entries else {"field": "", "detail": "The input is not valid."}
        where = f"{first['field']}: " if first["field"] else ""
        return errors.FormInvalid(f"{where}{first['detail']}", errors=entries)
    kinds: dict[int, tuple[type[errors.DomainError], str]] = {
        400: (errors.FormInvalid, "request.invalid"),
        401: (errors.NotSignedIn, "auth.required"),
        403: (errors.PermissionMissing, "permission.missing"),
        404: (errors.NotFound, "object.not_found"),
    }
    kind, code = kinds.get(exception.status_code, (errors.DomainError, ""))
    default = getattr(exception, "default_code", "error")
    error = kind(str(exception.detail), code=code or f"request.{default}")
    if not code:
        error.status = exception.status_code
        error.title = HTTPStatus(exception.status_code).phrase
    return error


def _flatten(detail: Any, path: str = "") -> list[dict[str, Any]]:
    if isinstance(detail, Mapping):
        return [
            entry
            for field, inner in detail.items()
            for entry in _flatten(
                inner,
                path if field == "non_field_errors" else f"{path}.{field}" if path else str(field),
            )
        ]
    if isinstance(detail, (list, tuple)):
        simple = all(isinstance(inner, drf.ErrorDetail) for inner in detail)
        return [
            entry
            for index, inner in enumerate(detail)
            for entry in _flatten(inner, path if simple else f"{path}.{index}")
            if inner
        ]
    return [{"field": path, "code": getattr(detail, "code", "invalid"), "detail": str(detail)}]
