"""Appending to a conversation: the session's counter gives the sequences, under its row lock."""

from django.db import migrations

CREATE = """
CREATE FUNCTION sessions_app_append_messages(
    to_session uuid, of_run uuid, of_step integer, ids uuid[], kinds text[], contents jsonb[]
) RETURNS integer LANGUAGE plpgsql AS $$
DECLARE
    last integer;
BEGIN
    UPDATE sessions_app_session
       SET last_sequence = last_sequence + cardinality(ids), updated_at = clock_timestamp()
     WHERE id = to_session
    RETURNING last_sequence INTO STRICT last;
    INSERT INTO sessions_app_message
           (id, created_at, updated_at, session_id, sequence, kind, run_id, step, content)
    SELECT item.id, clock_timestamp(), clock_timestamp(), to_session,
           last - cardinality(ids) + item.place, item.kind, of_run, of_step, item.content
      FROM unnest(ids, kinds, contents) WITH ORDINALITY AS item (id, kind, content, place);
    RETURN last;
END
$$;
"""


class Migration(migrations.Migration):
    dependencies = [("sessions_app", "0001_initial")]

    operations = [
        migrations.RunSQL(
            CREATE,
            "DROP FUNCTION sessions_app_append_messages(uuid, uuid, integer, uuid[], text[], jsonb[]);",
        ),
    ]
