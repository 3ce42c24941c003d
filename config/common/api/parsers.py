"""The one parser of request bodies: strict JSON."""

from collections.abc import Mapping
from typing import IO, Any

from django.conf import settings
from rest_framework.parsers import BaseParser
from typing_extensions import override

from config.common.errors import FormInvalid, TooLarge
from config.common.strict_json import StrictJSONError, loads


class StrictJSONParser(BaseParser):
    """Parses `application/json`; see `config.common.strict_json` for what it refuses."""

    media_type = "application/json"

    @override
    def parse(
        self,
        stream: IO[Any],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> Any:
        """Return the parsed body; an empty one is an empty object."""
        limit = settings.MAX_BODY_BYTES
        body = stream.read(limit + 1)
        if len(body) > limit:
            raise TooLarge(
                f"The body is larger than {limit:,} bytes. Upload files as documents instead.",
                code="json.too_large",
            )
        if not body.strip():
            return {}
        try:
            return loads(body, max_bytes=limit)
        except StrictJSONError as error:
            raise FormInvalid(error.detail, code=error.code) from error
