"""Declarations as people type them into a form: every member a line of text.

Text that has no meaning for the type is passed on as it is, so that the declaration's own check
refuses it with its own words.
"""

import re
from collections.abc import Mapping
from typing import Any

from templates_app.domain.declarations import Json

_INTEGER = re.compile(r"[+-]?\d{1,19}", re.ASCII)
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,3})?", re.ASCII)
_TRUE = {"true", "yes", "1"}
_FALSE = {"false", "no", "0"}
_BOUNDED_BY_LENGTH = {"string", "text", "list"}


def value_from_text(type_name: str, text: str) -> Json:
    """Return the value that a text stands for; None for an empty one."""
    if text == "":
        return None
    bare = text.strip()
    match type_name:
        case "integer":
            return int(bare) if _INTEGER.fullmatch(bare) else text
        case "number":
            return _number(bare) if _NUMBER.fullmatch(bare) else text
        case "boolean" if bare.lower() in _TRUE | _FALSE:
            return bare.lower() in _TRUE
        case "list":
            return [line.strip() for line in text.splitlines() if line.strip()]
        case "date" | "enum":
            return bare
        case _:
            return text


def text_from_value(value: Json) -> str:
    """Return how a form shows a value."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return "\n".join(str(item) for item in value)
    return str(value)


def declaration_from_texts(fields: Mapping[str, Any]) -> dict[str, Json]:
    """Return a declaration as JSON from the fields of a form.

    `minimum` and `maximum` bound a number itself, the length of a text, or the items of a list;
    `choices` has one per line. Empty fields are left out.
    """
    type_name = _text(fields, "type") or "string"
    prefix = "_length" if type_name in _BOUNDED_BY_LENGTH else ""
    constraints: dict[str, Json] = {}
    for side, name in (("min", "minimum"), ("max", "maximum")):
        text = _text(fields, name).strip()
        if text:
            constraints[f"{side}{prefix}"] = _number(text) if _NUMBER.fullmatch(text) else text
    if pattern := _text(fields, "pattern"):
        constraints["pattern"] = pattern
    choices = [line.strip() for line in _text(fields, "choices").splitlines() if line.strip()]
    if choices:
        constraints["choices"] = choices
    return {
        "name": _text(fields, "name").strip(),
        "type": type_name,
        "required": bool(fields.get("required")),
        "default": value_from_text(type_name, _text(fields, "default")),
        "description": _text(fields, "description").strip(),
        "example": value_from_text(type_name, _text(fields, "example")),
        "constraints": constraints,
    }


def texts_from_declaration(declaration: Mapping[str, Json]) -> dict[str, Any]:
    """Return the fields of a form that shows a declaration."""
    bounds = declaration["constraints"]
    return {
        "name": declaration["name"],
        "type": declaration["type"],
        "required": declaration["required"],
        "default": text_from_value(declaration["default"]),
        "description": declaration["description"],
        "example": text_from_value(declaration["example"]),
        "minimum": text_from_value(bounds.get("min", bounds.get("min_length"))),
        "maximum": text_from_value(bounds.get("max", bounds.get("max_length"))),
        "pattern": bounds.get("pattern", ""),
        "choices": "\n".join(bounds.get("choices", [])),
    }


def _number(text: str) -> int | float:
    return int(text) if _INTEGER.fullmatch(text) else float(text)


def _text(fields: Mapping[str, Any], name: str) -> str:
    value = fields.get(name)
    return value.replace("\r\n", "\n") if isinstance(value, str) else ""
