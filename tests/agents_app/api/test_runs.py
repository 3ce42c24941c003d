import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from django.test import Client
from rest_framework.test import APIClient

from agents_app.models import Run
from agents_app.runtime import database
from agents_app.services.runs import cancel_run
from tests.agents_app.factories import make_agent, make_run
from tests.factories import make_user
from workspaces_app.services.tokens import create_token

RUNS = "/api/v1/runs/"


def client_of(user: Any) -> APIClient:
    client = APIClient()
    client.force_authenticate(user)
    return client


@pytest.mark.django_db
def test_a_run_is_read_listed_and_cancelled_by_its_user() -> None:
    ada = make_user()
    run = make_run(ada)
    api = client_of(ada)
    shown = api.get(f"{RUNS}{run.pk}/").json()
    assert (shown["status"], shown["agent_name"], shown["version"]) == ("queued", "helper", 1)
    assert [row["id"] for row in api.get(f"{RUNS}?status=queued").json()["results"]] == [
        str(run.pk)
    ]
    assert api.get(f"{RUNS}?status=failed").json()["results"] == []
    assert api.get(f"{RUNS}?status=unheard-of").status_code == 400
    cancelled = api.post(f"{RUNS}{run.pk}/cancel/")
    assert (cancelled.status_code, cancelled.json()["status"]) == (202, "cancelled")


@pytest.mark.django_db
@pytest.mark.parametrize(("method", "path"), [("get", ""), ("post", "cancel/"), ("get", "events/")])
def test_another_member_gets_404(method: str, path: str) -> None:
    run = make_run(make_user())
    answer = getattr(client_of(make_user("bob")), method)(f"{RUNS}{run.pk}/{path}")
    assert answer.status_code == 404
    assert Run.objects.get().status == "queued"


@pytest.mark.django_db
def test_an_administrator_of_the_workspace_reads_all_runs() -> None:
    run = make_run(make_user())
    boss = make_user("boss", role="admin")
    assert client_of(boss).get(f"{RUNS}{run.pk}/").status_code == 200


@pytest.mark.django_db
def test_listing_runs_takes_a_fixed_number_of_queries(django_assert_num_queries: Any) -> None:
    ada = make_user()
    agent = make_agent(ada)
    for _ in range(5):
        make_run(ada, agent=agent)
    api = client_of(ada)
    with django_assert_num_queries(1):
        assert len(api.get(RUNS).json()["results"]) == 5


@pytest.mark.django_db(transaction=True)
def test_events_come_as_a_page_of_json() -> None:
    ada = make_user()
    run = make_run(ada)
    cancel_run(ada, run=run)
    api = client_of(ada)
    events = api.get(f"{RUNS}{run.pk}/events/").json()
    assert [(event["seq"], event["type"]) for event in events] == [
        (1, "run.queued"),
        (2, "run.cancelled"),
    ]
    assert [event["seq"] for event in api.get(f"{RUNS}{run.pk}/events/?after=1").json()] == [2]
    assert api.get(f"{RUNS}{run.pk}/events/?after=x").json()["code"] == "cursor.invalid"


@pytest.mark.django_db(transaction=True)
def test_events_stream_with_the_cursor_as_id_and_resume_after_it() -> None:
    ada = make_user()
    run = make_run(ada)
    cancel_run(ada, run=run)
    _, token = create_token(ada, name="Tests", scopes=["read"])

    def stream(**headers: str) -> str:
        answer = Client().get(
            f"{RUNS}{run.pk}/events/",
            headers={
                "Accept": "text/event-stream",
                "Authorization": f"Bearer {token}",
                **headers,
            },
        )
        assert answer["Content-Type"] == "text/event-stream"
        return asyncio.run(read(answer.streaming_content))  # type: ignore[attr-defined]  # streams

    async def read(parts: AsyncIterator[bytes]) -> str:
        try:
            return b"".join([part async for part in parts]).decode()
        finally:
            await database.close_pool()

    whole = stream()
    assert "id: 1:0\nevent: run.queued\n" in whole
    assert "id: 2:0\nevent: run.cancelled\n" in whole
    rest = stream(**{"Last-Event-ID": "1:0"})
    assert "run.queued" not in rest
    assert "event: run.cancelled" in rest


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("scopes", "status"), [(["read"], 403), (["run"], 202), (["admin"], 202), (["write"], 403)]
)
def test_cancelling_needs_the_scope_run(scopes: list[str], status: int) -> None:
    ada = make_user()
    run = make_run(ada)
    _, token = create_token(ada, name="Tests", scopes=scopes)
    answer = APIClient().post(
        f"{RUNS}{run.pk}/cancel/", headers={"Authorization": f"Bearer {token}"}
    )
    assert answer.status_code == status, answer.content


@pytest.mark.django_db
def test_without_a_token_the_answer_says_how_to_sign_in() -> None:
    answer = APIClient().get(RUNS)
    assert (answer.status_code, answer.json()["code"]) == (401, "auth.required")
