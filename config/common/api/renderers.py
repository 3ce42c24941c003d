"""JSON answers, written by orjson."""

import uuid
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import orjson
from django.utils.functional import Promise
from rest_framework.renderers import BaseRenderer
from rest_framework.utils.serializer_helpers import ReturnDict, ReturnList
from typing_extensions import override


def _default(value: Any) -> Any:
    if isinstance(value, (ReturnDict, Mapping)):
        return dict(value)
    if isinstance(value, (ReturnList, set, frozenset)):
        return list(value)
    if isinstance(value, (Decimal, Promise, uuid.UUID)):
        return str(value)
    raise TypeError(f"{type(value).__name__} has no JSON form.")


class JSONRenderer(BaseRenderer):
    """Renders `application/json`; times are ISO 8601 in UTC."""

    media_type = "application/json"
    format = "json"
    charset = None

    @override
    def render(
        self,
        data: Any,
        accepted_media_type: str | None = None,
        renderer_context: Mapping[str, Any] | None = None,
    ) -> bytes:
        """Return the body, empty where there is nothing to say."""
        if data is None:
            return b""
        return orjson.dumps(data, default=_default, option=orjson.OPT_UTC_Z)


class ProblemRenderer(JSONRenderer):
    """The same JSON under the media type of RFC 9457."""

    media_type = "application/problem+json"
    format = "problem"
