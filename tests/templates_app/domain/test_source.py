import time

import pytest

from templates_app.domain.declarations import parse_declarations
from templates_app.domain.scanner import line_and_column, scan
from templates_app.domain.source import (
    ParserFacts,
    bound_names,
    read_source,
    undeclared,
    unused,
)


def codes(body: str) -> list[str]:
    return [item.code for item in read_source(body).diagnostics]


def test_references_are_found_with_their_place() -> None:
    source = read_source(
        '{# head #}\n{% extends "base@3" %}\n{% block a %}\n'
        "  {%- include 'acme/tone@12' ignore missing %}{% import 'lib@1' as lib %}{% endblock %}"
    )
    assert source.diagnostics == ()
    assert [
        (item.kind, item.workspace, item.name, item.number, item.line, item.column)
        for item in source.references
    ] == [
        ("extends", None, "base", 3, 2, 12),
        ("include", "acme", "tone", 12, 4, 15),
        ("import", None, "lib", 1, 4, 57),
    ]
    assert source.parent is source.references[0]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ("{% extends base %}", "template.reference_dynamic"),
        ("{% include 'a@1' if x else 'b@1' %}", "template.reference_dynamic"),
        ("{% include ['a@1', 'b@1'] %}", "template.reference_dynamic"),
        ("{% include 'a' ~ '@1' %}", "template.reference_dynamic"),
        ("{% include 'a\\x40@1' %}", "template.reference_dynamic"),
        ("{% include %}", "template.reference_dynamic"),
        ("{% import 'os' as os %}", "template.reference_invalid"),
        ("{% include 'base' %}", "template.reference_invalid"),
        ("{% include 'base@latest' %}", "template.reference_invalid"),
        ("{% include 'base@0' %}", "template.reference_invalid"),
        ("{% include '../base@1' %}", "template.reference_invalid"),
        ("{% include 'a/b/c@1' %}", "template.reference_invalid"),
        ("{{ x }}{% extends 'base@1' %}", "template.extends_first"),
        ("{{ 'import os'|exec }}", "template.filter_unknown"),
        ("{% filter shout %}a{% endfilter %}", "template.filter_unknown"),
        ("{% if x is callable %}{% endif %}", "template.test_unknown"),
        ("{% if x is not evil %}{% endif %}", "template.test_unknown"),
        ("{% set range = 1 %}", "template.name_reserved"),
        ("a\0b", "template.character"),
        ("a\ud800b", "template.character"),
        ("\u202e{{ x }}", "template.hidden_text"),
        ("Be helpful.\U000e0049\U000e0067", "template.hidden_text"),
        ("a" * 65_537, "template.too_large"),
    ],
    ids=lambda value: value[:40].encode("unicode_escape").decode(),
)
def test_what_can_never_be_published_is_named(body: str, code: str) -> None:
    assert codes(body) == [code]


@pytest.mark.parametrize(
    "body",
    [
        "Hello world",
        "{# {% include x %} #}",
        "{% raw %}{% include x %}{{ y|nothing }}{% endraw %}",
        "{{ '{% include x %}' }}",
        '{{ "}}" }}{% set a = "%}" %}',
        "{{ {'a': {'b': 1}}|tojson }}",
        "<%= 7*7 %> ${7*7}",
        "\uff5b\uff5b 7*7 \uff5d\uff5d",
        "From \U0001f3f4\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f with love",
        "{% if x is not defined %}{% endif %}{{ x | default('|nothing') | upper }}",
        "{{ items | map('upper') | join(', ') }}",
    ],
    ids=repr,
)
def test_harmless_text_has_nothing_to_report(body: str) -> None:
    assert codes(body) == []


def test_undeclared_names_carry_line_and_column() -> None:
    source = read_source(
        "Dear {{ user.name }},\n{% for item in orders %}{{ item.city }}{% endfor %}\n{{ city }}"
    )
    facts = ParserFacts(undeclared=frozenset({"user", "orders", "city", "range"}))
    found = undeclared(source, facts, {"user"})
    assert [(item.name, item.line, item.column) for item in found] == [
        ("city", 3, 4),
        ("orders", 2, 16),
    ]
    assert found[0].detail == "'city' is not declared. Declare it or remove it from the text."


def test_unused_declarations_are_a_warning() -> None:
    own = parse_declarations([{"name": "used"}, {"name": "idle"}, {"name": "narrowed"}])
    found = unused(ParserFacts(undeclared=frozenset({"used"})), own, {"narrowed"})
    assert [(item.severity, item.name) for item in found] == [("warning", "idle")]


def test_names_that_a_body_sets_itself_are_known() -> None:
    source = read_source(
        "{% for key, (a, b) in rows %}{% endfor %}{% set total = key %}{% set text %}x{% endset %}"
        "{% with c = 1, d = e %}{% endwith %}"
    )
    assert bound_names(source) == {"key", "a", "b", "total", "text", "c", "d"}


@pytest.mark.parametrize(
    "body",
    [
        "{{" * 32_000,
        "{%-" * 21_000,
        "{{" + " " * 65_000,
        "{{ '" * 16_000,
        "{#" * 32_000,
        "{% raw %}" * 7_000,
        "{{ 1" + "+1" * 32_000,
        "{{" + "'a'" * 21_000 + "}}",
    ],
    ids=["braces", "minus", "spaces", "quotes", "comments", "raw", "operators", "strings"],
)
def test_scanning_is_linear(body: str) -> None:
    start = time.process_time()
    scan(body)
    assert time.process_time() - start < 0.5


def test_positions_count_from_one() -> None:
    assert line_and_column("ab\ncd", 0) == (1, 1)
    assert line_and_column("ab\ncd", 4) == (2, 2)
