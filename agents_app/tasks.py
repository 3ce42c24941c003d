"""Jobs of agents: one line each; the work is in `runtime`."""

from uuid import UUID

from procrastinate.contrib.django import app

from agents_app.runtime import executor, partitions
from agents_app.runtime.runs import EXECUTE_RUN


@app.task(name=EXECUTE_RUN, queue="runs", pass_context=False)
async def execute_run(run_id: str) -> None:
    """Carry out a run."""
    await executor.execute_run(UUID(run_id))


@app.periodic(cron="17 3 * * *")
@app.task(name="agents_app.ensure_partitions", queue="maintenance")
async def ensure_partitions(timestamp: int) -> None:
    """Make the event tables of the months ahead."""
    await partitions.ensure_partitions()
