"""Errors outside any view: below `/api/` a problem document, elsewhere the console's page."""

from http import HTTPStatus

import orjson
from django.http import HttpRequest, HttpResponse
from django.views import defaults

from config.common.api.problems import CONTENT_TYPE, problem
from config.common.errors import DomainError, NotFound

API_PREFIX = "/api/"


class ServerFailed(DomainError):
    """A fault of ours; the log has its traceback."""

    status = HTTPStatus.INTERNAL_SERVER_ERROR
    code = "server.error"
    title = "The server failed"


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer an unknown address."""
    if not request.path.startswith(API_PREFIX):
        return defaults.page_not_found(request, exception)
    return _answer(
        NotFound(
            f"There is no address {request.path[:200]!r}. The schema is at /api/v1/schema/.",
            code="address.not_found",
        )
    )


def server_error(request: HttpRequest) -> HttpResponse:
    """Answer when a view failed; Django has logged why."""
    if not request.path.startswith(API_PREFIX):
        return defaults.server_error(request)
    return _answer(ServerFailed("The server failed; it has been logged. Try again later."))


def _answer(error: DomainError) -> HttpResponse:
    return HttpResponse(
        orjson.dumps(problem(error)), status=error.status, content_type=CONTENT_TYPE
    )
