import math
from datetime import date
from typing import Any

import jsonschema_rs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from templates_app.domain.declarations import (
    CONSTRAINTS,
    Constraints,
    Declaration,
    merge_declarations,
    parse_declarations,
)
from templates_app.domain.schema import json_schema
from templates_app.domain.variables import check_declared_values, validate_values
from templates_app.errors import DeclarationsInvalid, VariablesInvalid


def declare(name: str = "x", type: str = "string", **members: Any) -> Declaration:
    return parse_declarations([{"name": name, "type": type, **members}])[0]


def validator(declarations: list[Declaration]) -> jsonschema_rs.Draft202012Validator:
    return jsonschema_rs.Draft202012Validator(
        json_schema(declarations),
        validate_formats=True,
        pattern_options=jsonschema_rs.RegexOptions(),
    )


def accepts(declarations: list[Declaration], values: dict[str, Any]) -> bool:
    try:
        validate_values(declarations, values)
    except VariablesInvalid:
        return False
    return True


# --- One declaration, one set of accepted values ---------------------------------------------------

DECLARATIONS = [
    declare("line"),
    declare("line_bound", constraints={"min_length": 1, "max_length": 3}),
    declare("coded", constraints={"pattern": "[a-c]+|\\d{2}"}),
    declare("prose", "text", constraints={"max_length": 5}),
    declare("whole", "integer"),
    declare("whole_bound", "integer", constraints={"min": -3, "max": 7.5}),
    declare("real", "number"),
    declare("real_bound", "number", constraints={"min": 0, "max": 1}),
    declare("flag", "boolean"),
    declare("choice", "enum", constraints={"choices": ["a", "b"]}),
    declare("day", "date"),
    declare("items", "list", constraints={"min_length": 1, "max_length": 3}),
    declare("chosen", "list", constraints={"choices": ["a", "b"]}),
    declare("patterned", "list", constraints={"pattern": "a+"}),
]

SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**64), 2**64),
    st.integers(-5, 10),
    st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from([0.0, -0.0, 1.0, 0.5, 7.0, 8.0, 2.0**63, 1e308]),
    st.text(max_size=8),
    st.text(alphabet="abc12\n\r\0 ", max_size=5),
    st.dates().map(date.isoformat),
    st.sampled_from(
        ["a", "b", "A", "2026-02-30", "0000-01-01", "0001-01-01", "99999-01-01", "20260101"]
    ),
)
VALUES = st.one_of(
    SCALARS,
    st.lists(st.one_of(st.text(alphabet="abA\0", max_size=3), SCALARS), max_size=4),
    st.dictionaries(st.text(max_size=3), SCALARS, max_size=2),
)


@pytest.mark.parametrize("declaration", DECLARATIONS, ids=lambda item: item.name)
@settings(max_examples=200, deadline=None)
@given(value=VALUES)
def test_validation_and_schema_accept_the_same_values(declaration: Declaration, value: Any) -> None:
    values = {declaration.name: value}
    assert accepts([declaration], values) == validator([declaration]).is_valid(values)


@settings(max_examples=200, deadline=None)
@given(
    needed=st.booleans(),
    default=st.sampled_from([None, "d"]),
    values=st.dictionaries(st.sampled_from(["x", "y", "z"]), st.just("v")),
)
def test_validation_and_schema_agree_on_which_values_may_be_left_out(
    needed: bool, default: str | None, values: dict[str, str]
) -> None:
    declarations = [declare("x"), declare("y", required=needed, default=default)]
    assert accepts(declarations, values) == validator(declarations).is_valid(values)


def test_every_type_is_covered_by_the_property() -> None:
    assert {item.type for item in DECLARATIONS} == set(CONSTRAINTS)


# --- What comes back ---------------------------------------------------------------------------------


def test_every_value_that_does_not_fit_is_named() -> None:
    declarations = [
        declare("city"),
        declare("age", "integer"),
        declare("size", "enum", constraints={"choices": ["S", "M"]}),
    ]
    with pytest.raises(VariablesInvalid) as caught:
        validate_values(declarations, {"age": "12abc", "size": "s", "extra": 1})
    assert [(item["field"], item["code"]) for item in caught.value.errors] == [
        ("city", "variables.missing"),
        ("age", "variables.type"),
        ("size", "variables.constraint"),
        ("extra", "variables.unknown"),
    ]
    assert caught.value.status == 422
    assert caught.value.code == "variables.invalid"


def test_a_single_kind_of_fault_is_the_code_of_the_error() -> None:
    with pytest.raises(VariablesInvalid) as caught:
        validate_values([declare("city")], {})
    assert caught.value.code == "variables.missing"
    assert "'city'" in caught.value.detail


def test_messages_never_repeat_a_value() -> None:
    with pytest.raises(VariablesInvalid) as caught:
        validate_values([declare("age", "integer")], {"age": "CANARY-1"})
    assert "CANARY" not in str(caught.value.errors) + caught.value.detail


def test_defaults_fill_in_and_optional_values_stay_out() -> None:
    declarations = [
        declare("tone", default="kind"),
        declare("note", required=False),
        declare("city"),
    ]
    assert validate_values(declarations, {"city": "Graz"}) == {"tone": "kind", "city": "Graz"}


@pytest.mark.parametrize(
    ("type_name", "value", "expected"),
    [("integer", 3.0, 3), ("number", -0.0, 0), ("number", 2, 2)],
    ids=["whole float", "negative zero", "integer as number"],
)
def test_values_come_back_in_canonical_form(type_name: str, value: Any, expected: Any) -> None:
    result = validate_values([declare("x", type_name)], {"x": value})["x"]
    assert result == expected
    assert math.copysign(1, result) == 1
    assert type(result) is type(expected)


@pytest.mark.parametrize(
    ("type_name", "value"),
    [
        ("integer", True),
        ("string", {"a": 1}),
        ("string", "\ud800"),
        ("string", "a\0b"),
        ("string", "a" * 100_001),
        ("number", "NaN"),
        ("number", math.nan),
        ("number", math.inf),
        ("date", "2026-02-30"),
        ("list", "abc"),
        ("list", ["\udfff"]),
    ],
    ids=repr,
)
def test_hostile_values_are_refused(type_name: str, value: Any) -> None:
    assert not accepts([declare("x", type_name)], {"x": value})


def test_patterns_match_the_whole_value_in_linear_time() -> None:
    evil = declare("x", "text", constraints={"pattern": "(a+)+b"})
    assert accepts([evil], {"x": "aaab"})
    assert not accepts([evil], {"x": "xaaab"})
    assert not accepts([evil], {"x": "a" * 100_000})


# --- Declarations ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "item",
    [
        {"name": "na\u200bme"},
        {"name": "n\u0430me"},
        {"name": "loop"},
        {"name": "Name"},
        {"name": "a" * 65},
        {"name": 3},
        {},
        {"name": "x", "type": "secretly"},
        {"name": "x", "required": "yes"},
        {"name": "x", "surprise": 1},
        {"name": "x", "type": "enum"},
        {"name": "x", "type": "integer", "constraints": {"pattern": "a"}},
        {"name": "x", "type": "integer", "constraints": {"min": 3, "max": 2}},
        {"name": "x", "type": "integer", "constraints": {"min": "3"}},
        {"name": "x", "constraints": {"pattern": "a)|(b"}},
        {"name": "x", "constraints": {"pattern": "(?=a)"}},
        {"name": "x", "constraints": {"pattern": "(a{1000}){1000}"}},
        {"name": "x", "constraints": {"max_length": -1}},
        {"name": "x", "constraints": []},
        {"name": "x", "type": "enum", "constraints": {"choices": ["a", "a"]}},
        {"name": "x", "description": "d" * 301},
    ],
    ids=repr,
)
def test_a_wrong_declaration_is_refused(item: dict[str, Any]) -> None:
    with pytest.raises(DeclarationsInvalid):
        parse_declarations([item])


def test_every_wrong_declaration_is_named() -> None:
    with pytest.raises(DeclarationsInvalid) as caught:
        parse_declarations([{"name": "loop"}, {"name": "x"}, {"name": "x"}])
    assert [item["field"] for item in caught.value.errors] == ["loop", "x"]


@pytest.mark.parametrize("role", ["default", "example"])
def test_defaults_and_examples_must_fit_their_declaration(role: str) -> None:
    item = declare("x", "integer", **{role: "three"})
    with pytest.raises(DeclarationsInvalid, match=role):
        check_declared_values([item])


@given(
    st.builds(
        Declaration,
        name=st.just("x"),
        type=st.just("text"),
        required=st.booleans(),
        default=st.one_of(st.none(), st.text()),
        description=st.text(max_size=300),
        constraints=st.builds(
            Constraints,
            min_length=st.one_of(st.none(), st.integers(0, 10)),
            pattern=st.sampled_from([None, "a+"]),
        ),
    )
)
def test_a_declaration_survives_being_written_and_read(declaration: Declaration) -> None:
    assert parse_declarations([declaration.to_json()]) == [declaration]


# --- Inheritance -------------------------------------------------------------------------------------


def test_inherited_declarations_come_first_and_a_child_may_narrow_them() -> None:
    parent = [declare("tone", required=False), declare("age", "integer", constraints={"max": 99})]
    child = [declare("city"), declare("age", "integer", constraints={"max": 50, "min": 1})]
    merged = merge_declarations(parent, child)
    assert [item.name for item in merged] == ["tone", "age", "city"]
    assert merged[1].constraints == Constraints(min=1, max=50)


def test_a_child_may_require_what_its_parent_leaves_open() -> None:
    assert merge_declarations([declare("x", required=False)], [declare("x")])[0].required


@pytest.mark.parametrize(
    ("parent", "child"),
    [
        ({"type": "integer"}, {"type": "string"}),
        ({"required": True}, {"required": False}),
        ({"constraints": {"max_length": 5}}, {"constraints": {"max_length": 6}}),
        ({"constraints": {"max_length": 5}}, {}),
        ({"constraints": {"min_length": 5}}, {"constraints": {"min_length": 4}}),
        ({"constraints": {"pattern": "a+"}}, {}),
        (
            {"type": "enum", "constraints": {"choices": ["a", "b"]}},
            {"type": "enum", "constraints": {"choices": ["a", "c"]}},
        ),
    ],
    ids=[
        "type",
        "optional",
        "looser maximum",
        "no maximum",
        "lower minimum",
        "no pattern",
        "choices",
    ],
)
def test_a_child_may_not_widen(parent: dict[str, Any], child: dict[str, Any]) -> None:
    with pytest.raises(DeclarationsInvalid):
        merge_declarations([declare("x", **parent)], [declare("x", **child)])


def test_two_inherited_declarations_must_agree_on_the_type() -> None:
    with pytest.raises(DeclarationsInvalid, match="agree"):
        merge_declarations([declare("x"), declare("x", "integer")], [])


def test_a_variable_that_one_inherited_template_needs_is_needed() -> None:
    merged = merge_declarations([declare("x", required=False), declare("x")], [])
    assert merged[0].is_needed
