"""What readers get whose cursor is already at the end of a run."""

import asyncio

import pytest
from rest_framework.test import APIClient

from agents_app.models import Run
from agents_app.runtime import database
from agents_app.runtime.follow import follow_run
from agents_app.runtime.frames import Cursor
from agents_app.services.runs import cancel_run
from tests.agents_app.factories import make_run
from tests.factories import make_user


def ended_run() -> Run:
    """Return a run with two events, run.queued and run.cancelled."""
    ada = make_user()
    return cancel_run(ada, run=make_run(ada))


@pytest.mark.django_db
def test_an_event_source_at_the_end_is_told_to_stop() -> None:
    run = ended_run()
    api = APIClient()
    api.force_authenticate(run.user)

    answer = api.get(
        f"/api/v1/runs/{run.pk}/events/",
        headers={"Accept": "text/event-stream", "Last-Event-ID": "2:0"},
    )

    assert (answer.status_code, answer.content) == (204, b"")


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("seq", "types"), [(1, ["run.cancelled"]), (2, []), (9, [])], ids=["before", "at", "beyond"]
)
def test_following_ends_where_the_run_does(seq: int, types: list[str]) -> None:
    run = ended_run()

    async def follow() -> list[str]:
        try:
            async with asyncio.timeout(10):
                return [
                    getattr(frame, "type", "delta")
                    async for frame, _ in follow_run(run.pk, Cursor(seq=seq))
                ]
        finally:
            await database.close_pool()

    assert asyncio.run(follow()) == types
