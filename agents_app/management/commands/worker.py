"""`manage.py worker`: carries out runs and other jobs until it is told to stop."""

import asyncio
import logging
from typing import Any

import psycopg
from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser
from django.db import Error as DatabaseError
from procrastinate.contrib.django import app
from typing_extensions import override

from agents_app.runtime import database
from agents_app.runtime.runs import requeue_lost_runs, requeue_stalled

logger = logging.getLogger(__name__)

REAP_EVERY_S = 1.0
QUEUES = ("runs", "ingestion", "maintenance")


class Command(BaseCommand):
    help = "Carry out runs and other jobs. Start as many as needed; Ctrl-C stops one gracefully."

    @override
    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the options."""
        parser.add_argument(
            "--concurrency",
            type=int,
            default=settings.WORKER_CONCURRENCY,
            help="How many runs this process carries side by side (default: %(default)s).",
        )

    @override
    def handle(self, *args: Any, **options: Any) -> None:
        """Run until SIGINT or SIGTERM."""
        import uvloop  # only workers need it

        uvloop.run(work(concurrency=options["concurrency"]))


async def work(*, concurrency: int) -> None:
    """Take jobs, and give the jobs of lost workers back to the queue."""
    # Leaves parameters out of the queue's own pool that belong to Django's.
    connector: Any = app.connector  # Django's own, which knows the one for workers
    worker_app = app.with_connector(connector.get_worker_connector())
    reaper = asyncio.ensure_future(reap())
    try:
        async with worker_app.open_async():
            logger.info("worker.started", extra={"concurrency": concurrency})
            await worker_app.run_worker_async(
                queues=list(QUEUES),
                concurrency=concurrency,
                fetch_job_polling_interval=1.0,
                abort_job_polling_interval=1.0,
                update_heartbeat_interval=settings.WORKER_HEARTBEAT_S,
                stalled_worker_timeout=settings.WORKER_STALLED_S,
                shutdown_graceful_timeout=10.0,
                delete_jobs="never",
            )
    finally:
        reaper.cancel()
        await asyncio.gather(reaper, return_exceptions=True)
        await database.close_pool()


async def reap() -> None:
    """Look every second for jobs whose worker is silent and runs whose job has ended."""
    while True:
        await asyncio.sleep(REAP_EVERY_S)
        try:
            stalled = await requeue_stalled(stalled_s=settings.WORKER_STALLED_S)
            lost = await database.in_thread(requeue_lost_runs)
        except (psycopg.Error, DatabaseError, TimeoutError) as error:
            logger.warning("worker.reaper_failed", extra={"reason": type(error).__name__})
            continue
        if stalled or lost:
            logger.warning("worker.recovered", extra={"stalled": stalled, "lost": lost})
