import pytest
from procrastinate.contrib.django.models import ProcrastinateJob

from agents_app.models import Run, RunEvent
from agents_app.services.runs import cancel_run
from config.common.errors import Conflict, MeaningInvalid, NotFound
from sessions_app.models import Message, Session
from templates_app.errors import VariablesInvalid
from tests.agents_app.factories import make_agent, make_run, make_template_version
from tests.factories import make_user

pytestmark = pytest.mark.django_db

WHO = [{"name": "who", "type": "string", "constraints": {"max_length": 10}}]


def test_start_run_keeps_message_run_event_and_job_together() -> None:
    run = make_run(make_user(), text="What is 2 + 2?")

    assert (run.status, run.attempt, run.last_seq) == ("queued", 0, 1)
    message = Message.objects.get(session=run.session)
    assert (message.sequence, message.kind, message.run_id) == (1, "user", run.pk)
    assert message.content == {"kind": "user", "text": "What is 2 + 2?"}
    event = RunEvent.objects.get(run=run)
    assert (event.seq, event.type, event.payload["version"]) == (1, "run.queued", 1)
    job = ProcrastinateJob.objects.get(pk=run.job_id)
    assert (job.status, job.lock) == ("todo", f"session:{run.session_id}")
    assert run.manifest == run.agent_version.manifest


def test_a_wrong_variable_is_refused_by_name_and_nothing_is_kept() -> None:
    ada = make_user()
    template = make_template_version(ada, body="You are {{ who }}.", variables=WHO)
    agent = make_agent(ada, instructions=template)
    with pytest.raises(VariablesInvalid) as caught:
        make_run(ada, agent=agent, variables={"who": "x" * 11, "hue": "blue"})
    assert {entry["field"] for entry in caught.value.errors} == {"who", "hue"}
    assert not Run.objects.exists()
    assert not Session.objects.exists()


def test_a_variable_of_the_run_replaces_the_agents_own() -> None:
    ada = make_user()
    template = make_template_version(ada, body="You are {{ who }}.", variables=WHO)
    agent = make_agent(ada, instructions=template, variables={"who": "a pirate"})
    run = make_run(ada, agent=agent, variables={"who": "a judge"})
    assert run.variables == {"who": "a judge"}
    assert run.manifest["instructions"]["values"] == {"who": "a pirate"}


def test_an_unpublished_agent_cannot_be_run() -> None:
    ada = make_user()
    with pytest.raises(Conflict) as caught:
        make_run(ada, agent=make_agent(ada, publish=False))
    assert caught.value.code == "agent.not_published"


@pytest.mark.parametrize(
    "text", ["", "   ", "a\x00b", "x" * 200_001], ids=["empty", "blank", "nul", "long"]
)
def test_an_input_without_meaning_is_refused(text: str) -> None:
    with pytest.raises(MeaningInvalid) as caught:
        make_run(make_user(), text=text)
    assert caught.value.code == "run.input_invalid"


def test_a_session_goes_on_only_for_its_owner() -> None:
    ada, bob = make_user(), make_user("bob")
    agent = make_agent(ada)
    first = make_run(ada, agent=agent)
    second = make_run(ada, agent=agent, text="And then?", session=first.session)
    assert second.session == first.session
    assert [m.sequence for m in Message.objects.filter(session=first.session)] == [1, 2]
    with pytest.raises(NotFound):
        make_run(bob, agent=agent, session=first.session)


def test_cancel_ends_a_queued_run_at_once_and_again_changes_nothing() -> None:
    ada = make_user()
    run = make_run(ada)
    cancelled = cancel_run(ada, run=run)
    assert cancelled.status == "cancelled"
    assert cancelled.finished_at is not None
    assert [e.type for e in RunEvent.objects.filter(run=run)] == ["run.queued", "run.cancelled"]
    assert ProcrastinateJob.objects.get(pk=run.job_id).status == "cancelled"
    assert cancel_run(ada, run=run).last_seq == 2


def test_a_stranger_can_neither_see_nor_cancel_a_run() -> None:
    run = make_run(make_user())
    with pytest.raises(NotFound):
        cancel_run(make_user("bob"), run=run)
    run.refresh_from_db()
    assert run.cancel_requested_at is None
