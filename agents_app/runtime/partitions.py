"""Making the monthly tables of events and deltas ahead of time."""

from agents_app.runtime import database

MONTHS_AHEAD = 4


async def ensure_partitions() -> int:
    """Make what is missing of this month and the next three; return how many tables are new."""
    rows = await database.fetch(
        "SELECT agents_app_ensure_partitions(now(), %s) AS made", [MONTHS_AHEAD]
    )
    return int(rows[0]["made"])
