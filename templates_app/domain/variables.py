"""Validation of the values that a caller gives for the variables of a template."""

import re
import sys
from collections.abc import Callable, Iterable, Mapping
from datetime import date
from typing import Any

from templates_app.domain.declarations import (
    MAX_ITEM_CHARS,
    MAX_LIST_ITEMS,
    MAX_TEXT_CHARS,
    Constraints,
    Declaration,
    Json,
    declarations_invalid,
    matcher,
    parse_declarations,
)
from templates_app.domain.schema import INT64_MAX, INT64_MIN
from templates_app.errors import VariablesInvalid

TYPE = "variables.type"
CONSTRAINT = "variables.constraint"
MISSING = "variables.missing"
UNKNOWN = "variables.unknown"

_SURROGATE = re.compile("[\ud800-\udfff]")
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)


class _Refused(Exception):
    """One value does not fit; carries the code and the sentence for the caller."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail


def validate_values(
    declarations: Iterable[Declaration], values: Mapping[str, Json]
) -> dict[str, Json]:
    """Return the values to render with: checked, defaults filled in, in declared order.

    A variable that is optional, has no default and is left out stays out, so that the template
    can ask whether it `is defined`. Nothing is coerced, but 3.0 is accepted as the integer 3.

    Raises:
        VariablesInvalid: Its `errors` names every missing, unknown, ill-typed or out-of-range
            value; the messages never repeat a value.
    """
    accepted: dict[str, Json] = {}
    errors: list[dict[str, Any]] = []
    known: set[str] = set()
    for declaration in declarations:
        name = declaration.name
        known.add(name)
        if name not in values:
            if declaration.is_needed:
                errors.append(_error(name, MISSING, f"A value for {name!r} is missing."))
            elif declaration.default is not None:
                accepted[name] = declaration.default
            continue
        try:
            accepted[name] = check_value(declaration, values[name])
        except _Refused as refused:
            errors.append(_error(name, refused.code, f"{name!r} {refused.detail}"))
    for name in values:
        if name not in known:
            safe = _safe_name(name)
            errors.append(
                _error(safe, UNKNOWN, f"The template has no variable {safe!r}; leave it out.")
            )
    if errors:
        raise VariablesInvalid(_summary(errors), code=_shared_code(errors), errors=errors)
    return accepted


def valid_declarations(variables: Iterable[Mapping[str, Json]]) -> list[Declaration]:
    """Read declarations whose defaults and examples fit them.

    Raises:
        DeclarationsInvalid: Names every declaration that is wrong, and how.
    """
    declarations = parse_declarations(variables)
    check_declared_values(declarations)
    return declarations


def check_declared_values(declarations: Iterable[Declaration]) -> None:
    """Refuse defaults and examples that do not fit their own declaration.

    Raises:
        DeclarationsInvalid: Names every default or example that does not fit.
    """
    errors = []
    for declaration in declarations:
        for role in ("default", "example"):
            value = getattr(declaration, role)
            if value is None:
                continue
            try:
                check_value(declaration, value)
            except _Refused as refused:
                errors.append(
                    _error(
                        declaration.name, "variables.declaration", f"The {role} {refused.detail}"
                    )
                )
    if errors:
        raise declarations_invalid(errors)


def example_values(declarations: Iterable[Declaration]) -> dict[str, Json]:
    """Return the examples, for a preview that nobody has typed values into yet."""
    return {item.name: item.example for item in declarations if item.example is not None}


def check_value(declaration: Declaration, value: Json) -> Json:
    """Return the value in its canonical form, or raise `_Refused`."""
    return _CHECKS[declaration.type](declaration.constraints, value)


def _string(bounds: Constraints, value: Json) -> str:
    text = _text(bounds, value)
    if "\n" in text or "\r" in text:
        raise _Refused(CONSTRAINT, "must be one line.")
    return text


def _text(bounds: Constraints, value: Json) -> str:
    text = _plain(value)
    longest = MAX_TEXT_CHARS if bounds.max_length is None else bounds.max_length
    if len(text) > longest:
        raise _Refused(CONSTRAINT, f"is longer than {longest} characters.")
    if bounds.min_length is not None and len(text) < bounds.min_length:
        raise _Refused(CONSTRAINT, f"is shorter than {bounds.min_length} characters.")
    _match(bounds, text)
    return text


def _plain(value: Json) -> str:
    if not isinstance(value, str):
        raise _Refused(TYPE, "must be a text.")
    if "\0" in value or _SURROGATE.search(value):
        raise _Refused(CONSTRAINT, "holds a NUL or half of a character pair; remove it.")
    return value


def _match(bounds: Constraints, text: str) -> None:
    if bounds.pattern is not None and not matcher(bounds.pattern).is_valid(text):
        raise _Refused(CONSTRAINT, f"does not match the pattern {bounds.pattern}")


def _integer(bounds: Constraints, value: Json) -> int:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _Refused(TYPE, "must be a whole number.")
    if isinstance(value, float) and not value.is_integer():
        raise _Refused(TYPE, "must be a whole number.")
    number = int(value)
    low = INT64_MIN if bounds.min is None else bounds.min
    high = INT64_MAX if bounds.max is None else bounds.max
    _between(number, low, high)
    return number


def _number(bounds: Constraints, value: Json) -> int | float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _Refused(TYPE, "must be a number.")
    if value != value:  # NaN is not a number
        raise _Refused(TYPE, "must be a number.")
    low = -sys.float_info.max if bounds.min is None else bounds.min
    high = sys.float_info.max if bounds.max is None else bounds.max
    _between(value, low, high)
    return value or 0  # negative zero reads as zero


def _between(value: float, low: float, high: float) -> None:
    if value < low:
        raise _Refused(CONSTRAINT, f"must be at least {low}.")
    if value > high:
        raise _Refused(CONSTRAINT, f"must be at most {high}.")


def _boolean(_bounds: Constraints, value: Json) -> bool:
    if not isinstance(value, bool):
        raise _Refused(TYPE, "must be true or false.")
    return value


def _enum(bounds: Constraints, value: Json) -> str:
    if not isinstance(value, str):
        raise _Refused(TYPE, "must be one of its choices.")
    return _choice(bounds.choices or (), value)


def _choice(choices: tuple[str, ...], value: str) -> str:
    if value not in choices:
        raise _Refused(CONSTRAINT, f"must be one of: {', '.join(choices)[:500]}.")
    return value


def _date(_bounds: Constraints, value: Json) -> str:
    if not isinstance(value, str) or not _DATE.fullmatch(value):
        raise _Refused(TYPE, "must be a date such as 2026-11-23.")
    try:
        date.fromisoformat(value)
    except ValueError:
        raise _Refused(TYPE, "must be a date that exists, such as 2026-11-23.") from None
    return value


def _list(bounds: Constraints, value: Json) -> list[str]:
    if not isinstance(value, list | tuple):
        raise _Refused(TYPE, "must be a list of texts.")
    longest = MAX_LIST_ITEMS if bounds.max_length is None else bounds.max_length
    if len(value) > min(longest, MAX_LIST_ITEMS):
        raise _Refused(CONSTRAINT, f"has more than {min(longest, MAX_LIST_ITEMS)} items.")
    if bounds.min_length is not None and len(value) < bounds.min_length:
        raise _Refused(CONSTRAINT, f"has fewer than {bounds.min_length} items.")
    items = []
    for item in value:
        text = _plain(item)
        if len(text) > MAX_ITEM_CHARS:
            raise _Refused(CONSTRAINT, f"has an item of more than {MAX_ITEM_CHARS} characters.")
        if bounds.choices is not None:
            _choice(bounds.choices, text)
        _match(bounds, text)
        items.append(text)
    return items


_CHECKS: Mapping[str, Callable[[Constraints, Json], Json]] = {
    "string": _string,
    "text": _text,
    "integer": _integer,
    "number": _number,
    "boolean": _boolean,
    "enum": _enum,
    "date": _date,
    "list": _list,
}


def _error(name: str, code: str, detail: str) -> dict[str, Any]:
    return {"field": name, "code": code, "detail": detail}


def _safe_name(name: str) -> str:
    return name[:64].encode("utf-8", "replace").decode()


def _shared_code(errors: list[dict[str, Any]]) -> str:
    codes = {error["code"] for error in errors}
    return str(codes.pop()) if len(codes) == 1 else VariablesInvalid.code


def _summary(errors: list[dict[str, Any]]) -> str:
    shown = " ".join(str(error["detail"]) for error in errors[:3])
    return shown if len(errors) <= 3 else f"{shown} And {len(errors) - 3} more."
