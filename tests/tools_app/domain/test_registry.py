"""Functions become tools: their schema, description and arguments."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any, Literal, Optional

import pytest

from tools_app.domain.registry import FunctionTool, Registry
from tools_app.domain.schema import validate_arguments


class Unit(StrEnum):
    CELSIUS = "c"
    FAHRENHEIT = "f"


@dataclass
class Place:
    city: str
    height_m: Annotated[float, "Above the sea"] = 0.0


def registered(function: Any, **options: Any) -> FunctionTool:
    registry = Registry()
    registry.tool(**options)(function)
    return registry.all()[0]


def forecast(
    place: Place,
    unit: Unit,
    mode: Literal["short", "long"],
    days: Annotated[int, {"minimum": 1}] = 3,
    tags: list[str] | None = None,
    limits: Optional[dict[str, float]] = None,  # noqa: UP045 (both spellings are accepted)
    extra: Any = None,
) -> str:
    """Return the forecast for a place.

    Never guess the weather.

    Args:
        place: Where,
            with its height.
        days (int): How many days ahead.

    Returns:
        Text.
    """
    return f"{place.city} {unit.name} {days!r} {tags} {limits} {mode} {extra}"


def test_schema_comes_from_type_hints_and_docstring() -> None:
    entry = registered(forecast, effect="read", timeout_s=5.0)

    assert entry.name == "forecast"
    assert entry.description == "Return the forecast for a place.\n\nNever guess the weather."
    assert entry.effect == "read"
    assert entry.timeout_s == 5.0
    assert not entry.is_async
    assert entry.parameters == {
        "type": "object",
        "properties": {
            "place": {
                "type": "object",
                "properties": {
                    "city": {"type": "string"},
                    "height_m": {"type": "number", "description": "Above the sea"},
                },
                "required": ["city"],
                "additionalProperties": False,
                "description": "Where, with its height.",
            },
            "unit": {"enum": ["c", "f"]},
            "mode": {"enum": ["short", "long"]},
            "days": {"type": "integer", "minimum": 1, "description": "How many days ahead."},
            "tags": {
                "anyOf": [{"type": "array", "items": {"type": "string"}}, {"type": "null"}]
            },
            "limits": {
                "anyOf": [
                    {"type": "object", "additionalProperties": {"type": "number"}},
                    {"type": "null"},
                ]
            },
            "extra": {},
        },
        "required": ["place", "unit", "mode"],
        "additionalProperties": False,
    }  # fmt: skip


def test_arguments_become_what_the_hints_promise() -> None:
    entry = registered(forecast)
    arguments = {
        "place": {"city": "Rome", "height_m": 20},
        "unit": "c",
        "mode": "short",
        "days": 2.0,
        "tags": ["a"],
        "limits": {"rain": 1},
    }

    assert validate_arguments(entry.parameters, arguments) == []
    keywords = entry.keywords(arguments)

    assert keywords["place"] == Place("Rome", 20.0)
    assert isinstance(keywords["place"].height_m, float)
    assert keywords["unit"] is Unit.CELSIUS
    assert isinstance(keywords["days"], int)
    assert isinstance(keywords["limits"]["rain"], float)
    assert entry.function(**keywords) == "Rome CELSIUS 2 ['a'] {'rain': 1.0} short None"


def test_the_decorator_returns_the_function_and_the_effect_is_irreversible_by_default() -> None:
    registry = Registry()

    assert registry.tool(name="weather")(forecast) is forecast
    entry = registry.get("weather")
    assert entry is not None
    assert entry.effect == "irreversible"
    assert registry.get("forecast") is None


def test_two_functions_of_one_name_are_refused() -> None:
    registry = Registry()
    registry.tool()(forecast)

    with pytest.raises(ValueError, match="'forecast' is registered twice"):
        registry.tool()(forecast)


def no_hint(city) -> str:  # type: ignore[no-untyped-def]
    """Do something."""
    return str(city)


def any_number(*cities: str) -> str:
    """Do something."""
    return ""


def strange_type(city: bytes) -> str:
    """Do something."""
    return ""


def nested_strange_type(cities: list[set[str]]) -> str:
    """Do something."""
    return ""


def silent(city: str) -> str:
    return city


@pytest.mark.parametrize(
    ("function", "options", "error", "message"),
    [
        (no_hint, {}, TypeError, "the parameter 'city' of 'no_hint'"),
        (any_number, {}, TypeError, "named parameters only"),
        (strange_type, {}, TypeError, "has no JSON form"),
        (nested_strange_type, {}, TypeError, "has no JSON form"),
        (silent, {}, ValueError, "no docstring"),
        (forecast, {"name": "Fore cast"}, ValueError, "malformed"),
        (forecast, {"effect": "harmless"}, ValueError, "effect 'harmless' is unknown"),
    ],
)
def test_a_function_that_no_model_could_call_is_refused(
    function: Any, options: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        registered(function, **options)
