"""The console's pages of tools save through the services and show where input is wrong."""

import json
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.contrib.messages import get_messages
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from tests.factories import make_user, make_workspace
from tests.tools_app.factories import (
    CITY_PARAMETERS,
    http_draft,
    make_function_tool,
    make_http_tool,
)
from tools_app.models import Tool
from tools_app.services import archive_tool, latest_version
from workspaces_app.services.secrets import store_secret

pytestmark = pytest.mark.django_db

LIST = "/admin/tools_app/tool/"


def staff(username: str = "ada", role: str | None = "editor") -> User:
    """Return a member of staff who may use every page of tools, within their own rights."""
    user = make_user(username, role=role, staff=True)
    user.user_permissions.set(Permission.objects.filter(content_type__app_label="tools_app"))
    return user


def client(user: User) -> Client:
    browser = Client()
    browser.force_login(user)
    return browser


def http_form(**changes: str) -> dict[str, str]:
    """Return the form of an HTTP tool as the browser sends it."""
    return {
        "kind": "http",
        "workspace": str(make_workspace().pk),
        "name": "city",
        "title": "City",
        "visibility": "private",
        "description": "Look a city up.",
        "parameters": json.dumps(CITY_PARAMETERS),
        "method": "POST",
        "secret": "",
        "url": "https://api.example.com/cities/{city}",
        "query": "lang=en\n\nq={city}",
        "headers": "Accept: application/json",
        "body": '{"name": "{city}"}',
        "effect": "idempotent",
        "timeout_s": "12.5",
        "max_output_bytes": "1000",
        **changes,
    }


def change_form(tool: Tool, **changes: str) -> dict[str, str]:
    form = http_form(**changes)
    del form["workspace"], form["name"]
    return form | {
        "versions-TOTAL_FORMS": "0",
        "versions-INITIAL_FORMS": "0",
        "versions-MIN_NUM_FORMS": "0",
        "versions-MAX_NUM_FORMS": "0",
    }


def errors_of(response: Any) -> dict[str, list[str]]:
    assert response.status_code == 200, response.content
    return dict(response.context["adminform"].form.errors)


def test_an_http_tool_is_created_from_what_people_type() -> None:
    response = client(staff()).post(f"{LIST}add/?kind=http", http_form())

    assert response.status_code == 302, errors_of(response)
    tool = Tool.objects.get()
    version = latest_version(tool)
    assert (tool.reference, tool.title, tool.kind) == ("default/city", "City", "http")
    assert version.config == {
        "method": "POST",
        "url": "https://api.example.com/cities/{city}",
        "query": {"lang": "en", "q": "{city}"},
        "headers": {"Accept": "application/json"},
        "body": {"name": "{city}"},
    }
    assert version.parameters == CITY_PARAMETERS
    assert (version.effect, version.timeout_s, version.max_output_bytes) == (
        "idempotent",
        12.5,
        1000,
    )


def test_a_function_tool_is_created_with_what_the_function_declares() -> None:
    form = {
        name: value
        for name, value in http_form(kind="function", effect="", timeout_s="5").items()
        if name in {"kind", "workspace", "visibility", "effect", "timeout_s", "max_output_bytes"}
    }
    form |= {"name": "sums", "title": "", "description": "", "function": "calculator"}

    response = client(staff()).post(f"{LIST}add/?kind=function", form)

    assert response.status_code == 302, errors_of(response)
    version = latest_version(Tool.objects.get())
    assert version.config == {"function": "calculator"}
    assert version.effect == "read"
    assert version.description.startswith("Calculate the value")


@pytest.mark.parametrize(
    ("changes", "field", "message"),
    [
        ({"name": "Not a name"}, "name", "lower-case letters"),
        ({"parameters": '{"type": "object",}'}, "parameters", "Line 1: The text is not valid JSON"),
        ({"parameters": "[]"}, "parameters", "must be a JSON object"),
        (
            {"parameters": '{"type":"object","properties":{"city":{"type":"strin"}}}'},
            "parameters",
            "At /properties/city/type: The schema is not valid",
        ),
        ({"url": "https://{city}.example.com/"}, "url", "fixed host"),
        ({"url": "http://10.0.0.1/{city}"}, "url", "a private network"),
        ({"url": "https://api.example.com/{town}"}, "url", "'town'"),
        ({"headers": "Host: internal"}, "headers", "may not be set"),
        ({"headers": "no colon"}, "headers", "Line 1: write each name once"),
        ({"query": "a=1\na=2"}, "query", "Line 2: write each name once"),
        ({"body": "{"}, "body", "Line 1"),
        ({"body": '{"a": "{town}"}'}, "body", "'town'"),
        ({"effect": "harmless"}, "effect", "valid choice"),
        ({"timeout_s": "1e9"}, "timeout_s", "between 0.1 and 60"),
        ({"max_output_bytes": "1"}, "max_output_bytes", "between 256"),
        ({"description": ""}, "description", "required"),
    ],
)
def test_each_error_stands_at_its_field(changes: dict[str, str], field: str, message: str) -> None:
    response = client(staff()).post(f"{LIST}add/?kind=http", http_form(**changes))

    assert message in " ".join(errors_of(response)[field])
    assert not Tool.objects.exists()


def test_a_taken_name_stands_at_the_name() -> None:
    ada = staff()
    make_http_tool(ada)

    response = client(ada).post(f"{LIST}add/?kind=http", http_form())

    assert "already has a tool 'city'" in " ".join(errors_of(response)["name"])


def test_the_form_of_a_stored_tool_saves_back_what_it_shows() -> None:
    ada = staff()
    browser = client(ada)
    browser.post(f"{LIST}add/?kind=http", http_form())
    tool = Tool.objects.get()
    address = f"{LIST}{tool.pk}/change/"

    shown = browser.get(address).context["adminform"].form
    texts = {name: str(shown[name].value() or "") for name in http_form() if name in shown.fields}
    unchanged = browser.post(address, change_form(tool, **texts))
    assert unchanged.status_code == 302, errors_of(unchanged)
    tool.refresh_from_db()
    assert tool.last_number == 1

    changed = browser.post(address, change_form(tool, **{**texts, "url": "https://b.example/"}))
    assert changed.status_code == 302, errors_of(changed)
    tool.refresh_from_db()
    assert tool.last_number == 2


def test_a_secret_of_another_address_stands_at_the_secret() -> None:
    ada = staff()
    secret = store_secret(
        make_user("root", role="admin"),
        workspace=make_workspace(),
        name="key",
        value="sk-CANARY-123456",
        origin="https://other.example",
    )

    response = client(ada).post(f"{LIST}add/?kind=http", http_form(secret=str(secret.pk)))

    assert "may only be sent to https://other.example" in " ".join(errors_of(response)["secret"])
    assert b"CANARY" not in response.content


def test_the_list_costs_the_same_for_any_number_of_tools() -> None:
    ada = staff()
    browser = client(ada)
    counts = []
    for number in range(3):
        make_http_tool(ada, f"city-{number}")
        with CaptureQueriesContext(connection) as queries:
            browser.get(LIST)
        counts.append(len(queries))

    assert counts[1] == counts[2]


def test_the_list_shows_kind_effect_and_version() -> None:
    ada = staff()
    browser = client(ada)
    for number in range(4):
        make_http_tool(ada, f"city-{number}", draft=http_draft(effect="irreversible"))
    make_function_tool(ada)
    archive_tool(ada, tool=make_http_tool(ada, "gone"))
    make_http_tool(make_user("eve", workspace=make_workspace("elsewhere")), "foreign", workspace=make_workspace("elsewhere"))  # fmt: skip

    page = browser.get(LIST).content.decode()

    assert "default/city-3" in page
    assert "Irreversible" in page
    assert "Python function" in page
    assert "default/gone" not in page
    assert "foreign" not in page
    assert "default/gone" in browser.get(LIST, {"state": "archived"}).content.decode()
    reads = browser.get(LIST, {"effect": "read"}).content.decode()
    assert "default/calculator" in reads
    assert "default/city-1" not in reads


@pytest.mark.parametrize("kind", ["http", "function"])
def test_the_page_of_a_new_tool_offers_both_kinds(kind: str) -> None:
    page = client(staff()).get(f"{LIST}add/", {"kind": kind}).content.decode()

    assert f'href="?kind={kind}" aria-current="page"' in page
    assert ('name="url"' in page) == (kind == "http")
    assert ('name="function"' in page) == (kind == "function")
    assert "tool-trial" not in page


def test_the_page_of_a_tool_has_a_trial_for_its_schema() -> None:
    ada = staff()
    tool = make_http_tool(ada, draft=http_draft(effect="write"))

    page = client(ada).get(f"{LIST}{tool.pk}/change/").content.decode()

    assert f'data-url="/api/v1/tools/{tool.pk}/try/"' in page
    assert "&quot;city&quot;" in page
    assert "The call is real" in page


def test_a_viewer_looks_and_cannot_change_or_try() -> None:
    tool = make_http_tool(make_user())
    browser = client(staff("vic", role="viewer"))

    page = browser.get(f"{LIST}{tool.pk}/change/")

    assert page.status_code == 200
    assert b"data-url=" not in page.content
    assert browser.post(f"{LIST}{tool.pk}/change/", change_form(tool)).status_code == 403


def test_a_stranger_on_the_staff_finds_no_tool() -> None:
    tool = make_http_tool(make_user())

    response = client(staff("eve", role=None)).get(f"{LIST}{tool.pk}/change/")

    assert response.status_code == 302
    assert response["Location"] == "/admin/"


def test_deleting_archives_and_the_action_restores() -> None:
    ada = staff()
    browser = client(ada)
    tool = make_http_tool(ada)

    browser.post(f"{LIST}{tool.pk}/delete/", {"post": "yes"})
    assert not Tool.objects.active().exists()

    response = browser.post(
        f"{LIST}?state=archived", {"action": "restore", "_selected_action": [str(tool.pk)]}
    )
    assert Tool.objects.active().get() == tool
    said = [str(message) for message in get_messages(response.wsgi_request)]
    assert said[-1] == "default/city is back."
