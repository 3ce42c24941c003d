"""Declarations as JSON Schema (draft 2020-12), for API clients, tools and forms."""

import sys
from collections.abc import Iterable
from typing import Any

from templates_app.domain.declarations import (
    MAX_ITEM_CHARS,
    MAX_LIST_ITEMS,
    MAX_TEXT_CHARS,
    Declaration,
    Json,
    whole_match,
)

DIALECT = "https://json-schema.org/draft/2020-12/schema"
INT64_MIN, INT64_MAX = -(2**63), 2**63 - 1
ONE_LINE = r"^[^\x00\n\r]*$"
NO_NUL = r"^[^\x00]*$"
# Years 0001 to 9999: `format: date` alone would let the year 0 pass, which no calendar has.
DATE = (
    "^([1-9][0-9]{3}|0[1-9][0-9]{2}|00[1-9][0-9]|000[1-9])"
    "-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])$"
)


def json_schema(declarations: Iterable[Declaration]) -> dict[str, Json]:
    """Return the schema of the object of values; it accepts what `validate_values` accepts."""
    items = list(declarations)
    return {
        "$schema": DIALECT,
        "type": "object",
        "properties": {item.name: property_schema(item) for item in items},
        "required": [item.name for item in items if item.is_needed],
        "additionalProperties": False,
    }


def property_schema(declaration: Declaration) -> dict[str, Json]:
    """Return the schema of one variable."""
    schema = _of_type(declaration)
    if declaration.description:
        schema["description"] = declaration.description
    if declaration.default is not None:
        schema["default"] = declaration.default
    if declaration.example is not None:
        schema["examples"] = [declaration.example]
    return schema


def _of_type(declaration: Declaration) -> dict[str, Json]:
    bounds = declaration.constraints
    match declaration.type:
        case "string" | "text":
            return _text(declaration, ONE_LINE if declaration.type == "string" else NO_NUL)
        case "integer":
            return {
                "type": "integer",
                "minimum": INT64_MIN if bounds.min is None else bounds.min,
                "maximum": INT64_MAX if bounds.max is None else bounds.max,
            }
        case "number":
            return {
                "type": "number",
                "minimum": -sys.float_info.max if bounds.min is None else bounds.min,
                "maximum": sys.float_info.max if bounds.max is None else bounds.max,
            }
        case "boolean":
            return {"type": "boolean"}
        case "enum":
            return {"type": "string", "enum": list(bounds.choices or ())}
        case "date":
            return {"type": "string", "format": "date", "pattern": DATE}
        case "list":
            return _list(declaration)
    raise AssertionError(declaration.type)


def _text(declaration: Declaration, allowed: str) -> dict[str, Json]:
    bounds = declaration.constraints
    schema: dict[str, Any] = {
        "type": "string",
        "maxLength": MAX_TEXT_CHARS if bounds.max_length is None else bounds.max_length,
        "pattern": allowed,
    }
    if bounds.min_length is not None:
        schema["minLength"] = bounds.min_length
    if bounds.pattern is not None:
        schema["allOf"] = [{"pattern": whole_match(bounds.pattern)}]
    return schema


def _list(declaration: Declaration) -> dict[str, Json]:
    bounds = declaration.constraints
    item: dict[str, Any] = {"type": "string", "maxLength": MAX_ITEM_CHARS, "pattern": NO_NUL}
    if bounds.choices is not None:
        item["enum"] = list(bounds.choices)
    if bounds.pattern is not None:
        item["allOf"] = [{"pattern": whole_match(bounds.pattern)}]
    longest = MAX_LIST_ITEMS if bounds.max_length is None else bounds.max_length
    schema = {"type": "array", "items": item, "maxItems": min(longest, MAX_LIST_ITEMS)}
    if bounds.min_length is not None:
        schema["minItems"] = bounds.min_length
    return schema
