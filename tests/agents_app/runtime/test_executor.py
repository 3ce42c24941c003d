"""Runs carried out by the real executor, against the fake model server and the database."""

import asyncio
from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
from django.db import connection

from agents_app.models import Run, RunDelta, RunEvent
from agents_app.runtime import database
from agents_app.runtime.database import in_thread
from agents_app.runtime.executor import execute_run
from agents_app.runtime.runs import claim_run, requeue_lost_runs
from agents_app.services.runs import cancel_run
from sessions_app.models import Message
from tests.agents_app.factories import make_agent, make_calculator, make_provider, make_run
from tests.factories import make_user
from tests.fake_openai.process import FakeOpenAI

pytestmark = pytest.mark.django_db(transaction=True)

PLAIN = ["run.queued", "run.started", "step.started", "message.completed", "step.completed"]


def prepare(fake: FakeOpenAI, model: str, *, with_tool: bool = False, **given: Any) -> Run:
    ada = make_user()
    agent = make_agent(
        ada,
        provider=make_provider(base_url=fake.base_url, model=model),
        tools=[make_calculator(ada)] if with_tool else [],
        **given,
    )
    return make_run(ada, agent=agent, text="Hello there")


def types_of(run: Run) -> list[str]:
    events = list(RunEvent.objects.filter(run=run).order_by("seq"))
    assert [event.seq for event in events] == list(range(1, len(events) + 1))
    return [event.type for event in events]


async def finish(run_id: UUID) -> None:
    try:
        await execute_run(run_id)
    finally:
        await database.close_pool()


async def wait_until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not await in_thread(holds):  # noqa: ASYNC110 (another process's rows)
            await asyncio.sleep(0.02)


def reload(run: Run) -> Run:
    run.refresh_from_db()
    return run


@pytest.mark.parametrize("api", ["chat_completions", "responses"])
def test_a_run_answers_and_records_everything_once(fake: FakeOpenAI, api: str) -> None:
    run = prepare(fake, "fake-echo")
    run.agent_version.provider.api = api
    run.agent_version.provider.save()

    asyncio.run(finish(run.pk))

    assert types_of(run) == [*PLAIN, "run.completed"]
    assert (reload(run).status, run.output, run.attempt) == ("completed", "Hello there", 1)
    assert run.usage["model_calls"] == 1
    kinds = list(Message.objects.filter(session=run.session).values_list("kind", flat=True))
    assert kinds == ["user", "assistant"]
    assert not RunDelta.objects.exists()


def test_a_tool_is_announced_before_it_is_called_and_its_result_reaches_the_model(
    fake: FakeOpenAI,
) -> None:
    run = prepare(fake, "fake-tool", with_tool=True)
    asyncio.run(finish(run.pk))
    assert types_of(run) == [
        *PLAIN[:4],
        "tool.called",
        "tool.completed",
        "step.completed",
        "step.started",
        "message.completed",
        "step.completed",
        "run.completed",
    ]
    called = RunEvent.objects.get(run=run, type="tool.called")
    assert called.payload["idempotency_key"] == f"{run.pk}:1:{called.payload['call_id']}"


@pytest.mark.parametrize(
    ("model", "code"),
    [
        ("fake-cut", "model.stream_broken"),
        ("fake-unfinished", "model.stream_broken"),
        ("fake-garbage", "model.stream_broken"),
        ("fake-error-401", "model.refused_request"),
        ("fake-error-429", "model.rate_limited"),
        ("fake-error-500", "model.unavailable"),
        ("fake-length", "model.answer_incomplete"),
    ],
)
def test_a_broken_answer_is_a_failed_run_and_never_half_an_answer(
    fake: FakeOpenAI, model: str, code: str
) -> None:
    run = prepare(fake, model)
    asyncio.run(finish(run.pk))
    assert (reload(run).status, run.error_code, run.output) == ("failed", code, "")
    assert types_of(run)[-1] == "run.failed"
    assert not Message.objects.filter(session=run.session, kind="assistant").exists()


def test_a_run_that_was_cut_in_its_stream_is_finished_by_another_worker(fake: FakeOpenAI) -> None:
    run = prepare(fake, "fake-40-tokens:20")

    async def lose_a_worker() -> None:
        first = asyncio.ensure_future(execute_run(run.pk))
        await wait_until(RunDelta.objects.filter(run=run).exists)
        await execute_run(run.pk)
        await asyncio.wait_for(first, 10)
        await database.close_pool()

    asyncio.run(lose_a_worker())

    assert types_of(run) == [*PLAIN[:3], "step.restarted", *PLAIN[3:], "run.completed"]
    assert (reload(run).status, run.attempt) == ("completed", 2)
    assert Message.objects.filter(session=run.session, kind="assistant").count() == 1
    attempts = RunEvent.objects.filter(run=run).order_by("seq").values_list("attempt", flat=True)
    assert list(attempts) == [0, 1, 1, 2, 2, 2, 2]


def test_cancel_keeps_what_the_model_had_said(fake: FakeOpenAI) -> None:
    run = prepare(fake, "fake-200-tokens:20")
    ada = run.user

    async def cancel_in_the_stream() -> None:
        job = asyncio.ensure_future(execute_run(run.pk))
        await wait_until(RunDelta.objects.filter(run=run).exists)
        await in_thread(cancel_run, ada, run=run)
        job.cancel()  # what the queue does when a job's abort is requested
        await asyncio.gather(job, return_exceptions=True)
        await database.close_pool()

    asyncio.run(cancel_in_the_stream())

    assert types_of(run) == [*PLAIN[:3], "run.cancelled"]
    assert reload(run).status == "cancelled"
    message = Message.objects.get(session=run.session, kind="assistant")
    assert message.content["is_partial"] is True
    assert message.content["text"] == run.output != ""
    assert not RunDelta.objects.exists()


def test_a_worker_that_shuts_down_leaves_the_run_to_another(fake: FakeOpenAI) -> None:
    run = prepare(fake, "fake-200-tokens:20")

    async def shut_down_in_the_stream() -> None:
        job = asyncio.ensure_future(execute_run(run.pk))
        await wait_until(RunDelta.objects.filter(run=run).exists)
        job.cancel()
        await asyncio.gather(job, return_exceptions=True)
        await database.close_pool()

    asyncio.run(shut_down_in_the_stream())
    assert reload(run).status == "running"


def test_a_run_whose_job_has_ended_is_enqueued_again() -> None:
    run = make_run(make_user())
    old = run.job_id
    with connection.cursor() as cursor:
        cursor.execute("UPDATE procrastinate_jobs SET status = 'failed' WHERE id = %s", [old])
    assert requeue_lost_runs() == 1
    assert reload(run).job_id != old
    assert requeue_lost_runs() == 0


def test_a_run_over_which_five_workers_were_lost_fails(fake: FakeOpenAI) -> None:
    run = prepare(fake, "fake-echo")

    async def lose_workers() -> None:
        for _ in range(6):
            await claim_run(run.pk)
        await finish(run.pk)

    asyncio.run(lose_workers())
    assert (reload(run).status, run.error_code) == ("failed", "run.poisonous")


def test_a_finished_run_is_left_alone(fake: FakeOpenAI) -> None:
    run = prepare(fake, "fake-echo")
    asyncio.run(finish(run.pk))
    before = types_of(run)
    asyncio.run(finish(run.pk))
    assert types_of(run) == before


def test_the_second_question_of_a_session_sees_the_first_answer(fake: FakeOpenAI) -> None:
    fake.forget()
    run = prepare(fake, "fake-echo")
    asyncio.run(finish(run.pk))
    second = make_run(run.user, agent=run.agent_version.agent, text="And now?", session=run.session)
    asyncio.run(finish(second.pk))
    seen = fake.requests()[-1]["body"]["messages"]
    assert [(turn["role"], turn["content"]) for turn in seen] == [
        ("system", "Be kind."),
        ("user", "Hello there"),
        ("assistant", "Hello there"),
        ("user", "And now?"),
    ]
