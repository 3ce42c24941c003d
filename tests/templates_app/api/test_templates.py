from typing import Any
from uuid import uuid4

import pytest
from django.contrib.auth.models import User
from rest_framework.test import APIClient

from templates_app.models import PromptTemplate, TemplateVersion
from templates_app.services import archive_template, publish_version
from tests.factories import make_user, make_workspace
from tests.templates_app.factories import make_template, make_version, variable

pytestmark = pytest.mark.django_db

URL = "/api/v1/templates/"


def client(user: User) -> APIClient:
    api = APIClient()
    api.force_authenticate(user)
    return api


def post(user: User, path: str, body: dict[str, Any] | None = None) -> Any:
    return client(user).post(path, body or {}, format="json")


def assert_problem(response: Any, status: int, code: str) -> dict[str, Any]:
    assert response.status_code == status, response.content
    assert response["Content-Type"].startswith("application/problem+json")
    problem: dict[str, Any] = response.json()
    assert problem["code"] == code
    return problem


# --- Create, read, change --------------------------------------------------------------------------


def test_a_template_is_created_with_its_variables() -> None:
    response = post(
        make_user(),
        URL,
        {
            "name": "greeting",
            "body": "\nHello {{ name }} \n",
            "tags": ["Mail"],
            "variables": [{"name": "name", "constraints": {"max_length": 9}}],
        },
    )
    assert response.status_code == 201, response.content
    created = response.json()
    assert created["reference"] == "default/greeting"
    assert created["body"] == "\nHello {{ name }} \n"
    assert created["tags"] == ["mail"]
    assert created["variables"] == [
        {
            "name": "name",
            "type": "string",
            "required": True,
            "default": None,
            "description": "",
            "example": None,
            "constraints": {"max_length": 9},
        }
    ]


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"name": "x", "surprise": 1}, 400, "request.invalid"),
        ({}, 400, "request.invalid"),
        ({"name": "x", "body": "a" * 65_537}, 400, "request.invalid"),
        ({"name": "x", "body": [5]}, 400, "request.invalid"),
        ({"name": "x", "variables": [{"name": "a", "kind": "?"}]}, 400, "request.invalid"),
        ({"name": "x", "workspace": "elsewhere"}, 400, "request.invalid"),
        ({"name": "Not a name"}, 422, "request.meaningless"),
        ({"name": "x", "variables": [{"name": "loop"}]}, 422, "variables.declaration"),
        ({"name": "x", "body": "\u202ehidden"}, 422, "template.hidden_text"),
    ],
    ids=lambda value: str(value)[:50],
)
def test_bad_input_is_a_problem_and_creates_nothing(
    body: dict[str, Any], status: int, code: str
) -> None:
    make_workspace("elsewhere")
    assert_problem(post(make_user(), URL, body), status, code)
    assert not PromptTemplate.objects.exists()


def test_a_taken_name_is_a_conflict() -> None:
    actor = make_user()
    make_template(actor)
    assert_problem(post(actor, URL, {"name": "greeting"}), 409, "template.name_taken")


def test_a_template_is_read_with_its_draft() -> None:
    actor = make_user()
    template = make_template(actor)
    body = client(actor).get(f"{URL}{template.pk}/").json()
    assert body["body"] == "Hello {{ name }}!"
    assert [item["name"] for item in body["variables"]] == ["name"]


def test_a_change_keeps_what_it_does_not_name() -> None:
    actor = make_user()
    template = make_template(actor, title="Greeting")
    response = client(actor).patch(f"{URL}{template.pk}/", {"body": "Bye"}, format="json")
    assert response.status_code == 200, response.content
    assert (response.json()["body"], response.json()["title"]) == ("Bye", "Greeting")
    assert len(response.json()["variables"]) == 1


def test_the_name_of_a_template_never_changes() -> None:
    actor = make_user()
    template = make_template(actor)
    response = client(actor).patch(f"{URL}{template.pk}/", {"name": "other"}, format="json")
    assert_problem(response, 400, "request.invalid")


# --- Strangers and roles -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("get", ""),
        ("patch", ""),
        ("delete", ""),
        ("post", "publish/"),
        ("post", "preview/"),
        ("post", "restore/"),
        ("get", "versions/"),
    ],
)
def test_a_stranger_gets_404_everywhere(method: str, path: str) -> None:
    template = make_template(make_user())
    response = getattr(client(make_user("eve", role=None)), method)(
        f"{URL}{template.pk}/{path}", **({} if method == "get" else {"data": {}, "format": "json"})
    )
    assert_problem(response, 404, "object.not_found")


@pytest.mark.parametrize("method", ["get", "post"])
def test_a_stranger_gets_404_for_versions(method: str) -> None:
    version = make_version(make_user())
    path = f"/api/v1/template-versions/{version.pk}/" + ("render/" if method == "post" else "")
    response = getattr(client(make_user("eve", role=None)), method)(path)
    assert_problem(response, 404, "object.not_found")


def test_a_stranger_sees_an_empty_list() -> None:
    make_template(make_user())
    assert client(make_user("eve", role=None)).get(URL).json()["results"] == []


def test_a_viewer_reads_but_gets_403_for_changes() -> None:
    template = make_template(make_user())
    viewer = make_user("vic", role="viewer")
    assert client(viewer).get(f"{URL}{template.pk}/").status_code == 200
    assert_problem(post(viewer, f"{URL}{template.pk}/publish/"), 403, "permission.missing")
    assert_problem(post(viewer, f"{URL}{template.pk}/preview/"), 403, "permission.missing")


def test_nobody_without_signing_in() -> None:
    assert_problem(APIClient().get(URL), 401, "auth.required")


# --- Lists ---------------------------------------------------------------------------------------------


def names(response: Any) -> list[str]:
    assert response.status_code == 200, response.content
    return [item["name"] for item in response.json()["results"]]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", ["draft", "old-hand"]),
        ("?workspace=default", ["draft", "old-hand"]),
        ("?workspace=nowhere", []),
        ("?tag=Mail", ["old-hand"]),
        ("?visibility=public", ["draft"]),
        ("?name=draft", ["draft"]),
        ("?has_versions=true", ["old-hand"]),
        ("?has_versions=false", ["draft"]),
        ("?archived=true", ["gone"]),
        ("?search=weather", ["draft"]),
        ("?ordering=-name", ["old-hand", "draft"]),
    ],
)
def test_lists_are_filtered_searched_and_ordered(query: str, expected: list[str]) -> None:
    actor = make_user()
    make_version(actor, "old-hand", tags=["mail"])
    make_template(actor, "draft", visibility="public", description="About the weather")
    archive_template(actor, template=make_template(actor, "gone"))
    found = names(client(actor).get(f"{URL}{query}"))
    assert (found if "ordering" in query else sorted(found)) == expected


@pytest.mark.parametrize("query", ["?ordering=body", "?page_size=9999", "?search=a%00b"])
def test_queries_that_nobody_understands_are_refused(query: str) -> None:
    assert client(make_user()).get(f"{URL}{query}").status_code == 400


def test_a_list_costs_the_same_however_long_it_is(django_assert_max_num_queries: Any) -> None:
    actor = make_user()
    for index in range(5):
        make_template(actor, f"t{index}")
    with django_assert_max_num_queries(3):
        response = client(actor).get(URL)
    assert len(response.json()["results"]) == 5
    assert "body" not in response.json()["results"][0]


# --- Publish, preview, render ---------------------------------------------------------------------------


def test_publishing_answers_the_version_with_its_schema() -> None:
    actor = make_user()
    template = make_template(actor)
    response = post(actor, f"{URL}{template.pk}/publish/", {"change_note": "First"})
    assert response.status_code == 201, response.content
    version = response.json()
    assert (version["number"], version["reference"]) == (1, "default/greeting@1")
    assert (version["change_note"], version["created_by"]) == ("First", "ada")
    assert version["json_schema"]["required"] == ["name"]


def test_a_draft_that_cannot_be_published_says_where() -> None:
    actor = make_user()
    template = make_template(actor, body="Hi\n{{ city }}", variables=[])
    problem = assert_problem(
        post(actor, f"{URL}{template.pk}/publish/"), 422, "template.variables_unknown"
    )
    assert (problem["line"], problem["column"]) == (2, 4)
    assert "Declare it or remove it" in problem["detail"]
    assert problem["errors"][0]["name"] == "city"


def test_a_preview_shows_an_unsaved_draft_with_its_diagnostics() -> None:
    actor = make_user()
    template = make_template(actor)
    response = post(
        actor,
        f"{URL}{template.pk}/preview/",
        {
            "body": "Dear {{ name }},\n{{ unknown }}",
            "variables": [variable("name")],
            "values": {"name": "Ada"},
        },
    )
    assert response.status_code == 200, response.content
    assert response.json()["rendered"] is None
    assert response.json()["diagnostics"][0]["line"] == 2
    response = post(actor, f"{URL}{template.pk}/preview/", {"values": {"name": "Bo"}})
    assert response.json()["rendered"]["text"] == "Hello Bo!"
    assert response.json()["diagnostics"] == []


def test_versions_are_listed_newest_first() -> None:
    actor = make_user()
    template = make_version(actor).template
    publish_version(actor, template=template)
    response = client(actor).get(f"{URL}{template.pk}/versions/")
    assert [item["number"] for item in response.json()["results"]] == [2, 1]


def test_a_version_renders_with_values() -> None:
    actor = make_user()
    version = make_version(actor)
    path = f"/api/v1/template-versions/{version.pk}/"
    assert client(actor).get(path).json()["body"] == "Hello {{ name }}!"
    response = post(actor, f"{path}render/", {"values": {"name": "Ada"}})
    assert response.status_code == 200, response.content
    assert response.json()["text"] == "Hello Ada!"
    assert response.json()["chain"] == [
        {"reference": "default/greeting@1", "version_id": str(version.pk)}
    ]


def test_wrong_values_are_a_422_that_names_each() -> None:
    actor = make_user()
    version = make_version(actor)
    response = post(
        actor, f"/api/v1/template-versions/{version.pk}/render/", {"values": {"nam": "Ada"}}
    )
    problem = assert_problem(response, 422, "variables.invalid")
    assert [(item["field"], item["code"]) for item in problem["errors"]] == [
        ("name", "variables.missing"),
        ("nam", "variables.unknown"),
    ]


def test_a_failing_template_is_a_422_with_its_place() -> None:
    actor = make_user()
    version = make_version(actor, body="a\n{{ 1/0 }}", variables=[])
    response = post(actor, f"/api/v1/template-versions/{version.pk}/render/")
    problem = assert_problem(response, 422, "template.render_failed")
    assert (problem["template"], problem["line"]) == ("default/greeting@1", 2)


def test_versions_cannot_be_changed_or_deleted() -> None:
    actor = make_user()
    version = make_version(actor)
    path = f"/api/v1/template-versions/{version.pk}/"
    assert client(actor).patch(path, {"body": "x"}, format="json").status_code == 405
    assert client(actor).delete(path).status_code == 405
    assert TemplateVersion.objects.filter(pk=version.pk).exists()


# --- Archive, restore ------------------------------------------------------------------------------------


def test_deleting_archives_and_restoring_brings_back() -> None:
    actor = make_user()
    template = make_template(actor)
    assert client(actor).delete(f"{URL}{template.pk}/").status_code == 204
    assert names(client(actor).get(URL)) == []
    restored = post(actor, f"{URL}{template.pk}/restore/")
    assert restored.json()["archived_at"] is None


def test_a_template_in_use_is_a_conflict_that_names_its_users() -> None:
    actor = make_user()
    base = make_version(actor, "base", body="x", variables=[]).template
    make_version(actor, "child", body="{% include 'base@1' %}", variables=[])
    problem = assert_problem(client(actor).delete(f"{URL}{base.pk}/"), 409, "template.in_use")
    assert "default/child" in problem["detail"]


@pytest.mark.parametrize("key", [str(uuid4()), "none"], ids=["unknown", "no id"])
def test_ids_that_do_not_exist_are_404(key: str) -> None:
    assert client(make_user()).get(f"{URL}{key}/").status_code == 404
