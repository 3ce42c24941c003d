"""Carrying out one run in a worker: claim, assemble, loop, settle.

This is one of the two edges where every error is caught: it is logged and becomes an event.
"""

import asyncio
import logging
from contextlib import aclosing
from uuid import UUID

import psycopg
from django.db import InterfaceError, OperationalError

from agents_app.engine import loop
from agents_app.engine.errors import DeadlinePassed, EngineError, Superseded
from agents_app.engine.events import TextDelta
from agents_app.engine.state import RunState
from agents_app.runtime import database
from agents_app.runtime.assembly import assemble
from agents_app.runtime.deltas import delta_writer
from agents_app.runtime.journal import PostgresJournal
from agents_app.runtime.runs import MAX_RECOVERIES, ClaimedRun, claim_run
from config.common.errors import DomainError

logger = logging.getLogger(__name__)


class RunPoisonous(EngineError):
    """Workers were lost over this run too often."""

    code = "run.poisonous"


async def execute_run(run_id: UUID) -> None:
    """Carry a run on, from wherever it stands, to its end or to where it must wait.

    Safe to call at any time and by several workers at once: the newest claim holds the run.
    """
    claimed = await claim_run(run_id)
    if claimed is None:
        logger.info("run.nothing_to_do", extra={"run": str(run_id)})
        return
    logger.info("run.claimed", extra={"run": str(run_id), "attempt": claimed.attempt})
    await _Worker(claimed).work()


class _Worker:
    """One claim of one run."""

    def __init__(self, claimed: ClaimedRun) -> None:
        self._claimed = claimed
        self._state = RunState()
        self._deltas = delta_writer()
        self._journal = PostgresJournal(
            run_id=claimed.id,
            attempt=claimed.attempt,
            last_seq=claimed.last_seq,
            deltas=self._deltas,
        )

    async def work(self) -> None:
        try:
            await self._carry_on()
        except Superseded:
            logger.info(
                "run.superseded",
                extra={"run": str(self._claimed.id), "attempt": self._claimed.attempt},
            )
        except asyncio.CancelledError:
            # Shielded: a second cancellation must not lose what the model has said.
            await asyncio.shield(asyncio.ensure_future(self._stop()))
            raise

    async def _carry_on(self) -> None:
        claimed = self._claimed
        try:
            if claimed.is_cancel_requested:
                await self._settle_cancelled()
                return
            self._refuse_hopeless()
            assembled = await assemble(claimed, journal=self._journal)
            self._state = assembled.state
            happenings = loop.run(assembled.spec, assembled.state, assembled.ports)
            async with aclosing(happenings):
                async for happening in happenings:
                    if isinstance(happening, TextDelta):
                        self._deltas.push(
                            claimed.id,
                            step=happening.step,
                            attempt=claimed.attempt,
                            offset=happening.offset,
                            text=happening.text,
                        )
        except Superseded:
            raise
        except EngineError as error:
            await self._fail(error)
        except DomainError as error:
            await self._fail(EngineError(error.detail, code=error.code))
        except (psycopg.OperationalError, psycopg.InterfaceError, OperationalError, InterfaceError):
            # The job fails, and the run goes on elsewhere once the database is back.
            logger.warning("run.database_lost", extra={"run": str(claimed.id)})
            raise
        except Exception:
            logger.exception("run.crashed", extra={"run": str(claimed.id)})
            await self._fail(
                EngineError(
                    "The run stopped on an error of the server, which has been logged. Start it"
                    " again; if it happens again, tell the operator the run's id.",
                    code="run.internal_error",
                )
            )

    def _refuse_hopeless(self) -> None:
        if self._claimed.attempt > MAX_RECOVERIES + 1:
            raise RunPoisonous(
                f"Workers were lost {MAX_RECOVERIES} times while they carried out this run. Start"
                " it again once the cause is known."
            )
        if self._claimed.remaining_s <= 0:
            raise DeadlinePassed("The run's time was up before a worker came to it.")

    async def _fail(self, error: EngineError) -> None:
        await self._journal.append([loop.failed_event(self._state, error)])

    async def _settle_cancelled(self) -> None:
        await self._journal.append(
            [loop.cancelled_event(self._state)], checkpoint=self._state.checkpoint()
        )

    async def _stop(self) -> None:
        """Settle a run whose job was aborted; leave it to another worker if nobody cancelled it.

        A worker that shuts down aborts its jobs too: its runs are then found as lost and go on
        elsewhere.
        """
        rows = await database.fetch(
            "SELECT cancel_requested_at IS NOT NULL AS wanted FROM agents_app_run WHERE id = %s",
            [self._claimed.id],
        )
        if rows and rows[0]["wanted"]:
            try:
                await self._settle_cancelled()
            except Superseded:
                logger.info("run.superseded", extra={"run": str(self._claimed.id)})
