"""Endpoints of tools: each one for its owner, a stranger and bad input."""

from typing import Any
from uuid import uuid4

import pytest
from aiohttp import web
from asgiref.sync import sync_to_async
from django.contrib.auth.models import User
from pytest_django.fixtures import Settings
from rest_framework.test import APIClient

from tests.config.common.egress_server import serve
from tests.factories import make_user, make_workspace
from tests.tools_app.factories import CITY_PARAMETERS, make_function_tool, make_http_tool
from tools_app.models import Tool
from workspaces_app.services.secrets import store_secret

pytestmark = pytest.mark.django_db

URL = "/api/v1/tools/"
HTTP_TOOL: dict[str, Any] = {
    "name": "city",
    "kind": "http",
    "title": "City",
    "description": "Look a city up.",
    "effect": "read",
    "parameters": CITY_PARAMETERS,
    "config": {"method": "GET", "url": "https://api.example.com/cities/{city}"},
}


def client(user: User) -> APIClient:
    api = APIClient()
    api.force_authenticate(user)
    return api


def assert_problem(response: Any, status: int, code: str) -> dict[str, Any]:
    assert response.status_code == status, response.content
    assert response["Content-Type"].startswith("application/problem+json")
    problem: dict[str, Any] = response.json()
    assert problem["code"] == code
    return problem


def test_an_http_tool_is_created_and_read() -> None:
    api = client(make_user())

    created = api.post(URL, HTTP_TOOL, format="json")
    assert created.status_code == 201, created.content
    answer = created.json()
    assert answer | HTTP_TOOL == answer
    assert answer["reference"] == "default/city"
    assert answer["version"] == 1
    assert (answer["timeout_s"], answer["max_output_bytes"]) == (30.0, 65_536)
    assert answer["secret"] is None

    read = api.get(f"{URL}{answer['id']}/")
    assert read.json() == answer


def test_a_function_tool_needs_only_the_name_of_its_function() -> None:
    response = client(make_user()).post(
        URL,
        {"name": "sums", "kind": "function", "config": {"function": "calculator"}},
        format="json",
    )

    assert response.status_code == 201, response.content
    assert response.json()["effect"] == "read"
    assert response.json()["parameters"]["required"] == ["expression"]


@pytest.mark.parametrize(
    ("changes", "status", "code"),
    [
        ({"surprise": 1}, 400, "request.invalid"),
        ({"kind": "shell"}, 400, "request.invalid"),
        ({"name": None}, 400, "request.invalid"),
        ({"config": []}, 400, "request.invalid"),
        ({"parameters": "x"}, 400, "request.invalid"),
        ({"timeout_s": 0}, 400, "request.invalid"),
        ({"timeout_s": 1e9}, 400, "request.invalid"),
        ({"effect": "harmless"}, 400, "request.invalid"),
        ({"secret": "unknown"}, 400, "request.invalid"),
        ({"workspace": "elsewhere"}, 400, "request.invalid"),
        ({"name": "Not a name"}, 422, "request.meaningless"),
        ({"parameters": {"type": "string"}}, 422, "tool.schema_invalid"),
        ({"config": {"url": "https://{city}.example.com"}}, 422, "tool.config_invalid"),
        ({"config": {"url": "http://10.0.0.1/{city}"}}, 422, "egress.address_refused"),
    ],
)
def test_bad_input_is_a_problem_with_a_code(
    changes: dict[str, Any], status: int, code: str
) -> None:
    response = client(make_user()).post(URL, {**HTTP_TOOL, **changes}, format="json")

    assert_problem(response, status, code)
    assert not Tool.objects.exists()


def test_an_error_in_the_schema_names_its_place() -> None:
    schema = {"type": "object", "properties": {"city": {"type": "strin"}}}

    response = client(make_user()).post(URL, {**HTTP_TOOL, "parameters": schema}, format="json")

    problem = assert_problem(response, 422, "tool.schema_invalid")
    assert problem["errors"][0]["field"] == "parameters/properties/city/type"


def test_a_taken_name_is_a_conflict() -> None:
    ada = make_user()
    make_http_tool(ada)

    assert_problem(client(ada).post(URL, HTTP_TOOL, format="json"), 409, "tool.name_taken")


def test_a_change_of_some_parts_keeps_the_others_and_makes_a_version() -> None:
    ada = make_user()
    api = client(ada)
    tool = make_http_tool(ada)

    response = api.patch(f"{URL}{tool.pk}/", {"description": "Find a city."}, format="json")

    answer = response.json()
    assert response.status_code == 200, response.content
    assert answer["version"] == 2
    assert answer["description"] == "Find a city."
    assert answer["parameters"] == CITY_PARAMETERS
    assert answer["effect"] == "read"
    renamed = api.patch(f"{URL}{tool.pk}/", {"title": "Cities"}, format="json").json()
    assert (renamed["title"], renamed["version"]) == ("Cities", 2)


def test_versions_are_listed_newest_first() -> None:
    ada = make_user()
    api = client(ada)
    tool = make_http_tool(ada)
    api.patch(f"{URL}{tool.pk}/", {"effect": "write"}, format="json")

    versions = api.get(f"{URL}{tool.pk}/versions/").json()["results"]

    assert [(row["number"], row["effect"], row["created_by"]) for row in versions] == [
        (2, "write", "ada"),
        (1, "read", "ada"),
    ]


def test_the_secret_is_named_and_never_shown() -> None:
    admin = make_user("root", role="admin")
    store_secret(
        admin,
        workspace=make_workspace(),
        name="city-key",
        value="sk-CANARY-123456",
        origin="https://api.example.com",
    )

    response = client(make_user()).post(URL, {**HTTP_TOOL, "secret": "city-key"}, format="json")

    assert response.status_code == 201, response.content
    assert response.json()["secret"] == "city-key"
    assert b"CANARY" not in response.content
    moved = client(admin).patch(
        f"{URL}{response.json()['id']}/",
        {"config": {"url": "https://evil.example/{city}"}},
        format="json",
    )
    assert_problem(moved, 422, "tool.secret_origin_mismatch")


def test_an_archived_tool_leaves_the_list_and_comes_back() -> None:
    ada = make_user()
    api = client(ada)
    tool = make_http_tool(ada)

    assert api.delete(f"{URL}{tool.pk}/").status_code == 204
    assert api.get(URL).json()["results"] == []
    assert [row["name"] for row in api.get(URL, {"archived": "true"}).json()["results"]] == ["city"]
    changed = api.patch(f"{URL}{tool.pk}/", {"title": "x"}, format="json")
    assert_problem(changed, 409, "tool.archived")
    assert api.post(f"{URL}{tool.pk}/restore/").json()["archived_at"] is None


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ({"kind": "http"}, ["city"]),
        ({"effect": "read"}, ["calculator", "city"]),
        ({"effect": "write"}, []),
        ({"search": "calc"}, ["calculator"]),
        ({"workspace": "default", "ordering": "-name"}, ["city", "calculator"]),
        ({"workspace": "elsewhere"}, []),
    ],
)
def test_lists_are_filtered(query: dict[str, str], names: list[str]) -> None:
    ada = make_user()
    make_http_tool(ada)
    make_function_tool(ada)

    rows = client(ada).get(URL, {"ordering": "name", **query}).json()["results"]

    assert [row["name"] for row in rows] == names


def test_a_list_costs_the_same_for_any_number_of_tools(django_assert_num_queries: Any) -> None:
    ada = make_user()
    for number in range(5):
        make_http_tool(ada, f"city-{number}")
    api = client(ada)

    with django_assert_num_queries(2):
        assert len(api.get(URL).json()["results"]) == 5


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("get", "", None),
        ("patch", "", {"title": "x"}),
        ("delete", "", None),
        ("get", "versions/", None),
        ("post", "restore/", {}),
        ("post", "try/", {"arguments": {}}),
    ],
)
def test_a_stranger_finds_nothing_and_a_viewer_may_only_look(
    method: str, path: str, body: Any
) -> None:
    tool = make_http_tool(make_user())
    viewer = make_user("vic", role="viewer")
    stranger = make_user("eve", role=None)
    address = f"{URL}{tool.pk}/{path}"

    refused = getattr(client(stranger), method)(address, body, format="json")
    seen = getattr(client(viewer), method)(address, body, format="json")

    assert_problem(refused, 404, "object.not_found")
    assert client(stranger).get(URL).json()["results"] == []
    assert seen.status_code == (200 if method == "get" else 403)


def test_an_unknown_tool_is_not_found() -> None:
    assert_problem(client(make_user()).get(f"{URL}{uuid4()}/"), 404, "object.not_found")


def test_a_trial_of_a_function_answers_what_the_model_would_read() -> None:
    tool = make_function_tool(make_user())
    runner = client(make_user("run", role="runner"))

    answer = runner.post(
        f"{URL}{tool.pk}/try/", {"arguments": {"expression": "6 * 7"}}, format="json"
    ).json()

    assert answer.pop("duration_ms") >= 0
    assert answer == {
        "outcome": "succeeded",
        "output": "42",
        "error": None,
        "is_truncated": False,
        "size_bytes": 2,
    }


@pytest.mark.parametrize("body", [{"arguments": []}, {"arguments": "x"}, {"other": 1}])
def test_a_trial_needs_an_object(body: Any) -> None:
    ada = make_user()
    tool = make_function_tool(ada)

    response = client(ada).post(f"{URL}{tool.pk}/try/", body, format="json")

    assert_problem(response, 400, "request.invalid")


@pytest.mark.django_db(transaction=True)
async def test_a_trial_of_an_http_tool_calls_the_real_server(settings: Settings) -> None:
    async def handler(request: web.Request) -> web.Response:
        return web.json_response({"path": request.path})

    def run_trial(port: int) -> Any:
        settings.EGRESS_ALLOW = [f"127.0.0.1:{port}"]
        api = client(make_user())
        config = {"url": f"http://127.0.0.1:{port}/cities/{{city}}"}
        tool = api.post(URL, {**HTTP_TOOL, "config": config}, format="json").json()
        return api.post(
            f"{URL}{tool['id']}/try/", {"arguments": {"city": "Rome"}}, format="json"
        ).json()

    async with serve(handler) as port:
        answer = await sync_to_async(run_trial, thread_sensitive=False)(port)

    assert (answer["outcome"], answer["output"]) == ("succeeded", '{"path":"/cities/Rome"}')


def test_installed_functions_are_listed_with_their_schema() -> None:
    rows = client(make_user()).get("/api/v1/tool-functions/").json()

    by_name = {row["name"]: row for row in rows}
    assert list(by_name) == sorted(by_name)
    assert by_name["calculator"]["effect"] == "read"
    assert by_name["calculator"]["parameters"]["properties"]["expression"]["type"] == "string"
    assert APIClient().get("/api/v1/tool-functions/").status_code == 401
