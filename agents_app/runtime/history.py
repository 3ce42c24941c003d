"""Reading a conversation for a run: what was said before it, and what it has said itself."""

from uuid import UUID

import orjson

from agents_app.engine.history import close_open_calls
from agents_app.engine.messages import Message, decode_message
from agents_app.runtime import database

MAX_MESSAGES = 200
"""Of earlier runs; the newest are kept."""

BEFORE = """
SELECT content::text AS content FROM (
    SELECT content, run_id, sequence FROM sessions_app_message
     WHERE session_id = %s AND run_id < %s AND kind <> 'notice'
     ORDER BY run_id DESC, sequence DESC LIMIT %s
) AS newest ORDER BY run_id, sequence
"""
OWN = """
SELECT content::text AS content FROM sessions_app_message
 WHERE session_id = %s AND run_id = %s AND kind <> 'user'
 ORDER BY sequence
"""


async def earlier_messages(session_id: UUID, run_id: UUID) -> tuple[Message, ...]:
    """Return what earlier runs of the session said, run by run, oldest first.

    Runs are ordered by their ids, so a question that was queued while another was being answered
    comes after that answer.
    """
    rows = await database.fetch(BEFORE, [session_id, run_id, MAX_MESSAGES])
    messages = [decode_message(orjson.loads(row["content"])) for row in rows]
    return tuple(close_open_calls(messages))


async def own_messages(session_id: UUID, run_id: UUID) -> list[Message]:
    """Return what the run itself has recorded, in order, without the user's input."""
    rows = await database.fetch(OWN, [session_id, run_id])
    return [decode_message(orjson.loads(row["content"])) for row in rows]
