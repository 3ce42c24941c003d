"""Declarations of variables: what a template asks for, parsed from and written to JSON.

One declaration drives the admin form, the API's validation (`variables.py`) and the JSON Schema
(`schema.py`).
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any

import jsonschema_rs

from templates_app.errors import DeclarationsInvalid

NAME_PATTERN = r"^[a-z_][a-z0-9_]{0,63}$"
RESERVED_NAMES = frozenset(
    word
    for line in (
        "and or not in is if else elif for endfor true false none null undefined loop self super",
        "caller varargs kwargs range dict namespace debug cycler joiner set block extends include",
        "import from macro call filter with raw autoescape do break continue as recursive",
    )
    for word in line.split()
)
MAX_VARIABLES = 200
MAX_PATTERN_CHARS = 500
MAX_TEXT_CHARS = 100_000
MAX_LIST_ITEMS = 1_000
MAX_ITEM_CHARS = 10_000
MAX_CHOICES = 200
PATTERN_SIZE_BYTES = 1 << 20
"""Bound of one compiled pattern; the engine is linear in the text (Rust's regex crate)."""

_NO_NAME = "?"
"""Stands for a name that could not be read."""

Json = Any
"""A value of JSON: the marked boundary of this package."""

_TEXT_CONSTRAINTS = frozenset({"min_length", "max_length", "pattern"})
CONSTRAINTS: Mapping[str, frozenset[str]] = {
    "string": _TEXT_CONSTRAINTS,
    "text": _TEXT_CONSTRAINTS,
    "integer": frozenset({"min", "max"}),
    "number": frozenset({"min", "max"}),
    "boolean": frozenset(),
    "enum": frozenset({"choices"}),
    "date": frozenset(),
    "list": frozenset({"min_length", "max_length", "pattern", "choices"}),
}
"""Which constraints each type knows. Those of a list bound its length and each of its items."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Constraints:
    """Bounds on a value; None means that there is no bound."""

    min: float | None = None
    max: float | None = None
    min_length: int | None = None
    max_length: int | None = None
    pattern: str | None = None
    """Must match the whole value. Rust syntax: no look-around, no back-references."""
    choices: tuple[str, ...] | None = None

    def to_json(self) -> dict[str, Json]:
        """Return the bounds that are set."""
        values = {name: getattr(self, name) for name in _CONSTRAINT_NAMES}
        kept = {name: value for name, value in values.items() if value is not None}
        if self.choices is not None:
            kept["choices"] = list(self.choices)
        return kept


_CONSTRAINT_NAMES = ("min", "max", "min_length", "max_length", "pattern", "choices")


@dataclass(frozen=True, slots=True, kw_only=True)
class Declaration:
    """One variable of a template."""

    name: str
    type: str = "string"
    required: bool = True
    default: Json = None
    """Taken when the value is left out; None means that there is no default."""
    description: str = ""
    example: Json = None
    constraints: Constraints = field(default_factory=Constraints)

    @property
    def is_needed(self) -> bool:
        """Whether rendering is refused without a value."""
        return self.required and self.default is None

    def to_json(self) -> dict[str, Json]:
        """Return the form that a version keeps and the API shows."""
        return {
            "name": self.name,
            "type": self.type,
            "required": self.required,
            "default": self.default,
            "description": self.description,
            "example": self.example,
            "constraints": self.constraints.to_json(),
        }


def parse_declarations(items: Iterable[Mapping[str, Json]]) -> list[Declaration]:
    """Read declarations from JSON, keeping their order.

    Raises:
        DeclarationsInvalid: Names every declaration that is wrong, and how.
    """
    errors: list[dict[str, Any]] = []
    declarations: list[Declaration] = []
    for item in items:
        name = item.get("name")
        label = name[:64] if isinstance(name, str) else _NO_NAME
        problems: list[str] = []
        declaration = _parse_one(item, problems)
        if declaration.name != _NO_NAME and any(label == other.name for other in declarations):
            problems.append("Another variable has this name; rename one of them.")
        declarations.append(declaration)
        errors.extend(_error(label, problem) for problem in problems)
    if len(declarations) > MAX_VARIABLES:
        errors.append(_error("*", f"A template has at most {MAX_VARIABLES} variables."))
    if errors:
        raise declarations_invalid(errors)
    return declarations


def declarations_invalid(errors: list[dict[str, Any]]) -> DeclarationsInvalid:
    """Return the error that lists what is wrong with the declarations."""
    first = errors[0]
    more = f" and {len(errors) - 1} more" if len(errors) > 1 else ""
    return DeclarationsInvalid(
        f"Variable {first['field']!r}: {first['detail']}{more and f' ({more.strip()})'}",
        errors=errors,
    )


def merge_declarations(
    inherited: Iterable[Declaration], own: Sequence[Declaration]
) -> list[Declaration]:
    """Return the declarations of a template and of what it extends or includes.

    Order: the inherited ones first, as they come, then the template's own. A template that
    declares an inherited name again may narrow it, never widen it.

    Raises:
        DeclarationsInvalid: A type changed, a needed variable became optional, a bound was
            loosened, or two inherited declarations disagree.
    """
    merged: dict[str, Declaration] = {}
    errors: list[dict[str, Any]] = []
    for declaration in inherited:
        known = merged.setdefault(declaration.name, declaration)
        if known.type != declaration.type:
            errors.append(
                _error(
                    declaration.name,
                    f"is {known.type} in one inherited template and {declaration.type} in"
                    " another; use versions that agree.",
                )
            )
        elif declaration.is_needed and not known.is_needed:
            merged[declaration.name] = replace(known, required=True, default=None)
    for declaration in own:
        parent = merged.get(declaration.name)
        if parent is not None:
            errors.extend(
                _error(declaration.name, problem) for problem in _widenings(parent, declaration)
            )
        merged[declaration.name] = declaration
    if errors:
        raise declarations_invalid(errors)
    return list(merged.values())


def _widenings(parent: Declaration, child: Declaration) -> list[str]:
    if parent.type != child.type:
        return [f"The parent declares it as {parent.type}; keep the type."]
    problems = []
    if parent.is_needed and not child.required:
        problems.append("The parent requires it; a child may not make it optional.")
    for low in ("min", "min_length"):
        bound, own = getattr(parent.constraints, low), getattr(child.constraints, low)
        if bound is not None and (own is None or own < bound):
            problems.append(f"The parent's {low} is {bound}; a child may raise it, not lower it.")
    for high in ("max", "max_length"):
        bound, own = getattr(parent.constraints, high), getattr(child.constraints, high)
        if bound is not None and (own is None or own > bound):
            problems.append(f"The parent's {high} is {bound}; a child may lower it, not raise it.")
    allowed = parent.constraints.choices
    if allowed is not None and not set(child.constraints.choices or ()) <= set(allowed):
        problems.append("A child may offer only choices of its parent.")
    if allowed is not None and child.constraints.choices is None:
        problems.append("The parent limits the choices; list the ones to keep.")
    pattern = parent.constraints.pattern
    if pattern is not None and child.constraints.pattern != pattern:
        problems.append("The parent's pattern must stay as it is.")
    return problems


def whole_match(pattern: str) -> str:
    """Return `pattern` so that it must match the whole value."""
    return f"^(?:{pattern})$"


@lru_cache(maxsize=512)
def matcher(pattern: str) -> jsonschema_rs.Draft202012Validator:
    """Return a kept validator that tells whether a text matches `pattern` as a whole.

    Raises:
        ValueError: The pattern is not valid in a linear-time engine, or is too large.
    """
    options = jsonschema_rs.RegexOptions(size_limit=PATTERN_SIZE_BYTES)
    try:
        # The bare pattern must be valid by itself, or `a)|(b` would escape its brackets.
        for text in (pattern, whole_match(pattern)):
            validator = jsonschema_rs.Draft202012Validator(
                {"type": "string", "pattern": text}, pattern_options=options
            )
    except jsonschema_rs.ValidationError as error:
        raise ValueError("not a valid pattern") from error
    return validator


def _parse_one(item: Mapping[str, Json], problems: list[str]) -> Declaration:
    unknown = sorted(set(item) - _FIELDS)
    if unknown:
        problems.append(f"Unknown members {unknown}; known are {sorted(_FIELDS)}.")
    name = item.get("name")
    if not isinstance(name, str) or not re.fullmatch(NAME_PATTERN, name, re.ASCII):
        problems.append("A name is lower-case letters, digits and _, at most 64 characters.")
        name = _NO_NAME
    elif name in RESERVED_NAMES:
        problems.append(f"{name!r} has a meaning of its own in templates; choose another name.")
    type_name = item.get("type", "string")
    if type_name not in CONSTRAINTS:
        problems.append(f"The type is one of {', '.join(CONSTRAINTS)}.")
        type_name = "string"
    required = item.get("required", True)
    if not isinstance(required, bool):
        problems.append("`required` is true or false.")
        required = True
    texts = {key: item.get(key, "") for key in ("description",)}
    if not isinstance(texts["description"], str) or len(texts["description"]) > 300:
        problems.append("The description is a text of at most 300 characters.")
        texts["description"] = ""
    raw = item.get("constraints")
    raw = {} if raw is None else raw
    constraints = _parse_constraints(str(type_name), raw, problems)
    return Declaration(
        name=name,
        type=str(type_name),
        required=required,
        default=item.get("default"),
        description=texts["description"],
        example=item.get("example"),
        constraints=constraints,
    )


_FIELDS = frozenset(
    {"name", "type", "required", "default", "description", "example", "constraints"}
)


def _parse_constraints(type_name: str, raw: Json, problems: list[str]) -> Constraints:
    if not isinstance(raw, Mapping):
        problems.append("`constraints` is an object.")
        return Constraints()
    allowed = CONSTRAINTS[type_name]
    foreign = sorted(set(raw) - allowed)
    if foreign:
        known = ", ".join(sorted(allowed)) or "none"
        problems.append(f"Constraints {foreign} do not apply to {type_name} (known: {known}).")
    values: dict[str, Any] = {}
    for key in sorted(set(raw) & allowed):
        value = raw[key]
        if value is None or value == "":
            continue
        problem = _CHECKS[key](value)
        if problem:
            problems.append(f"`{key}` {problem}")
        else:
            values[key] = tuple(value) if key == "choices" else value
    for low, high in (("min", "max"), ("min_length", "max_length")):
        if low in values and high in values and values[low] > values[high]:
            problems.append(f"`{low}` is greater than `{high}`.")
    if type_name == "enum" and "choices" not in values and not problems:
        problems.append("A choice needs `choices`.")
    return Constraints(**values)


def _check_number(value: Json) -> str:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return "is a number."
    return "" if abs(value) <= 2**53 else "is beyond the exact range of numbers (2^53)."


def _check_length(value: Json) -> str:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= MAX_TEXT_CHARS:
        return f"is a whole number from 0 to {MAX_TEXT_CHARS}."
    return ""


def _check_pattern(value: Json) -> str:
    if not isinstance(value, str) or len(value) > MAX_PATTERN_CHARS:
        return f"is a text of at most {MAX_PATTERN_CHARS} characters."
    try:
        matcher(value)
    except ValueError:
        return "is not a valid regular expression (look-around and back-references are not known)."
    return ""


def _check_choices(value: Json) -> str:
    is_list = isinstance(value, Sequence) and not isinstance(value, str)
    if not is_list or not 1 <= len(value) <= MAX_CHOICES:
        return f"is a list of 1 to {MAX_CHOICES} texts."
    if not all(isinstance(choice, str) and 1 <= len(choice) <= 200 for choice in value):
        return "holds texts of 1 to 200 characters."
    return "" if len(set(value)) == len(value) else "holds a text twice."


_CHECKS = {
    "min": _check_number,
    "max": _check_number,
    "min_length": _check_length,
    "max_length": _check_length,
    "pattern": _check_pattern,
    "choices": _check_choices,
}


def _error(name: str, detail: str) -> dict[str, Any]:
    return {"field": name, "code": "variables.declaration", "detail": detail}
