import json
from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from agents_app.models import Run
from config.common.uuid7 import created_at, uuid7
from config.console.dashboard import first_id_at
from tests.agents_app.admin.scenes import browser_of, finish, make_agent, make_provider, make_run
from tests.factories import make_user, make_workspace

pytestmark = pytest.mark.django_db


def stats(client: Client) -> dict[str, tuple[str, str]]:
    response = client.get("/admin/")
    return {stat.label: (stat.value, stat.note) for stat in response.context["stats"]}


def test_an_empty_installation_shows_what_to_do_first() -> None:
    response = browser_of(make_user(superuser=True)).get("/admin/")
    assert [step.is_done for step in response.context["steps"]] == [False] * 5
    assert "Create your first agent" in response.text
    assert "No model is connected" in response.text
    assert "Nobody has talked to an agent yet" in response.text


def test_the_numbers_count_agents_runs_failures_and_the_median() -> None:
    ada = make_user(staff=True)
    agent = make_agent(ada)
    make_agent(ada, "draft", is_published=False)
    for seconds in (1.0, 2.0, 9.0):
        finish(make_run(ada, agent), seconds=seconds)
    finish(make_run(ada, agent), "failed")
    Run.objects.filter(pk=make_run(ada, agent).pk).update(status="running", attempt=1)
    numbers = stats(browser_of(ada))
    assert numbers["Runs in 24 hours"] == ("5", "1 failed")
    assert numbers["Running now"] == ("1", "being answered")
    assert numbers["Median answer"][0] == "2.0 s"
    assert numbers["Agents"] == ("2", "1 published, 1 version")
    assert numbers["Failure rate"][0] == "20%"


def test_the_chart_has_fourteen_days_and_ends_today() -> None:
    ada = make_user(staff=True)
    finish(make_run(ada, make_agent(ada)))
    chart = json.loads(browser_of(ada).get("/admin/").context["chart"])
    today = timezone.localdate()
    assert len(chart["labels"]) == 14
    assert chart["labels"][-1] == f"{today.day} {today:%b}"
    assert {series["label"]: sum(series["data"]) for series in chart["datasets"]} == {
        "Completed": 1,
        "Failed": 0,
        "Cancelled": 0,
        "Unfinished": 0,
    }


def test_a_stranger_counts_nothing_of_others() -> None:
    ada = make_user(staff=True)
    make_run(ada, make_agent(ada))
    response = browser_of(make_user("eve", role=None, staff=True)).get("/admin/")
    assert {stat.value for stat in response.context["stats"]} == {"0", "–"}
    assert response.context["runs"] == []
    assert "You are not a member of a workspace yet" in response.text


def test_a_colleague_sees_agents_but_not_the_runs_of_others() -> None:
    ada = make_user(staff=True)
    make_run(ada, make_agent(ada))
    response = browser_of(make_user("bob", staff=True)).get("/admin/")
    assert [agent.name for agent in response.context["agents"]] == ["helper"]
    assert response.context["runs"] == []


def test_the_number_of_queries_does_not_grow_with_the_rows() -> None:
    ada = make_user(staff=True)
    agent = make_agent(ada)
    finish(make_run(ada, agent))
    client = browser_of(ada)
    client.get("/admin/")
    with CaptureQueriesContext(
        connection,
    ) as few:
        client.get("/admin/")
    for number in range(5):
        finish(make_run(ada, make_agent(ada, f"more-{number}")))
    with CaptureQueriesContext(connection) as many:
        client.get("/admin/")
    assert len(many) == len(few)
    assert len(few) <= 40


def test_the_notice_of_a_demonstration_model_goes_with_a_real_one() -> None:
    client = browser_of(make_user(superuser=True))
    make_provider("local", source="local", is_demo=True)
    assert "tiny demonstration model" in client.get("/admin/").text
    make_provider("real")
    assert "tiny demonstration model" not in client.get("/admin/").text


def test_ids_are_ranges_of_time() -> None:
    identifier = uuid7()
    moment = created_at(identifier)
    assert first_id_at(moment) <= identifier < first_id_at(moment + timedelta(milliseconds=1))


def test_hostile_input_of_a_run_is_text_on_the_page() -> None:
    ada = make_user(staff=True)
    make_run(ada, make_agent(ada), "<script>alert(1)</script>")
    assert "<script>alert(1)" not in browser_of(ada).get("/admin/").text
    assert make_workspace().name == "default"
