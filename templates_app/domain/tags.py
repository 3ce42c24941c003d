"""Tags of templates: few, short, in lower case."""

import re
from collections.abc import Iterable

from config.common.errors import FormInvalid

MAX_TAGS = 20
_TAG = re.compile(r"[\w][\w .+#-]{0,39}")


def normal_tags(tags: Iterable[str]) -> list[str]:
    """Return tags in lower case, sorted, once each.

    Raises:
        FormInvalid: There are too many, or one has other characters.
    """
    found = sorted({tag.strip().lower() for tag in tags if tag.strip()})
    if len(found) > MAX_TAGS or not all(_TAG.fullmatch(tag) for tag in found):
        detail = (
            f"Give at most {MAX_TAGS} tags of at most 40 letters, digits, spaces and . + # - _."
        )
        raise FormInvalid(
            detail, errors=[{"field": "tags", "code": "tags.invalid", "detail": detail}]
        )
    return found
