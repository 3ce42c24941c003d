"""Rows of runs: creating one with its job, claiming one for a worker, finding lost ones."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
from django.db import connection, transaction
from procrastinate.contrib.django import app

from agents_app.engine.events import RunQueued
from agents_app.engine.messages import UserMessage, encode_message
from agents_app.models import AgentVersion, Run
from agents_app.runtime import database
from agents_app.runtime.journal import append_now
from config.common.uuid7 import uuid7
from sessions_app.models import Session

EXECUTE_RUN = "agents_app.execute_run"
"""Name of the job; runtime enqueues by name and never imports `tasks`."""

MAX_RECOVERIES = 5
"""After as many workers were lost over one run it is poisonous and fails."""

APPEND_INPUT = """
SELECT sessions_app_append_messages(%s, %s, 0, ARRAY[%s]::uuid[], ARRAY['user'], ARRAY[%s]::jsonb[])
"""
CLAIM = """
UPDATE agents_app_run
   SET attempt = attempt + 1, status = 'running', updated_at = clock_timestamp()
 WHERE id = %s AND status IN ('queued', 'running')
RETURNING attempt, last_seq, session_id, user_id, workspace_id, input, manifest::text AS manifest,
          variables::text AS variables, checkpoint::text AS checkpoint,
          cancel_requested_at IS NOT NULL AS is_cancel_requested,
          extract(epoch FROM deadline_at - clock_timestamp())::float8 AS remaining_s
"""
REQUEUE_STALLED = """
SELECT procrastinate_retry_job_v2(job.id, now(), NULL, NULL, NULL)
  FROM procrastinate_jobs AS job
  LEFT JOIN procrastinate_workers AS worker ON worker.id = job.worker_id
 WHERE job.status = 'doing'
   AND (worker.id IS NULL OR worker.last_heartbeat < now() - make_interval(secs => %s))
"""
FIND_LOST = """
SELECT run.id, run.session_id
  FROM agents_app_run AS run
  JOIN procrastinate_jobs AS job ON job.id = run.job_id
 WHERE run.status IN ('queued', 'running') AND job.status NOT IN ('todo', 'doing')
 LIMIT 100
   FOR UPDATE OF run SKIP LOCKED
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimedRun:
    """A run that this worker holds, with all that the claim read."""

    id: UUID
    attempt: int
    last_seq: int
    session_id: UUID
    user_id: int
    workspace_id: UUID
    input: str
    manifest: Mapping[str, Any]
    variables: Mapping[str, Any]
    checkpoint: Mapping[str, Any] | None
    is_cancel_requested: bool
    remaining_s: float
    """Seconds until the run's deadline; negative when it has passed."""


def create_run(
    *,
    version: AgentVersion,
    session: Session,
    user_id: int,
    text: str,
    variables: Mapping[str, Any],
    purpose: str,
    deadline_at: datetime,
) -> Run:
    """Write the user's message, the run, its first event and its job.

    Expects the caller's transaction: all of it is committed together or not at all.
    """
    run_id = uuid7()
    with connection.cursor() as cursor:
        message = orjson.dumps(encode_message(UserMessage(text=text))).decode()
        cursor.execute(APPEND_INPUT, [session.pk, run_id, uuid7(), message])
        (sequence,) = cursor.fetchone()
    run = Run.objects.create(
        id=run_id,
        workspace_id=session.workspace_id,
        user_id=user_id,
        agent_version=version,
        session=session,
        purpose=purpose,
        input=text,
        manifest=version.manifest,
        variables=dict(variables),
        input_sequence=sequence,
        deadline_at=deadline_at,
    )
    append_now(
        run_id,
        0,
        [
            RunQueued(
                agent_id=str(version.agent_id),
                agent=version.agent.reference,
                version=version.number,
                input=text,
            )
        ],
    )
    run.last_seq = 1
    run.job_id = enqueue(run_id, session.pk)
    run.save(update_fields=["job_id", "updated_at"])
    return run


def enqueue(run_id: UUID, session_id: UUID) -> int:
    """Put the run's job into the queue, in the caller's transaction; return the job's id.

    The lock makes the runs of one session follow one another.
    """
    return app.configure_task(EXECUTE_RUN, queue="runs", lock=f"session:{session_id}").defer(
        run_id=str(run_id)
    )


async def claim_run(run_id: UUID) -> ClaimedRun | None:
    """Take the run for this worker, superseding every earlier one; None if it is over."""
    rows = await database.fetch(CLAIM, [run_id])
    if not rows:
        return None
    row = rows[0]
    return ClaimedRun(
        id=run_id,
        **{
            **row,
            "manifest": orjson.loads(row["manifest"]),
            "variables": orjson.loads(row["variables"]),
            "checkpoint": orjson.loads(row["checkpoint"]) if row["checkpoint"] else None,
        },
    )


async def requeue_stalled(*, stalled_s: float) -> int:
    """Give jobs whose worker has been silent for `stalled_s` back to the queue; return how many.

    One worker at a time does it; the others find the lock taken and return 0.
    """
    async with database.connected() as lent, lent.transaction():
        cursor = await lent.execute("SELECT pg_try_advisory_xact_lock(7200411) AS is_mine")
        row = await cursor.fetchone()
        if row is None or not row["is_mine"]:
            return 0
        cursor = await lent.execute(REQUEUE_STALLED, [stalled_s])
        return cursor.rowcount


@transaction.atomic
def requeue_lost_runs() -> int:
    """Enqueue unfinished runs whose job has ended without them; return how many."""
    with connection.cursor() as cursor:
        cursor.execute(FIND_LOST)
        lost = cursor.fetchall()
    for run_id, session_id in lost:
        job_id = enqueue(run_id, session_id)
        Run.objects.unfinished().filter(pk=run_id).update(job_id=job_id)
    return len(lost)
