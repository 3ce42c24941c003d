"""Python functions of the operator that agents may call; the schema comes from their type hints.

Users never name code: a tool of kind `function` names an entry of this registry, and entries are
made only by the decorator `tool` in modules that the operator installs.
"""

import inspect
import re
import types
from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass, fields, is_dataclass
from enum import Enum
from typing import (
    Annotated,
    Any,
    Literal,
    TypeVar,
    Union,
    get_args,
    get_origin,
    get_type_hints,
)

from tools_app.domain.schema import check_parameters

Effect = Literal["read", "idempotent", "write", "irreversible"]
EFFECTS: tuple[Effect, ...] = ("read", "idempotent", "write", "irreversible")

F = TypeVar("F", bound=Callable[..., Any])

_NAME = re.compile(r"[a-z][a-z0-9_]{0,63}")
_ARGUMENT = re.compile(r"\s{4}(\w+)(?:\s*\([^)]*\))?:\s*(.*)")
_SECTION = re.compile(r"(Args|Arguments|Returns|Raises|Yields|Examples?|Notes?):\s*")
_CLASSES: dict[object, str] = {
    str: "string",
    int: "integer",
    float: "number",
    bool: "boolean",
    list: "array",
    dict: "object",
    types.NoneType: "null",
}


def effect_named(name: str) -> Effect:
    """Return the effect of this name; raises ValueError for an unknown one."""
    for effect in EFFECTS:
        if effect == name:
            return effect
    raise ValueError(f"The effect {name!r} is unknown; use one of {', '.join(EFFECTS)}.")


@dataclass(frozen=True, slots=True, kw_only=True)
class FunctionTool:
    """A registered function with all that a model and the gate need to know."""

    name: str
    function: Callable[..., Any]
    description: str
    parameters: Mapping[str, Any]
    effect: Effect
    timeout_s: float

    @property
    def is_async(self) -> bool:
        """Whether calling the function gives an awaitable."""
        return inspect.iscoroutinefunction(self.function)

    def keywords(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """Return valid JSON arguments as the values that the function's type hints promise."""
        hints = get_type_hints(self.function, include_extras=False)
        return {name: _built(value, hints[name]) for name, value in arguments.items()}


class Registry:
    """Functions by name, in the order of their registration."""

    def __init__(self) -> None:
        self._tools: dict[str, FunctionTool] = {}

    def tool(
        self, *, name: str = "", effect: Effect = "irreversible", timeout_s: float = 30.0
    ) -> Callable[[F], F]:
        """Register a function, sync or async, and return it unchanged.

        The schema is made from its type hints, its description from the docstring; a Google
        `Args` section or `Annotated[..., "text"]` describes the parameters. Sync functions run
        in a thread. The result may be text or anything that has a JSON form.

        Args:
            name: What tools refer to; by default the function's own name.
            effect: What calling it twice would do.
            timeout_s: After this time the call counts as failed.

        Raises:
            TypeError: a parameter has no type hint, or one without a JSON form.
            ValueError: the name is taken or malformed, or there is no docstring.
        """

        def register(function: F) -> F:
            chosen = name or function.__name__
            if not _NAME.fullmatch(chosen):
                raise ValueError(
                    f"The tool name {chosen!r} is malformed; use lower-case letters, digits and"
                    " underscores."
                )
            if chosen in self._tools:
                raise ValueError(f"The tool name {chosen!r} is registered twice; choose another.")
            effect_named(effect)
            description, notes = _read_docstring(function)
            parameters = _parameters_of(function, notes)
            check_parameters(parameters)
            self._tools[chosen] = FunctionTool(
                name=chosen,
                function=function,
                description=description,
                parameters=parameters,
                effect=effect,
                timeout_s=timeout_s,
            )
            return function

        return register

    def get(self, name: str) -> FunctionTool | None:
        """Return the entry of this name, or None."""
        return self._tools.get(name)

    def all(self) -> list[FunctionTool]:
        """Return every entry, sorted by name."""
        return sorted(self._tools.values(), key=lambda entry: entry.name)


REGISTRY = Registry()
tool = REGISTRY.tool


def _read_docstring(function: Callable[..., Any]) -> tuple[str, dict[str, str]]:
    """Return the text before the first section, and the descriptions of the parameters."""
    text = inspect.getdoc(function) or ""
    description: list[str] = []
    notes: dict[str, str] = {}
    section = current = ""
    for line in text.splitlines():
        heading = _SECTION.fullmatch(line)
        if heading:
            section = heading[1]
        elif not section:
            description.append(line)
        elif section.startswith("Arg"):
            entry = _ARGUMENT.fullmatch(line)
            if entry:
                current = entry[1]
                notes[current] = entry[2].strip()
            elif current and line.strip():
                notes[current] = f"{notes[current]} {line.strip()}"
    summary = "\n".join(description).strip()
    if not summary:
        raise ValueError(
            f"The function {function.__qualname__!r} has no docstring; the model reads it to"
            " decide when to call the tool."
        )
    return summary, notes


def _parameters_of(function: Callable[..., Any], notes: Mapping[str, str]) -> dict[str, Any]:
    hints = get_type_hints(function, include_extras=True)
    properties: dict[str, Any] = {}
    required: list[str] = []
    for parameter in inspect.signature(function).parameters.values():
        place = f"the parameter {parameter.name!r} of {function.__qualname__!r}"
        if parameter.kind not in {parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY}:
            raise TypeError(f"A tool takes named parameters only; change {place}.")
        if parameter.name not in hints:
            raise TypeError(f"A tool needs type hints; add one to {place}.")
        schema = _schema_of(hints[parameter.name], place)
        if note := notes.get(parameter.name):
            schema.setdefault("description", note)
        if parameter.default is parameter.empty:
            required.append(parameter.name)
        properties[parameter.name] = schema
    return {
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": False,
    }


def _schema_of(hint: Any, place: str) -> dict[str, Any]:
    """Return the JSON Schema of a type hint; `place` names it in errors."""
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is Annotated:
        schema = _schema_of(arguments[0], place)
        for extra in arguments[1:]:
            schema |= {"description": extra} if isinstance(extra, str) else {}
            schema |= extra if isinstance(extra, dict) else {}
        return schema
    if origin is Literal:
        return {"enum": list(arguments)}
    if origin in {Union, types.UnionType}:
        return {"anyOf": [_schema_of(argument, place) for argument in arguments]}
    if origin is list:
        return {"type": "array", "items": _schema_of(arguments[0], place)}
    if origin is dict and arguments[0] is str:
        return {"type": "object", "additionalProperties": _schema_of(arguments[1], place)}
    schema_of_class = _schema_of_class(hint, place)
    if schema_of_class is None:
        raise TypeError(f"The type {hint!r} has no JSON form; change {place}.")
    return schema_of_class


def _schema_of_class(hint: Any, place: str) -> dict[str, Any] | None:
    if hint is Any:
        return {}
    if hint in _CLASSES:
        return {"type": _CLASSES[hint]}
    if isinstance(hint, type) and issubclass(hint, Enum):
        return {"enum": [member.value for member in hint]}
    if isinstance(hint, type) and is_dataclass(hint):
        return _schema_of_dataclass(hint, place)
    return None


def _schema_of_dataclass(hint: type, place: str) -> dict[str, Any]:
    hints = get_type_hints(hint, include_extras=True)
    own = fields(hint)
    return {
        "type": "object",
        "properties": {
            field.name: _schema_of(hints[field.name], f"{field.name!r} in {place}") for field in own
        },
        "required": [
            field.name
            for field in own
            if field.default is MISSING and field.default_factory is MISSING
        ],
        "additionalProperties": False,
    }


def _built(value: Any, hint: Any) -> Any:
    """Turn one JSON value into what its type hint promises.

    JSON knows one kind of number, so 3.0 is a valid integer and 3 a valid float.
    """
    origin, arguments = get_origin(hint), get_args(hint)
    if hint is int and isinstance(value, float):
        return int(value)
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if isinstance(hint, type) and issubclass(hint, Enum):
        return hint(value)
    if isinstance(hint, type) and is_dataclass(hint) and isinstance(value, Mapping):
        hints = get_type_hints(hint)
        return hint(**{name: _built(item, hints[name]) for name, item in value.items()})
    if origin is list and isinstance(value, list):
        return [_built(item, arguments[0]) for item in value]
    if origin is dict and isinstance(value, Mapping):
        return {key: _built(item, arguments[1]) for key, item in value.items()}
    if origin in {Union, types.UnionType}:
        fitting = next((argument for argument in arguments if _fits(value, argument)), None)
        return value if fitting is None else _built(value, fitting)
    return value


def _fits(value: Any, hint: Any) -> bool:
    """Whether a JSON value can belong to this member of a union, judged by its outer form."""
    if isinstance(value, bool) or value is None:
        return hint in {bool, types.NoneType}
    if isinstance(value, int | float):
        return hint in {int, float}
    outer = get_origin(hint) or hint
    if isinstance(value, Mapping):
        return outer is dict or is_dataclass(outer)
    return outer is (list if isinstance(value, list) else str)
