from typing import Any

import pytest
from rest_framework.test import APIClient

from agents_app.models import Run
from tests.agents_app.factories import (
    make_agent,
    make_provider,
    make_template_version,
)
from tests.factories import make_user, make_workspace

pytestmark = pytest.mark.django_db

AGENTS = "/api/v1/agents/"


def client_of(user: Any) -> APIClient:
    client = APIClient()
    client.force_authenticate(user)
    return client


def test_create_change_publish_and_list_versions() -> None:
    ada = make_user()
    api = client_of(ada)
    template, provider = make_template_version(ada), make_provider()
    created = api.post(
        AGENTS,
        {"name": "helper", "instructions": str(template.pk), "provider": str(provider.pk)},
        format="json",
    )
    assert created.status_code == 201, created.content
    agent = created.json()
    assert (agent["workspace"], agent["reference"], agent["last_number"]) == (
        "default",
        "default/helper",
        0,
    )
    changed = api.patch(f"{AGENTS}{agent['id']}/", {"max_steps": 3}, format="json")
    assert changed.json()["max_steps"] == 3
    published = api.post(f"{AGENTS}{agent['id']}/publish/", {"change_note": "Go"}, format="json")
    assert published.status_code == 201
    assert published.json()["manifest"]["max_steps"] == 3
    versions = api.get(f"{AGENTS}{agent['id']}/versions/").json()["results"]
    assert [(row["number"], row["change_note"]) for row in versions] == [(1, "Go")]


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"name": "No Spaces"}, 400, "request.invalid"),
        ({"name": "x", "id": "1"}, 400, "request.invalid"),
        ({"name": "x", "max_steps": 0}, 400, "request.invalid"),
        ({"name": "x", "workspace": "elsewhere"}, 400, "request.invalid"),
        ({"name": "x", "model_settings": {"unknown": 1}}, 422, "agent.settings_invalid"),
        ({"name": "taken"}, 409, "agent.name_taken"),
        ([], 400, "request.invalid"),
    ],
    ids=[
        "name",
        "unknown field",
        "range",
        "foreign workspace",
        "settings",
        "taken",
        "not an object",
    ],
)
def test_bad_input_is_a_problem_document(body: Any, status: int, code: str) -> None:
    ada = make_user()
    make_workspace("elsewhere")
    make_agent(ada, name="taken", publish=False)
    answer = client_of(ada).post(AGENTS, body, format="json")
    assert answer.status_code == status, answer.content
    assert answer["Content-Type"].startswith("application/problem+json")
    assert answer.json()["code"] == code


def test_a_foreign_relation_looks_like_one_that_does_not_exist() -> None:
    eve = make_user("eve", workspace=make_workspace("elsewhere"))
    foreign = make_provider()
    answer = client_of(eve).post(
        AGENTS, {"name": "spy", "provider": str(foreign.pk)}, format="json"
    )
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["code"] == "does_not_exist"


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("get", ""),
        ("patch", ""),
        ("delete", ""),
        ("post", "publish/"),
        ("post", "restore/"),
        ("get", "versions/"),
        ("post", "runs/"),
    ],
)
def test_a_stranger_gets_404_everywhere(method: str, path: str) -> None:
    agent = make_agent(make_user())
    stranger = client_of(make_user("eve", role=None))
    answer = getattr(stranger, method)(f"{AGENTS}{agent.pk}/{path}", {}, format="json")
    assert answer.status_code == 404
    assert stranger.get(AGENTS).json()["results"] == []


def test_a_viewer_reads_and_may_not_change_or_run() -> None:
    agent = make_agent(make_user())
    viewer = client_of(make_user("vera", role="viewer"))
    assert viewer.get(f"{AGENTS}{agent.pk}/").status_code == 200
    changed = viewer.patch(f"{AGENTS}{agent.pk}/", {"title": "Mine"}, format="json")
    started = viewer.post(f"{AGENTS}{agent.pk}/runs/", {"input": "hi"}, format="json")
    assert (changed.status_code, started.status_code) == (403, 403)


def test_lists_filter_search_and_order() -> None:
    ada = make_user()
    make_agent(ada, name="alpha", description="Sorts mail")
    make_agent(ada, name="beta", publish=False)
    api = client_of(ada)

    def names(query: str) -> list[str]:
        return [row["name"] for row in api.get(f"{AGENTS}?{query}").json()["results"]]

    assert names("ordering=name") == ["alpha", "beta"]
    assert names("ordering=-name") == ["beta", "alpha"]
    assert names("search=mail") == ["alpha"]
    assert names("is_published=false") == ["beta"]
    assert names("name=beta") == ["beta"]
    assert api.get(f"{AGENTS}?ordering=secret").json()["code"] == "request.ordering"
    assert api.get(f"{AGENTS}?page_size=0").json()["code"] == "request.page_size"


def test_archived_agents_leave_the_list_and_come_back() -> None:
    ada = make_user()
    agent = make_agent(ada)
    api = client_of(ada)
    assert api.delete(f"{AGENTS}{agent.pk}/").status_code == 204
    assert api.get(AGENTS).json()["results"] == []
    assert len(api.get(f"{AGENTS}?is_archived=true").json()["results"]) == 1
    assert api.post(f"{AGENTS}{agent.pk}/restore/").status_code == 200
    assert len(api.get(AGENTS).json()["results"]) == 1


def test_an_idempotency_key_starts_one_run() -> None:
    ada = make_user()
    agent = make_agent(ada)
    api = client_of(ada)
    url = f"{AGENTS}{agent.pk}/runs/"
    first = api.post(url, {"input": "hi"}, format="json", headers={"Idempotency-Key": "k1"})
    again = api.post(url, {"input": "hi"}, format="json", headers={"Idempotency-Key": "k1"})
    other = api.post(url, {"input": "ho"}, format="json", headers={"Idempotency-Key": "k1"})
    assert (first.status_code, again.status_code, other.status_code) == (201, 201, 422)
    assert first.json()["id"] == again.json()["id"]
    assert again["Idempotency-Replayed"] == "true"
    assert other.json()["code"] == "idempotency.body_differs"
    assert Run.objects.count() == 1


def test_a_wrong_variable_is_named() -> None:
    ada = make_user()
    template = make_template_version(
        ada, body="You are {{ who }}.", variables=[{"name": "who", "type": "string"}]
    )
    agent = make_agent(ada, instructions=template)
    answer = client_of(ada).post(f"{AGENTS}{agent.pk}/runs/", {"input": "hi"}, format="json")
    assert answer.status_code == 422
    assert answer.json()["code"] == "variables.missing"
    assert answer.json()["errors"][0]["field"] == "who"


def test_listing_agents_takes_a_fixed_number_of_queries(django_assert_num_queries: Any) -> None:
    ada = make_user()
    for number in range(3):
        make_agent(ada, name=f"agent-{number}")
    api = client_of(ada)
    with django_assert_num_queries(3):
        assert len(api.get(AGENTS).json()["results"]) == 3
