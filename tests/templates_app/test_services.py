import threading
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import ProgrammingError, connection, transaction

from config.common.errors import Conflict, FormInvalid, NotFound, PermissionMissing
from templates_app.domain.chain import MAX_DEPTH
from templates_app.errors import (
    DeclarationsInvalid,
    TemplateInUse,
    TemplateInvalid,
    VariablesInvalid,
)
from templates_app.models import PromptTemplate, TemplateVersion
from templates_app.runtime.render.rendering import render_chain_sync
from templates_app.services import (
    archive_template,
    create_template,
    load_chain,
    preview_draft,
    preview_text,
    publish_version,
    render_version,
    restore_template,
    update_draft,
    variables_of,
)
from tests.factories import make_user, make_workspace
from tests.templates_app.factories import make_template, make_version, variable
from workspaces_app.models import AuditEvent

pytestmark = pytest.mark.django_db


# --- Drafts ------------------------------------------------------------------------------------------


def test_a_draft_keeps_its_variables_in_order() -> None:
    template = make_template(
        make_user(),
        body="{{ b }}{{ a }}",
        variables=[variable("b"), variable("a", "integer", constraints={"min": 1})],
        tags=["Support", "mail", "support "],
    )
    assert [item["name"] for item in variables_of(template)] == ["b", "a"]
    assert template.tags == ["mail", "support"]
    assert AuditEvent.objects.filter(action="template.created", object_id=template.pk).count() == 1


def test_changing_a_draft_replaces_the_whole_list_of_variables_and_nothing_unnamed() -> None:
    actor = make_user()
    template = make_template(actor, title="Greeting", tags=["mail"])
    changed = update_draft(
        actor, template=template, body="Bye {{ who }}", variables=[variable("who")]
    )
    assert [item["name"] for item in variables_of(changed)] == ["who"]
    assert (changed.title, changed.tags) == ("Greeting", ["mail"])
    event = AuditEvent.objects.get(action="template.updated")
    assert event.before is not None
    assert event.after is not None
    assert (event.before["variables"], event.after["variables"]) == (["name"], ["who"])


def test_a_draft_may_be_wrong_until_it_is_published() -> None:
    template = make_template(make_user(), body="{% if x %}", variables=[])
    assert template.body == "{% if x %}"


@pytest.mark.parametrize(
    ("draft", "error"),
    [
        ({"body": "a\0"}, TemplateInvalid),
        ({"body": "a" * 65_537}, TemplateInvalid),
        ({"body": "\u202etxt"}, TemplateInvalid),
        ({"variables": [{"name": "loop"}]}, DeclarationsInvalid),
        ({"variables": [{"name": "n", "type": "integer", "default": "x"}]}, DeclarationsInvalid),
        ({"tags": ["a" * 41]}, FormInvalid),
        ({"tags": [str(i) for i in range(21)]}, FormInvalid),
        ({"visibility": "secret"}, ValidationError),
        ({"name": "Not A Name"}, ValidationError),
        ({"title": "t" * 121}, ValidationError),
    ],
    ids=lambda value: str(value)[:40],
)
def test_what_no_draft_may_hold_is_refused_and_nothing_is_stored(
    draft: dict[str, Any], error: type[Exception]
) -> None:
    actor = make_user()
    with pytest.raises(error):
        make_template(actor, **{"name": "greeting", **draft})
    assert not PromptTemplate.objects.exists()


def test_a_name_is_taken_once_in_its_workspace() -> None:
    actor = make_user()
    make_template(actor)
    with pytest.raises(Conflict) as caught:
        make_template(actor)
    assert caught.value.code == "template.name_taken"
    other = make_workspace("other")
    superuser = make_user("root", superuser=True)
    assert make_template(superuser, workspace=other).reference == "other/greeting"


# --- Rights ------------------------------------------------------------------------------------------


def test_strangers_learn_nothing_and_viewers_change_nothing() -> None:
    template = make_template(make_user())
    with pytest.raises(NotFound):
        update_draft(make_user("eve", role=None), template=template, title="x")
    with pytest.raises(PermissionMissing):
        update_draft(make_user("vic", role="viewer"), template=template, title="x")
    with pytest.raises(PermissionMissing):
        publish_version(make_user("rob", role="runner"), template=template)
    with pytest.raises(PermissionMissing):
        create_template(make_user("val", role="viewer"), workspace=make_workspace(), name="x")


def test_runners_render_and_viewers_do_not() -> None:
    version = make_version(make_user())
    values = {"name": "Ada"}
    assert (
        render_version(make_user("rob", role="runner"), version=version, values=values).text
        == "Hello Ada!"
    )
    with pytest.raises(PermissionMissing):
        render_version(make_user("vic", role="viewer"), version=version, values=values)
    with pytest.raises(PermissionMissing):
        preview_draft(make_user("val", role="viewer"), template=version.template, values=values)


def test_a_parent_must_be_visible_to_who_publishes() -> None:
    owner = make_user("olga", workspace=make_workspace("secret"))
    make_version(owner, "base", workspace=make_workspace("secret"))
    actor = make_user()
    template = make_template(actor, body="{% extends 'secret/base@1' %}", variables=[])
    with pytest.raises(TemplateInvalid) as caught:
        publish_version(actor, template=template)
    assert caught.value.code == "template.parent_unknown"


def test_a_public_parent_of_another_workspace_may_be_extended() -> None:
    owner = make_user("olga", workspace=make_workspace("lib"))
    make_version(
        owner,
        "base",
        workspace=make_workspace("lib"),
        visibility="public",
        body="[{% block a %}{% endblock %}]",
        variables=[],
    )
    version = make_version(
        make_user(), body="{% extends 'lib/base@1' %}{% block a %}x{% endblock %}", variables=[]
    )
    assert render_chain_sync(load_chain(version.pk), {}).text == "[x]"


# --- Publishing --------------------------------------------------------------------------------------


def test_publishing_freezes_the_draft_and_counts_on() -> None:
    actor = make_user()
    template = make_template(actor)
    first = publish_version(actor, template=template, change_note="First words")
    update_draft(actor, template=template, body="Goodbye {{ name }}!")
    second = publish_version(actor, template=template)
    assert [first.number, second.number] == [1, 2]
    assert (first.change_note, second.change_note) == ("First words", "")
    assert first.content_sha256 != second.content_sha256
    assert render_version(actor, version=first, values={"name": "Ada"}).text == "Hello Ada!"
    event = AuditEvent.objects.filter(action="template.published").first()
    assert event is not None
    assert event.after == {"number": 2, "content_sha256": second.content_sha256}


def test_the_database_refuses_to_change_a_version() -> None:
    version = make_version(make_user())
    with pytest.raises(ProgrammingError, match="Cannot update"), transaction.atomic():
        TemplateVersion.objects.filter(pk=version.pk).update(body="changed")


@pytest.mark.parametrize(
    ("body", "code", "line", "column"),
    [
        ("Hi\n{{ city }}", "template.variables_unknown", 2, 4),
        ("Hi {% if x %}", "template.syntax", 1, 12),
        ("{% extends 'nobody@1' %}", "template.parent_unknown", 1, 12),
        ("{% include name %}", "template.reference_dynamic", 1, 12),
        ("\n{{ 'a'|shout }}", "template.filter_unknown", 2, 8),
        (" \n", "template.empty", None, None),
        ("\ufeff", "template.empty", None, None),
        ("{{ 1" + "+1" * 30_000 + " }}", "template.too_complex", None, None),
    ],
    ids=lambda value: str(value)[:30],
)
def test_what_cannot_be_published_says_why_and_where(
    body: str, code: str, line: int | None, column: int | None
) -> None:
    actor = make_user()
    template = make_template(actor, body=body, variables=[])
    with pytest.raises(TemplateInvalid) as caught:
        publish_version(actor, template=template)
    assert caught.value.code == code
    assert (caught.value.extra.get("line"), caught.value.extra.get("column")) == (line, column)
    assert TemplateVersion.objects.count() == 0


def test_every_reason_against_publishing_is_listed() -> None:
    actor = make_user()
    template = make_template(
        actor, body="{{ city }}{{ 'a'|shout }}{% include 'nobody@1' %}{{ land }}", variables=[]
    )
    with pytest.raises(TemplateInvalid) as caught:
        publish_version(actor, template=template)
    assert [(item["code"], item["name"]) for item in caught.value.errors] == [
        ("template.filter_unknown", "shout"),
        ("template.parent_unknown", "nobody@1"),
        ("template.variables_unknown", "city"),
        ("template.variables_unknown", "land"),
    ]


@pytest.mark.django_db(transaction=True)
def test_numbers_have_no_gaps_when_many_publish_at_once() -> None:
    actor = make_user()
    template = make_template(actor)
    numbers: list[int] = []

    def publish() -> None:
        try:
            numbers.append(publish_version(actor, template=template).number)
        finally:
            connection.close()

    threads = [threading.Thread(target=publish) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(numbers) == list(range(1, 9))
    template.refresh_from_db()
    assert template.last_number == 8


# --- Chains ------------------------------------------------------------------------------------------


def test_a_child_inherits_the_text_and_the_variables_of_its_parent() -> None:
    actor = make_user()
    make_version(
        actor,
        "base",
        body="You are {{ role }}.{% block more %}{% endblock %}",
        variables=[variable("role", constraints={"max_length": 20})],
    )
    child = make_version(
        actor,
        "child",
        body="{% extends 'base@1' %}{% block more %} Be {{ tone }}, {{ role }}.{% endblock %}",
        variables=[variable("tone", default="kind")],
    )
    assert [item["name"] for item in child.variables] == ["role", "tone"]
    assert child.parent is not None
    assert child.parent.reference == "default/base@1"
    chain = load_chain(child.pk)
    assert [item.reference for item in chain.templates] == ["default/child@1", "default/base@1"]
    assert render_chain_sync(chain, {"role": "a cook"}).text == "You are a cook. Be kind, a cook."
    with pytest.raises(VariablesInvalid):
        render_chain_sync(chain, {"role": "r" * 21})


def test_a_child_may_not_widen_what_it_inherits() -> None:
    actor = make_user()
    make_version(actor, "base", body="{{ age }}", variables=[variable("age", "integer")])
    child = make_template(
        actor, "child", body="{% extends 'base@1' %}", variables=[variable("age", "string")]
    )
    with pytest.raises(TemplateInvalid) as caught:
        publish_version(actor, template=child)
    assert caught.value.code == "variables.declaration"
    assert caught.value.errors[0]["name"] == "age"


def test_a_loop_variable_feeds_an_include_and_is_no_input() -> None:
    actor = make_user()
    make_version(
        actor, "row", body="<{{ item }}{{ mark }}>", variables=[variable("item"), variable("mark")]
    )
    page = make_version(
        actor,
        "page",
        body="{% for item in entries %}{% include 'row@1' %}{% endfor %}",
        variables=[variable("entries", "list")],
    )
    assert [item["name"] for item in page.variables] == ["mark", "entries"]
    rendered = render_version(actor, version=page, values={"entries": ["a", "b"], "mark": "!"})
    assert rendered.text == "<a!><b!>"


def test_a_relative_reference_belongs_to_the_workspace_of_its_own_template() -> None:
    owner = make_user("olga", workspace=make_workspace("lib"))
    shared = {"workspace": make_workspace("lib"), "visibility": "public", "variables": []}
    make_version(owner, "part", body="from lib", **shared)
    make_version(owner, "base", body="{% include 'part@1' %}", **shared)
    actor = make_user()
    make_version(actor, "part", body="from default", variables=[])
    version = make_version(
        actor, "page", body="{% include 'lib/base@1' %}, {% include 'part@1' %}", variables=[]
    )
    assert render_version(actor, version=version, values={}).text == "from lib, from default"


def test_the_content_hash_covers_the_whole_chain() -> None:
    actor = make_user()
    parent = make_template(actor, "base", body="one", variables=[])
    publish_version(actor, template=parent)
    update_draft(actor, template=parent, body="two")
    publish_version(actor, template=parent)
    hashes = {
        make_version(
            actor, name, body=f"{{% include 'base@{number}' %}}", variables=[]
        ).content_sha256
        for name, number in [("a", 1), ("b", 1), ("c", 2)]
    }
    assert len(hashes) == 2


def test_a_pinned_parent_stays_when_its_template_moves_on() -> None:
    actor = make_user()
    parent = make_template(actor, "base", body="old", variables=[])
    publish_version(actor, template=parent)
    child = make_version(actor, "child", body="{% include 'base@1' %}", variables=[])
    update_draft(actor, template=parent, body="new")
    publish_version(actor, template=parent)
    assert render_version(actor, version=child, values={}).text == "old"


def test_chains_end_at_the_published_depth() -> None:
    actor = make_user()
    make_version(actor, "t1", body="x", variables=[])
    for level in range(2, MAX_DEPTH + 1):
        make_version(actor, f"t{level}", body=f"{{% include 't{level - 1}@1' %}}", variables=[])
    version = TemplateVersion.objects.get(template__name=f"t{MAX_DEPTH}")
    assert render_version(actor, version=version, values={}).text == "x"
    with pytest.raises(TemplateInvalid) as caught:
        make_version(actor, "too-deep", body=f"{{% include 't{MAX_DEPTH}@1' %}}", variables=[])
    assert caught.value.code == "template.too_deep"


def test_an_unknown_version_has_no_chain() -> None:
    with pytest.raises(NotFound) as caught:
        load_chain(make_workspace().pk)
    assert caught.value.code == "template.version_unknown"


# --- Archiving ---------------------------------------------------------------------------------------


def test_a_template_in_use_is_not_archived_and_its_users_are_named() -> None:
    actor = make_user()
    base = make_version(actor, "base", body="x", variables=[]).template
    child = make_version(actor, "child", body="{% extends 'base@1' %}", variables=[]).template
    with pytest.raises(TemplateInUse) as caught:
        archive_template(actor, template=base)
    assert caught.value.code == "template.in_use"
    assert [item["field"] for item in caught.value.errors] == ["default/child"]
    archive_template(actor, template=child)
    assert archive_template(actor, template=base).archived_at is not None


def test_users_that_the_actor_may_not_see_are_counted_but_not_named() -> None:
    actor = make_user()
    base = make_version(actor, "base", body="x", variables=[], visibility="public").template
    other = make_user("olga", workspace=make_workspace("secret"))
    make_version(
        other,
        "hidden-plan",
        workspace=make_workspace("secret"),
        body="{% extends 'default/base@1' %}",
        variables=[],
    )
    with pytest.raises(TemplateInUse) as caught:
        archive_template(actor, template=base)
    assert "hidden-plan" not in caught.value.detail
    assert caught.value.errors == []


def test_an_archived_template_cannot_change_and_comes_back_with_its_name() -> None:
    actor = make_user()
    template = archive_template(actor, template=make_template(actor))
    with pytest.raises(Conflict) as caught:
        update_draft(actor, template=template, title="x")
    assert caught.value.code == "template.archived"
    restored = restore_template(actor, template=template)
    assert restored.archived_at is None


def test_restoring_is_refused_when_the_name_is_taken_by_now() -> None:
    actor = make_user()
    template = archive_template(actor, template=make_template(actor))
    make_template(actor)
    with pytest.raises(Conflict) as caught:
        restore_template(actor, template=template)
    assert caught.value.code == "template.name_taken"


def test_what_pins_an_archived_template_still_renders() -> None:
    actor = make_user()
    version = make_version(actor)
    archive_template(actor, template=version.template)
    assert render_version(actor, version=version, values={"name": "Ada"}).text == "Hello Ada!"


# --- Previews ----------------------------------------------------------------------------------------


def test_a_preview_renders_the_draft_without_publishing() -> None:
    actor = make_user()
    preview = preview_draft(actor, template=make_template(actor), values={"name": "Ada"})
    assert preview.rendered is not None
    assert preview.rendered.text == "Hello Ada!"
    assert preview.diagnostics == []
    assert TemplateVersion.objects.count() == 0


def test_a_preview_takes_an_unsaved_text_and_reports_everything() -> None:
    actor = make_user()
    preview = preview_draft(
        actor,
        template=make_template(actor),
        body="{{ name }} {{ city }}",
        variables=[variable("name"), variable("idle")],
        values={},
    )
    assert preview.rendered is None
    assert [(item.severity, item.code, item.name) for item in preview.diagnostics] == [
        ("error", "template.variables_unknown", "city"),
        ("warning", "template.variable_unused", "idle"),
    ]


def test_a_preview_names_missing_values_and_failures_at_run_time() -> None:
    actor = make_user()
    workspace = make_workspace()
    preview = preview_text(
        actor, workspace=workspace, body="{{ name }}", variables=[variable("name")], values={}
    )
    assert [(item.code, item.name) for item in preview.diagnostics] == [
        ("variables.missing", "name")
    ]
    preview = preview_text(actor, workspace=workspace, body="a\n{{ 1/0 }}", variables=[], values={})
    assert [(item.code, item.line) for item in preview.diagnostics] == [
        ("template.render_failed", 2)
    ]


def test_a_preview_shows_the_inputs_of_the_whole_chain() -> None:
    actor = make_user()
    make_version(actor, "base", body="{{ role }}", variables=[variable("role")])
    preview = preview_text(
        actor,
        workspace=make_workspace(),
        body="{% extends 'base@1' %}",
        variables=[],
        values={"role": "cook"},
    )
    assert [item.name for item in preview.declarations] == ["role"]
    assert preview.rendered is not None
    assert [item["reference"] for item in preview.rendered.chain] == [
        "default/unsaved@draft",
        "default/base@1",
    ]
