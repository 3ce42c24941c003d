"""What every journal promises, asked of the twin and of the one over PostgreSQL."""

from collections.abc import Awaitable, Callable
from typing import Any, Protocol

import pytest
from django.utils import timezone

from agents_app.engine.errors import Superseded
from agents_app.engine.events import Event, RunFailed, RunStarted, StepStarted
from agents_app.engine.limits import Usage
from agents_app.engine.memory import MemoryJournal
from agents_app.engine.ports import Journal
from agents_app.engine.state import RunState
from agents_app.models import Run, RunEvent
from agents_app.runtime import database
from agents_app.runtime.database import in_thread
from agents_app.runtime.deltas import DeltaWriter
from agents_app.runtime.journal import PostgresJournal
from agents_app.runtime.runs import claim_run
from tests.agents_app.factories import make_run
from tests.factories import make_user

pytestmark = pytest.mark.django_db(transaction=True)

FAILED = RunFailed(code="run.failed", detail="No.", fault="ours", usage=Usage())


class Log(Protocol):
    """A journal, and what happens to its run elsewhere."""

    @property
    def journal(self) -> Journal: ...

    async def types(self) -> list[str]: ...
    async def checkpoint(self) -> Any: ...
    async def request_cancel(self) -> None: ...
    async def take_over(self) -> None: ...


class MemoryLog:
    def __init__(self) -> None:
        self.journal = MemoryJournal()

    async def types(self) -> list[str]:
        return [event.type for event in self.journal.events]

    async def checkpoint(self) -> Any:
        return self.journal.checkpoint

    async def request_cancel(self) -> None:
        self.journal.request_cancel()

    async def take_over(self) -> None:
        self.journal.take_over()


class StoredLog:
    def __init__(self, run: Run, journal: PostgresJournal) -> None:
        self.run = run
        self.journal = journal

    async def types(self) -> list[str]:
        rows = await in_thread(lambda: list(RunEvent.objects.filter(run=self.run).order_by("seq")))
        assert [row.seq for row in rows] == list(range(1, len(rows) + 1))
        return [row.type for row in rows[1:]]  # the first says that the run was queued

    async def checkpoint(self) -> Any:
        await in_thread(self.run.refresh_from_db)
        return self.run.checkpoint

    async def request_cancel(self) -> None:
        rows = Run.objects.filter(pk=self.run.pk)
        await in_thread(lambda: rows.update(cancel_requested_at=timezone.now()))

    async def take_over(self) -> None:
        assert await claim_run(self.run.pk) is not None


async def memory_log() -> Log:
    return MemoryLog()


async def stored_log() -> Log:
    run = await in_thread(lambda: make_run(make_user()))
    claimed = await claim_run(run.pk)
    assert claimed is not None
    journal = PostgresJournal(
        run_id=run.pk, attempt=claimed.attempt, last_seq=claimed.last_seq, deltas=DeltaWriter()
    )
    return StoredLog(run, journal)


Scene = Callable[[Log], Awaitable[None]]


@pytest.fixture(params=[memory_log, stored_log], ids=["memory", "postgres"])
def with_log(request: pytest.FixtureRequest) -> Callable[[Scene], Awaitable[None]]:
    async def play(scene: Scene) -> None:
        try:
            await scene(await request.param())
        finally:
            await database.close_pool()

    return play


Play = Callable[[Scene], Awaitable[None]]


async def test_events_are_kept_in_order_and_numbered_without_gaps(with_log: Play) -> None:
    async def scene(log: Log) -> None:
        first = await log.journal.append([RunStarted(model="m"), StepStarted(step=1)])
        second = await log.journal.append([StepStarted(step=2)])
        assert second == first + 1
        assert await log.types() == ["run.started", "step.started", "step.started"]

    await with_log(scene)


async def test_the_newest_position_is_kept_until_another_comes(with_log: Play) -> None:
    async def scene(log: Log) -> None:
        position = RunState(phase="model", step=1).checkpoint()
        await log.journal.append([RunStarted(model="m")], checkpoint=position)
        await log.journal.append([StepStarted(step=1)])
        assert await log.checkpoint() == position

    await with_log(scene)


async def test_a_cancel_is_seen_by_the_next_append_and_not_before(with_log: Play) -> None:
    async def scene(log: Log) -> None:
        await log.journal.append([RunStarted(model="m")])
        await log.request_cancel()
        assert not log.journal.cancelled()
        await log.journal.append([StepStarted(step=1)])
        assert log.journal.cancelled()

    await with_log(scene)


async def refused(log: Log, event: Event) -> None:
    """Check that an append is refused and changes nothing."""
    before = await log.types(), await log.checkpoint()
    with pytest.raises(Superseded):
        await log.journal.append([event], checkpoint=RunState(step=9).checkpoint())
    assert (await log.types(), await log.checkpoint()) == before


async def test_a_superseded_journal_writes_nothing(with_log: Play) -> None:
    async def scene(log: Log) -> None:
        await log.journal.append([RunStarted(model="m")])
        await log.take_over()
        await refused(log, StepStarted(step=1))

    await with_log(scene)


async def test_nothing_follows_the_end_of_a_run(with_log: Play) -> None:
    async def scene(log: Log) -> None:
        await log.journal.append([FAILED])
        await refused(log, StepStarted(step=1))

    await with_log(scene)
