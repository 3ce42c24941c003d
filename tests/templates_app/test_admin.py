import json
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.contrib.messages import get_messages
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from templates_app.models import PromptTemplate, TemplateVersion
from templates_app.services import archive_template, publish_version, update_draft, variables_of
from tests.factories import make_user, make_workspace
from tests.templates_app.factories import make_template, make_version, variable
from tests.templates_app.test_one_validation import form_of

pytestmark = pytest.mark.django_db

LIST = "/admin/templates_app/prompttemplate/"


def staff(username: str = "ada", role: str | None = "editor") -> User:
    """Return a member of staff who may use every page of templates, within their own rights."""
    user = make_user(username, role=role, staff=True)
    user.user_permissions.set(Permission.objects.filter(content_type__app_label="templates_app"))
    return user


def client(user: User) -> Client:
    browser = Client()
    browser.force_login(user)
    return browser


def page(template: PromptTemplate, name: str = "change") -> str:
    return f"{LIST}{template.pk}/{name}/"


def said(response: Any) -> list[str]:
    return [str(message) for message in get_messages(response.wsgi_request)]


def draft_of(template: PromptTemplate, **changes: Any) -> dict[str, Any]:
    """Return the form of a stored template as the browser sends it back."""
    form = form_of(
        {"title": template.title, "body": template.body, "variables": variables_of(template)}
        | changes
    )
    rows = list(template.variables.all())
    form["variables-INITIAL_FORMS"] = str(len(rows))
    for index, row in enumerate(rows):
        form[f"variables-{index}-id"] = str(row.pk)
        form[f"variables-{index}-template"] = str(template.pk)
    return form


def test_the_list_shows_what_the_user_may_see() -> None:
    actor = staff()
    make_version(actor, "greeting", title="Greeting", tags=["mail"])
    archive_template(actor, template=make_template(actor, "gone"))
    other = make_user("olga", workspace=make_workspace("unseen"))
    make_template(other, "hidden", workspace=make_workspace("unseen"))
    text = client(actor).get(LIST).content.decode()
    assert "default/greeting" in text
    assert "unseen" not in text
    assert "default/gone" not in text
    assert "default/gone" in client(actor).get(f"{LIST}?state=archived").content.decode()


def test_the_list_costs_the_same_however_long_it_is(django_assert_num_queries: Any) -> None:
    actor = make_user(superuser=True)
    browser = client(actor)
    make_template(actor, "t0", tags=["a"])
    browser.get(LIST)
    with CaptureQueriesContext(connection) as short:
        browser.get(LIST)
    for index in range(1, 6):
        make_template(actor, f"t{index}", tags=["a"])
    with django_assert_num_queries(len(short)):
        browser.get(LIST)


def test_the_editor_shows_the_draft_and_its_variables() -> None:
    actor = staff()
    template = make_template(
        actor,
        body="{{ size }}",
        variables=[variable("size", "enum", constraints={"choices": ["S", "M"]})],
    )
    text = client(actor).get(page(template)).content.decode()
    assert "{{ size }}" in text
    assert 'name="variables-0-choices"' in text
    assert "S\nM</textarea>" in text
    assert "data-preview-url" in text
    assert 'type="module"' in text


def test_saving_keeps_variables_in_the_order_of_the_page_and_drops_deleted_ones() -> None:
    actor = staff()
    template = make_template(actor, variables=[variable("name"), variable("old")])
    form = draft_of(template, body="{{ name }} {{ new }}", title="New title")
    form |= {
        "variables-TOTAL_FORMS": "3",
        "variables-1-DELETE": "on",
        "variables-2-name": "new",
        "variables-2-type": "integer",
        "variables-2-default": "7",
    }
    response = client(actor).post(page(template), form)
    assert response.status_code == 302, response.content
    template.refresh_from_db()
    assert template.title == "New title"
    assert [(item["name"], item["default"]) for item in variables_of(template)] == [
        ("name", None),
        ("new", 7),
    ]


def test_errors_stand_at_the_variable_that_they_are_about() -> None:
    actor = staff()
    template = make_template(actor)
    form = draft_of(template)
    form["variables-0-name"] = "loop"
    response = client(actor).post(page(template), form)
    assert response.status_code == 200
    assert "has a meaning of its own in templates" in response.content.decode()


def test_publishing_saves_first_and_tells_the_version() -> None:
    actor = staff()
    template = make_template(actor)
    form = draft_of(template, body="Bye {{ name }}") | {"_publish": "", "change_note": "Warmer"}
    response = client(actor).post(page(template), form)
    assert said(response) == ["Published default/greeting@1."]
    version = TemplateVersion.objects.get()
    assert (version.body, version.change_note) == ("Bye {{ name }}", "Warmer")


def test_a_draft_that_cannot_be_published_is_kept_and_every_reason_shown() -> None:
    actor = staff()
    template = make_template(actor)
    form = draft_of(template, body="\n{{ city }}{{ 'a'|shout }}") | {"_publish": ""}
    response = client(actor).post(page(template), form)
    assert said(response) == [
        "The draft is saved but not published.",
        "Line 2: There is no filter 'shout'.",
        "Line 2: 'city' is not declared. Declare it or remove it from the text.",
    ]
    template.refresh_from_db()
    assert template.body == "\n{{ city }}{{ 'a'|shout }}"
    assert template.last_number == 0


def test_a_viewer_sees_the_page_but_cannot_save() -> None:
    template = make_template(make_user("owner"))
    browser = client(staff("vic", role="viewer"))
    assert browser.get(page(template)).status_code == 200
    assert browser.post(page(template), draft_of(template, title="Mine")).status_code == 403
    template.refresh_from_db()
    assert template.title == ""


@pytest.mark.parametrize("name", ["change", "versions", "delete"])
def test_a_stranger_among_the_staff_gets_no_page(name: str) -> None:
    template = make_template(make_user("owner"))
    response = client(staff("eve", role=None)).get(page(template, name))
    assert response.status_code in {302, 404}
    assert template.name not in response.content.decode()


def test_deleting_archives_and_the_action_restores() -> None:
    actor = staff()
    template = make_template(actor)
    browser = client(actor)
    browser.post(page(template, "delete"), {"post": "yes"})
    template.refresh_from_db()
    assert template.archived_at is not None
    browser.post(
        f"{LIST}?state=archived", {"action": "restore", "_selected_action": str(template.pk)}
    )
    template.refresh_from_db()
    assert template.archived_at is None


def test_a_template_in_use_is_not_deleted_and_the_page_says_why() -> None:
    actor = staff()
    base = make_version(actor, "base", body="x", variables=[]).template
    make_version(actor, "child", body="{% include 'base@1' %}", variables=[])
    response = client(actor).post(page(base, "delete"), {"post": "yes"})
    assert "default/child" in said(response)[0]
    base.refresh_from_db()
    assert base.archived_at is None


def test_the_page_of_versions_compares_two() -> None:
    actor = staff()
    template = make_version(actor, body="one\ntwo", variables=[]).template
    update_draft(actor, template=template, body="one\n2")
    publish_version(actor, template=template, change_note="A digit")
    text = client(actor).get(page(template, "versions")).content.decode()
    assert "A digit" in text
    assert '<div class="template-diff-removed">-two</div>' in text
    assert '<div class="template-diff-added">+2</div>' in text
    same = client(actor).get(page(template, "versions") + "?older=2&newer=2").content.decode()
    assert "have the same text and variables" in same


def test_versions_are_read_only() -> None:
    actor = staff()
    version = make_version(actor)
    address = f"/admin/templates_app/templateversion/{version.pk}/change/"
    assert client(actor).get(address).status_code == 200
    assert client(actor).post(address, {"body": "x"}).status_code == 403


def preview(user: User, body: Any, *, raw: bool = False) -> Any:
    return client(user).post(
        f"{LIST}preview/", body if raw else json.dumps(body), content_type="application/json"
    )


def test_the_preview_renders_the_text_in_the_form() -> None:
    actor = staff()
    template = make_template(actor)
    answer = preview(
        actor,
        {
            "template": str(template.pk),
            "body": "Dear {{ name }}, {{ n }}",
            "variables": [
                {"name": "name", "type": "string", "required": True, "maximum": "9"},
                {"name": "n", "type": "integer", "default": "3"},
            ],
            "values": {"name": "Ada"},
        },
    ).json()
    assert answer["rendered"]["text"] == "Dear Ada, 3"
    assert [item["name"] for item in answer["variables"]] == ["name", "n"]
    assert answer["diagnostics"] == []


def test_the_preview_works_before_a_template_is_saved_and_shows_problems() -> None:
    answer = preview(
        staff(), {"workspace": "default", "body": "a\n{{ x", "variables": [], "values": {}}
    )
    assert answer.status_code == 200
    assert answer.json()["rendered"] is None
    assert (answer.json()["diagnostics"][0]["code"], answer.json()["diagnostics"][0]["line"]) == (
        "template.syntax",
        2,
    )


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ("{", 400),
        ('{"a": 1, "a": 2}', 400),
        ("[]", 400),
        ('{"body": "x"}', 400),
        ('{"body": "x", "variables": ["x"], "values": {}}', 400),
        ('{"body": "x", "variables": [], "values": {}, "template": "nonsense"}', 404),
        ('{"body": "x", "variables": [], "values": {}, "workspace": "elsewhere"}', 404),
    ],
    ids=str,
)
def test_the_preview_refuses_what_it_cannot_read(body: str, status: int) -> None:
    make_workspace("elsewhere")
    response = preview(staff(), body, raw=True)
    assert response.status_code == status
    assert response.json()["detail"]


def test_the_preview_of_a_foreign_template_does_not_exist() -> None:
    template = make_template(make_user("owner"))
    body = {"template": str(template.pk), "body": "x", "variables": [], "values": {}}
    assert preview(staff("eve", role=None), body).status_code == 404
    assert preview(staff("vic", role="viewer"), body).status_code == 403
