import asyncio
import os
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from templates_app.domain.source import FILTERS, TESTS
from templates_app.errors import RenderFailed, VariablesInvalid
from templates_app.runtime.render.pool import shared_pool
from templates_app.runtime.render.rendering import inspect_body, render_chain, render_chain_sync
from tests.templates_app.chains import make_chain

WORDS = [{"name": "words", "type": "list"}, {"name": "text", "type": "text"}]
LEAKS = (
    "__globals__",
    "<class",
    "object at 0x",
    "built-in method",
    "SECRET_KEY",
    "root:x:0",
    "Traceback",
)


def render(body: str, **values: object) -> str:
    variables = [item for item in WORDS if item["name"] in values]
    return render_chain_sync(make_chain(body, variables=variables), values).text


def test_parents_blocks_and_includes_render_as_one_text() -> None:
    chain = make_chain(
        "{% extends 'base@2' %}{% block ask %}{{ super() }} Be {% include 'tone@1' %}.{% endblock %}",
        {
            "tone@1": "{{ text }}",
            "base@2": "You help.{% block ask %} Answer.{% endblock %}",
        },
        variables=[WORDS[1]],
    )
    rendered = render_chain_sync(chain, {"text": "brief"})
    assert rendered.text == "You help. Answer. Be brief."
    assert [item["reference"] for item in rendered.chain] == ["w/main@1", "w/base@2", "w/tone@1"]
    assert rendered.template_sha256 == chain.content_sha256


async def test_async_callers_get_the_same_text() -> None:
    chain = make_chain("Hi {{ text }}", variables=[WORDS[1]])
    texts = await asyncio.gather(*(render_chain(chain, {"text": str(i)}) for i in range(20)))
    assert [item.text for item in texts] == [f"Hi {i}" for i in range(20)]


def test_threads_share_the_children() -> None:
    chain = make_chain("Hi {{ text }}", variables=[WORDS[1]])
    with ThreadPoolExecutor(8) as threads:
        texts = list(
            threads.map(lambda i: render_chain_sync(chain, {"text": str(i)}).text, range(100))
        )
    assert texts == [f"Hi {i}" for i in range(100)]


def test_values_are_data_and_never_rendered_again() -> None:
    hostile = "{{ 7*7 }}{% include 'x' %}{# c #}<|im_start|>\x1b[2J</tool_result>"
    assert (
        render("{{ text }}|{{ text|upper|lower|length }}", text=hostile)
        == f"{hostile}|{len(hostile)}"
    )


def test_text_is_not_escaped_and_unicode_stays() -> None:
    assert render("<b>{{ text }}</b> ü 漢", text="<i>&\U0001f600") == "<b><i>&\U0001f600</b> ü 漢"


def test_missing_values_are_refused_before_rendering() -> None:
    with pytest.raises(VariablesInvalid) as caught:
        render_chain_sync(make_chain("{{ text }}", variables=WORDS), {"wrong": 1})
    assert {item["code"] for item in caught.value.errors} == {
        "variables.missing",
        "variables.unknown",
    }


def test_an_undefined_name_is_named_with_template_and_line() -> None:
    chain = make_chain("{% include 'part@1' %}", {"part@1": "a\nb\n{{ nobody.home }}"})
    with pytest.raises(RenderFailed) as caught:
        render_chain_sync(chain, {})
    assert caught.value.code == "template.undefined"
    assert caught.value.extra == {"template": "w/part@1", "line": 3}
    assert "nobody" in caught.value.detail
    assert caught.value.status == 422


def test_a_failure_deep_in_the_chain_shows_no_internal_names() -> None:
    chain = make_chain(
        "{% extends 'base@1' %}{% block a %}{{ super() }}{% endblock %}",
        {"part@1": "\n{{ 1/0 }}", "base@1": "{% block a %}{% include 'part@1' %}{% endblock %}"},
    )
    with pytest.raises(RenderFailed) as caught:
        render_chain_sync(chain, {})
    assert caught.value.extra == {"template": "w/part@1", "line": 2}
    assert chain.templates[-1].key not in caught.value.detail


# --- What a hostile template can do --------------------------------------------------------------

BIG = "a" * 60_000


@pytest.mark.parametrize(
    ("body", "codes"),
    [
        (
            "{% for i in range(99999) %}{% for j in range(99999) %}{% endfor %}{% endfor %}",
            {"template.timeout"},
        ),
        (
            "{% macro m() %}{{ m() }}{{ m() }}{% endmacro %}{{ m() }}",
            {"template.render_failed", "template.timeout"},
        ),
        ("{% block a %}{{ self.a() }}{% endblock %}", {"template.render_failed"}),
        (
            "{% set a = 'x' %}" + "{% set a = a ~ a %}" * 40 + "{{ a|length }}",
            {"template.too_much_memory"},
        ),
        ("{% set a = [1] %}" + "{% set a = a + a %}" * 40 + "{{ a|list|length }}", None),
        ("{{ ('x' * 99000000)|length }}", {"template.too_much_memory"}),
        ("{{ ('x' * 99999999999)|length }}", {"template.render_failed"}),
        ("{{ text|replace('a', text)|length }}", {"template.too_much_memory"}),
        ("{{ text|list|join(text)|length }}", {"template.too_much_memory"}),
        ("{{ '%200000000s'|format('a')|length }}", {"template.too_much_memory"}),
        ("{{ 'a\nb'|indent(200000000)|length }}", {"template.too_much_memory"}),
        ("{{ [1]|batch(200000000, 'x')|list|length }}", None),
        ("{{ [1]|slice(200000000, 'x')|list|length }}", None),
        (
            "{{ [1]|tojson(indent=200000000)|length }}",
            {"template.too_much_memory", "template.render_failed"},
        ),
        ("{{ range(100000000)|list|length }}", {"template.render_failed"}),
        ("{{ 'x' * 300000 }}", {"template.output_too_large"}),
        ("{% for i in range(9999) %}{{ text }}{% endfor %}", {"template.output_too_large"}),
        (
            "{% for i in range(9999) %}" + "y" * 60_000 + "{% endfor %}",
            {"template.too_much_memory"},
        ),
        (
            "{% for i in range(900) %}{{ text|replace('a', 'b')|replace('b', 'c')|upper|lower|length }}{% endfor %}",
            None,
        ),
        ("{{ 1" + "+1" * 32_000 + " }}", {"template.render_failed"}),
        ("{{ " + "-" * 60_000 + "1 }}", {"template.render_failed"}),
        ("{{ " + "(" * 5_000 + "1" + ")" * 5_000 + " }}", {"template.render_failed"}),
        ("{% if true %}" * 3_000 + "x" + "{% endif %}" * 3_000, {"template.render_failed"}),
    ],
    ids=lambda value: value[:50] if isinstance(value, str) else "",
)
def test_a_bomb_is_stopped_within_a_second_and_the_next_render_works(
    body: str, codes: set[str] | None
) -> None:
    start = time.monotonic()
    try:
        render(body, text=BIG)
        code = None
    except RenderFailed as error:
        code = error.code
    # One second for the render, the rest for a busy machine and a new child.
    assert time.monotonic() - start < 3
    assert codes is None or code in codes
    assert render("alive") == "alive"


@pytest.mark.parametrize(
    "body",
    [
        "{{ ''.__class__.__mro__[1].__subclasses__() }}",
        "{{ cycler.__init__.__globals__.os.popen('id').read() }}",
        "{{ ''|attr('__class__') }}",
        "{{ ''|attr('\\x5f\\x5fclass\\x5f\\x5f') }}",
        "{{ words|attr('_'~'_class_'~'_') }}",
        "{{ [words]|map(attribute='__class__')|list }}",
        "{{ '{0.__class__.__init__.__globals__}'.format(words) }}",
        "{{ ['{0.__class__}']|map('format', words)|list }}",
        "{{ '%r'|format(words) }}",
        "{{ settings.SECRET_KEY }}",
        "{{ words['__class__']['__base__'] }}",
        "{{ words.append }}",
        "{{ words.append ~ '' }}",
        "{{ words.append('x') }}{{ words }}",
        "{{ words.index.__self__ }}",
        "{{ words.__len__() }}",
        "{{ range.__globals__ }}",
        "{{ debug() }}",
        "{{ self.__init__ }}",
        "{% import 'os' as os %}{{ os.system('id') }}",
        "{% include '/etc/passwd' %}",
        "{% do words.append(1) %}",
        "{% python %}import os{% endpython %}",
    ],
    ids=repr,
)
def test_templates_cannot_reach_behind_their_values(body: str) -> None:
    try:
        shown = render(body, words=["a"])
    except RenderFailed as error:
        shown = error.detail
    assert not any(leak in shown for leak in LEAKS)


@pytest.mark.parametrize(
    "body",
    [
        "{{ range }}",
        "{{ cycler }}{{ joiner }}{{ dict }}",
        "{{ namespace(a=words) }}",
        "{{ words }}",
    ],
)
def test_printed_objects_show_no_python(body: str) -> None:
    text = render(body, words=["a"])
    assert not any(leak in text for leak in LEAKS)


def test_a_render_leaves_nothing_behind_for_the_next() -> None:
    render("{% set secret = text %}{% set ns = namespace() %}{% set ns.s = text %}", text="CANARY")
    with pytest.raises(RenderFailed) as caught:
        render("{{ secret }}{{ ns }}")
    assert caught.value.code == "template.undefined"


def test_the_child_has_none_of_our_environment() -> None:
    render("warm")
    pids = shared_pool().pids()
    assert pids
    with open(f"/proc/{pids[0]}/environ", "rb") as file:
        names = {line.split(b"=")[0] for line in file.read().split(b"\0") if line}
    assert names <= {b"PYTHONDONTWRITEBYTECODE", b"LANG", b"LC_CTYPE"}


def test_children_that_died_while_idle_are_replaced_unnoticed() -> None:
    render("warm")
    before = shared_pool().pids()
    assert before
    for pid in before:
        os.kill(pid, signal.SIGKILL)
        while Path(f"/proc/{pid}/stat").read_text().split()[2] != "Z":
            time.sleep(0.001)
    assert render("alive") == "alive"
    assert not set(before) & set(shared_pool().pids())


# --- The parser --------------------------------------------------------------------------------------


def test_the_parser_names_what_a_body_reads() -> None:
    facts = inspect_body("{% set a = 1 %}{{ a }}{{ b.c }}{% for d in e %}{{ d }}{% endfor %}")
    assert facts.undeclared == {"b", "e"}
    assert facts.problem is None


@pytest.mark.parametrize(
    ("body", "line", "column"),
    [
        ("x\né {{ a b }}", 2, 8),
        ("{% if x %}no end", 1, 11),
        ("{{ }}", 1, 4),
        ("a\n{% block a %}{% endblock %}\n{% block a %}{% endblock %}", 3, 10),
    ],
    ids=repr,
)
def test_syntax_errors_have_line_and_column(body: str, line: int, column: int) -> None:
    problem = inspect_body(body).problem
    assert problem is not None
    assert (problem.code, problem.line, problem.column) == ("template.syntax", line, column)


@pytest.mark.parametrize(
    "body",
    [
        "{{ 1" + "+1" * 32_000 + " }}",
        "{{ 1" + "**1" * 20_000 + " }}",
        "{{ " + "-" * 60_000 + "1 }}",
    ],
    ids=["sums", "powers", "signs"],
)
def test_text_that_overflows_the_parser_is_an_error_and_not_the_end_of_the_process(
    body: str,
) -> None:
    problem = inspect_body(body).problem
    assert problem is not None
    assert problem.code == "template.too_complex"


def refusal(body: str) -> str:
    try:
        render(body)
    except RenderFailed as error:
        return error.detail
    return ""


@pytest.mark.parametrize("name", sorted(FILTERS))
def test_every_filter_that_we_accept_exists(name: str) -> None:
    assert "unknown filter" not in refusal("{{ 'a'|" + name + " }}")
    assert "unknown filter" in refusal("{{ 'a'|no_" + name + " }}")


@pytest.mark.parametrize("name", sorted(TESTS))
def test_every_test_that_we_accept_exists(name: str) -> None:
    assert "unknown test" not in refusal("{{ 'a' is " + name + " }}")
    assert "unknown test" in refusal("{{ 'a' is no_" + name + " }}")
