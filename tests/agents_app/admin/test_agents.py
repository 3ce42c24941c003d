import json
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from agents_app.models import Agent, AgentShare
from agents_app.services.definitions import update_agent
from tests.agents_app.admin.scenes import (
    browser_of,
    finish,
    make_agent,
    make_instructions,
    make_provider,
    make_run,
)
from tests.factories import make_user, make_workspace
from workspaces_app.models import AuditEvent, ModelProvider

pytestmark = pytest.mark.django_db

LIST = "/admin/agents_app/agent/"
EMPTY_FORMSETS = {
    f"{prefix}-{name}": "0"
    for prefix in ("versions", "shares")
    for name in ("TOTAL_FORMS", "INITIAL_FORMS")
}


def data(client: Client, agent: Agent, page: str = "build", query: str = "") -> dict[str, Any]:
    response = client.get(f"{LIST}{agent.pk}/{page}/{query}")
    assert response.status_code == 200
    return {"builder": response.context.get("builder_data"), "chat": response.context["chat_data"]}


def test_the_list_shows_version_model_and_uses() -> None:
    ada = make_user(staff=True)
    make_agent(ada, "refunds", model="orion-mini")
    text = browser_of(ada).get(LIST).text
    assert "default/refunds" in text
    assert "orion-mini" in text
    assert "v1" in text


def test_the_list_takes_the_same_queries_for_more_agents() -> None:
    ada = make_user(staff=True)
    client = browser_of(ada)
    finish(make_run(ada, make_agent(ada, "first")))
    client.get(LIST)
    with CaptureQueriesContext(connection) as few:
        client.get(LIST)
    for number in range(4):
        finish(make_run(ada, make_agent(ada, f"more-{number}")))
    with CaptureQueriesContext(connection) as many:
        client.get(LIST)
    assert len(many) == len(few)


def test_a_new_agent_is_made_by_the_service_and_opens_in_the_builder() -> None:
    ada = make_user(staff=True)
    form = {
        "workspace": make_workspace().pk,
        "name": "refunds",
        "title": "Refunds",
        "description": "",
    }
    response = browser_of(ada).post(f"{LIST}add/", form)
    agent = Agent.objects.get(name="refunds")
    assert response["Location"] == f"{LIST}{agent.pk}/build/"
    assert agent.created_by == ada
    assert AuditEvent.objects.filter(action="agent.created", object_id=str(agent.pk)).count() == 1


def test_a_taken_name_is_shown_beside_the_name() -> None:
    ada = make_user(staff=True)
    make_agent(ada, "refunds")
    form = {"workspace": make_workspace().pk, "name": "refunds", "title": "", "description": ""}
    response = browser_of(ada).post(f"{LIST}add/", form)
    assert "already has an agent" in str(response.context["adminform"].form.errors["name"])


def test_the_form_saves_the_draft_and_shows_what_the_service_refuses() -> None:
    ada = make_user(staff=True)
    agent = make_agent(ada)
    form = {
        **EMPTY_FORMSETS,
        "name": agent.name,
        "title": "Renamed",
        "description": "",
        "visibility": "private",
        "instructions": agent.instructions_id,
        "variables": "{}",
        "provider": agent.provider_id,
        "model": "",
        "model_settings": '{"temperature": 9}',
        "first_tool": "",
        "context_tokens": "0",
        "max_steps": "10",
    }
    client = browser_of(ada)
    refused = client.post(f"{LIST}{agent.pk}/change/", form)
    assert "from 0 to 2" in str(refused.context["adminform"].form.errors)
    agent.refresh_from_db()
    assert agent.title == "Helper"
    saved = client.post(
        f"{LIST}{agent.pk}/change/", {**form, "model_settings": '{"temperature": 1}'}
    )
    assert saved.status_code == 302
    agent.refresh_from_db()
    assert (agent.title, agent.max_steps, agent.model_settings) == (
        "Renamed",
        10,
        {"temperature": 1},
    )


def test_a_viewer_may_look_at_the_form_but_not_send_it() -> None:
    agent = make_agent(make_user(staff=True))
    client = browser_of(make_user("vic", role="viewer", staff=True))
    assert client.get(f"{LIST}{agent.pk}/change/").status_code == 200
    assert client.post(f"{LIST}{agent.pk}/change/", {"title": "x"}).status_code == 403


def test_only_administrators_of_the_agent_share_it() -> None:
    ada, bob = make_user(staff=True), make_user("bob", role=None)
    agent = make_agent(ada)
    update_agent(ada, agent=agent, tools=[])
    form = {
        **EMPTY_FORMSETS,
        "name": agent.name,
        "title": agent.title,
        "description": "",
        "visibility": "private",
        "instructions": agent.instructions_id,
        "variables": "{}",
        "provider": agent.provider_id,
        "model": "",
        "model_settings": "{}",
        "first_tool": "",
        "context_tokens": "0",
        "max_steps": "25",
        "shares-TOTAL_FORMS": "1",
        "shares-0-user": bob.pk,
        "shares-0-role": "runner",
    }
    browser_of(ada).post(f"{LIST}{agent.pk}/change/", form)
    assert not AgentShare.objects.exists()
    root = make_user("root", role="admin", staff=True)
    browser_of(root).post(f"{LIST}{agent.pk}/change/", form)
    assert AgentShare.objects.get().user == bob
    assert AuditEvent.objects.filter(action="agent.shared", actor=root).count() == 1


def test_deleting_archives_and_says_so() -> None:
    ada = make_user(staff=True)
    agent = make_agent(ada)
    run = finish(make_run(ada, agent))
    client = browser_of(ada)
    assert "its runs and versions stay" in client.get(f"{LIST}{agent.pk}/delete/").text
    client.post(f"{LIST}{agent.pk}/delete/", {"post": "yes"})
    agent.refresh_from_db()
    assert agent.archived_at is not None
    assert type(run).objects.filter(pk=run.pk).exists()


def test_the_builder_has_the_draft_and_what_it_may_be_made_of() -> None:
    ada = make_user(staff=True)
    agent = make_agent(
        ada,
        instructions=make_instructions(ada, body="Sell {{ product }}."),
        variables={"product": "x"},
    )
    ModelProvider.objects.create(
        workspace=make_workspace("elsewhere"), name="foreign", default_model="m"
    )
    builder = data(browser_of(ada), agent)["builder"]
    assert builder["draft"]["variables"] == {"product": "x"}
    assert [option["title"] for option in builder["templates"]] == ["Voice"]
    assert builder["templates"][0]["variables"][0]["name"] == "product"
    assert [option["title"] for option in builder["providers"]] == ["Server"]
    assert (builder["version"], builder["draft_is_newer"], builder["can_edit"]) == (1, False, True)


def test_the_builder_tells_a_changed_draft_and_a_viewer() -> None:
    ada = make_user(staff=True)
    agent = make_agent(ada)
    update_agent(ada, agent=agent, max_steps=3)
    assert data(browser_of(ada), agent)["builder"]["draft_is_newer"] is True
    viewer = browser_of(make_user("vic", role="viewer", staff=True))
    assert data(viewer, agent)["builder"]["can_edit"] is False


def test_text_of_a_draft_cannot_leave_its_script() -> None:
    ada = make_user(staff=True)
    agent = make_agent(ada, description="</script><script>alert(1)</script>")
    assert "<script>alert(1)" not in browser_of(ada).get(f"{LIST}{agent.pk}/build/").text


def test_the_preview_renders_with_the_values_of_the_draft() -> None:
    ada = make_user(staff=True)
    version = make_instructions(ada, body="Sell {{ product }}.")
    agent = make_agent(ada, instructions=version, variables={"product": "x"})
    client = browser_of(ada)

    def preview(**values: Any) -> dict[str, str]:
        body = json.dumps({"instructions": str(version.pk), "variables": values})
        url = f"{LIST}{agent.pk}/build/preview/"
        answer: dict[str, str] = client.post(url, body, content_type="application/json").json()
        return answer

    assert preview(product="tea") == {"text": "Sell tea.", "error": ""}
    assert "product" in preview()["error"]


@pytest.mark.parametrize(
    "body",
    ["", "[]", '{"instructions": "x"}', '{"instructions": "x", "variables": {}}'],
    ids=["empty", "list", "no variables", "no such version"],
)
def test_a_broken_preview_is_not_found(body: str) -> None:
    ada = make_user(staff=True)
    url = f"{LIST}{make_agent(ada).pk}/build/preview/"
    response = browser_of(ada).post(url, body, content_type="application/json")
    assert response.status_code == 404


def test_the_chat_goes_on_with_the_users_own_session_only() -> None:
    ada = make_user(staff=True)
    agent = make_agent(ada)
    run = finish(make_run(ada, agent, "How?"))
    query = f"?session={run.session_id}"
    own = data(browser_of(ada), agent, "chat", query)["chat"]
    assert (own["session"], [item["input"] for item in own["runs"]]) == (
        str(run.session_id),
        ["How?"],
    )
    assert own["purpose"] == "production"
    other = browser_of(make_user("root", superuser=True))
    assert data(other, agent, "chat", query)["chat"]["session"] is None
    assert data(other, agent, "chat", "?session=broken")["chat"]["session"] is None


def test_the_chat_names_a_demonstration_model() -> None:
    ada = make_user(staff=True)
    make_provider("server", is_demo=True)
    assert data(browser_of(ada), make_agent(ada), "chat")["chat"]["is_demo"] is True
