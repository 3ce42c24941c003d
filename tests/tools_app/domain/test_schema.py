"""Which parameters schemas are accepted, and how arguments are checked against them."""

from typing import Any

import pytest

from tools_app.domain.schema import (
    MAX_ERRORS,
    ArgumentsValidator,
    SchemaInvalid,
    check_parameters,
    validate_arguments,
    validator_for,
    validator_of,
)

FORECAST: dict[str, Any] = {
    "type": "object",
    "properties": {
        "city": {"type": "string", "maxLength": 10},
        "days": {"type": "array", "items": {"type": "integer", "minimum": 1}},
    },
    "required": ["city"],
    "additionalProperties": False,
}


def nested(depth: int) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": "string"}
    for _ in range(depth):
        schema = {"type": "object", "properties": {"a": schema}}
    return schema


@pytest.mark.parametrize(
    "schema",
    [
        pytest.param({"type": "object"}, id="no properties"),
        pytest.param(FORECAST, id="forecast"),
        pytest.param(nested(15), id="15 objects in one another"),
        pytest.param(
            {
                "$schema": "https://json-schema.org/draft/2020-12/schema",
                "type": "object",
                "properties": {"child": {"$ref": "#"}, "other": {"$ref": "#/$defs/a~1b"}},
                "$defs": {"a/b": {"type": "array", "items": {"$ref": "#/$defs/a~1b"}}},
            },
            id="recursion through values",
        ),
        pytest.param(
            {"type": "object", "properties": {"$id": {"type": "string"}}}, id="property named $id"
        ),
        pytest.param(
            {"type": "object", "properties": {"x": {"pattern": "^(a+)+$"}}}, id="hard pattern"
        ),
    ],
)
def test_schema_is_accepted(schema: dict[str, Any]) -> None:
    check_parameters(schema)


@pytest.mark.parametrize(
    ("schema", "pointer", "message"),
    [
        pytest.param([], "", "must be a JSON object", id="list"),
        pytest.param({}, "/type", '"type": "object"', id="no type"),
        pytest.param({"type": "string"}, "/type", '"type": "object"', id="string"),
        pytest.param(
            {"type": "object", "properties": {"x": {"type": "objekt"}}},
            "/properties/x/type",
            "not valid JSON Schema",
            id="unknown type",
        ),
        pytest.param(
            {"type": "object", "properties": {"x": {"multipleOf": 0}}},
            "/properties/x/multipleOf",
            "not valid JSON Schema",
            id="multipleOf zero",
        ),
        pytest.param(
            {"type": "object", "properties": {"x": {"pattern": "(?=a)b"}}},
            "/properties/x/pattern",
            "regex",
            id="look-ahead",
        ),
        pytest.param(
            {"type": "object", "$schema": "http://json-schema.org/draft-04/schema#"},
            "/$schema",
            "2020-12",
            id="old dialect",
        ),
        pytest.param(
            {"type": "object", "$ref": "http://169.254.169.254/latest/"},
            "/$ref",
            "leaves the schema",
            id="remote reference",
        ),
        pytest.param(
            {"type": "object", "properties": {"x": {"$ref": "file:///etc/passwd"}}},
            "/properties/x/$ref",
            "leaves the schema",
            id="file reference",
        ),
        pytest.param(
            {"type": "object", "properties": {"x": {"$ref": "#/$defs/missing"}}},
            "",
            "does not exist",
            id="dangling reference",
        ),
        pytest.param({"type": "object", "$ref": "#"}, "/$ref", "circle", id="self reference"),
        pytest.param(
            {
                "type": "object",
                "properties": {"x": {"$ref": "#/$defs/a"}},
                "$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"anyOf": [{"$ref": "#/$defs/a"}]}},
            },
            "/$defs/",
            "circle",
            id="mutual reference",
        ),
        pytest.param(
            {"type": "object", "$id": "https://example.com/x"}, "/$id", "Leave", id="identifier"
        ),
        pytest.param(nested(40), "", "nested more than 32", id="40 objects"),
        pytest.param(
            {"type": "object", "properties": {"x": {"enum": [f"v{n}" for n in range(20_000)]}}},
            "",
            "at most 65536",
            id="large",
        ),
        pytest.param({"type": "object", "title": "\ud800"}, "", "plain JSON", id="surrogate"),
    ],
)  # fmt: skip
def test_schema_is_refused_with_its_place(schema: Any, pointer: str, message: str) -> None:
    with pytest.raises(SchemaInvalid, match=message) as caught:
        check_parameters(schema)

    assert caught.value.pointer.startswith(pointer)


def test_a_schema_of_thousands_of_levels_is_refused_without_recursion() -> None:
    with pytest.raises(SchemaInvalid):
        check_parameters(nested(2000))


@pytest.mark.parametrize(
    "arguments", [{"city": "Berlin"}, {"city": "", "days": []}, {"city": "x", "days": [1, 2.0]}]
)
def test_valid_arguments_have_no_errors(arguments: dict[str, Any]) -> None:
    assert validate_arguments(FORECAST, arguments) == []


def test_each_error_names_its_place() -> None:
    errors = validate_arguments(FORECAST, {"days": [1, 0, "x"], "a/b~": 1, "city": "12345678901"})

    assert sorted((error.pointer, str(error)) for error in errors) == [
        ("", "Additional properties are not allowed ('a/b~' was unexpected)"),
        ("/city", '/city: "12345678901" is longer than 10 characters'),
        ("/days/1", "/days/1: 0 is less than the minimum of 1"),
        ("/days/2", '/days/2: "x" is not of type "integer"'),
    ]


def test_errors_are_few_and_short() -> None:
    errors = validate_arguments(FORECAST, {"city": "x" * 10_000, "days": ["x"] * 1000})

    assert len(errors) == MAX_ERRORS
    assert max(len(error.message) for error in errors) <= 301


def test_a_catastrophic_pattern_is_checked_in_linear_time() -> None:
    schema = {"type": "object", "properties": {"x": {"type": "string", "pattern": "^(a+)+$"}}}

    errors = validate_arguments(schema, {"x": "a" * 50_000 + "!"})

    assert len(errors) == 1


def test_compiled_schemas_are_kept_by_content() -> None:
    assert validator_for(FORECAST) is validator_for(dict(reversed(FORECAST.items())))
    assert validator_for(FORECAST, key="k") is validator_for(FORECAST, key="k")
    assert validate_arguments(ArgumentsValidator(FORECAST), {})[0].message


def test_validator_of_returns_sentences() -> None:
    check = validator_of(FORECAST, "some-hash")

    assert check({"city": "Rome"}) == []
    assert check({}) == ['"city" is a required property']
