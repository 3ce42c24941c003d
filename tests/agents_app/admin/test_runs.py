import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests.agents_app.admin.scenes import browser_of, finish, make_agent, make_run
from tests.factories import make_user

pytestmark = pytest.mark.django_db

LIST = "/admin/agents_app/run/"


def test_the_page_of_a_run_carries_its_events_in_order() -> None:
    ada = make_user(staff=True)
    run = make_run(ada, make_agent(ada), "How?")
    page = browser_of(ada).get(f"{LIST}{run.pk}/change/").context["run_data"]
    assert [(event["seq"], event["type"]) for event in page["events"]] == [(1, "run.queued")]
    assert page["events"][0]["data"]["input"] == "How?"
    assert (page["status"], page["version"], page["model"]) == ("queued", 1, "orion")
    assert page["urls"]["chat"].endswith(f"?session={run.session_id}")


def test_an_administrator_sees_a_run_but_cannot_speak_in_its_session() -> None:
    ada = make_user(staff=True)
    run = make_run(ada, make_agent(ada))
    root = browser_of(make_user("root", role="admin", staff=True))
    page = root.get(f"{LIST}{run.pk}/change/").context["run_data"]
    assert "session=" not in page["urls"]["chat"]


def test_runs_of_others_are_hidden_from_colleagues() -> None:
    ada = make_user(staff=True)
    run = make_run(ada, make_agent(ada), "private question")
    bob = browser_of(make_user("bob", staff=True))
    assert "private question" not in bob.get(LIST).text
    assert bob.get(f"{LIST}{run.pk}/change/").status_code == 404


def test_the_list_filters_by_status_and_age() -> None:
    ada = make_user(staff=True)
    agent = make_agent(ada)
    finish(make_run(ada, agent, "went well"))
    finish(make_run(ada, agent, "went wrong"), "failed")
    client = browser_of(ada)
    failed = client.get(f"{LIST}?status__exact=failed").text
    assert "went wrong" in failed
    assert "went well" not in failed
    assert "went well" in client.get(f"{LIST}?age=hour").text


def test_the_list_takes_the_same_queries_for_more_runs() -> None:
    ada = make_user(staff=True)
    agent = make_agent(ada)
    client = browser_of(ada)
    finish(make_run(ada, agent))
    client.get(LIST)
    with CaptureQueriesContext(connection) as few:
        client.get(LIST)
    for _ in range(5):
        finish(make_run(ada, agent))
    with CaptureQueriesContext(connection) as many:
        client.get(LIST)
    assert len(many) == len(few)


def test_nothing_is_changed_or_deleted_here() -> None:
    ada = make_user(superuser=True)
    run = finish(make_run(ada, make_agent(ada)))
    client = browser_of(ada)
    assert client.get(f"{LIST}add/").status_code == 403
    assert client.post(f"{LIST}{run.pk}/delete/", {"post": "yes"}).status_code == 403
