"""The one way to write to a run: fence, sequence, events, position and messages in one statement."""

from django.db import migrations

CREATE = """
CREATE FUNCTION agents_app_append_events(
    of_run uuid,
    by_attempt integer,
    event_types text[],
    event_payloads jsonb[],
    new_checkpoint jsonb,
    changes jsonb,
    message_step integer,
    message_ids uuid[],
    message_kinds text[],
    message_contents jsonb[],
    drop_deltas boolean
) RETURNS TABLE (seq integer, cancel_requested boolean, at timestamptz) LANGUAGE plpgsql AS $$
DECLARE
    last integer;
    in_session uuid;
    cancelled boolean;
    moment timestamptz := clock_timestamp();
    new_status text := changes ->> 'status';
BEGIN
    UPDATE agents_app_run AS run
       SET last_seq = run.last_seq + cardinality(event_types),
           checkpoint = coalesce(new_checkpoint, run.checkpoint),
           status = coalesce(new_status, run.status),
           usage = coalesce(changes -> 'usage', run.usage),
           output = coalesce(changes ->> 'output', run.output),
           error_code = coalesce(changes ->> 'error_code', run.error_code),
           error_detail = coalesce(changes ->> 'error_detail', run.error_detail),
           started_at = coalesce(run.started_at,
                                 CASE WHEN run.attempt > 0 THEN moment END),
           finished_at = CASE WHEN new_status IN ('completed', 'failed', 'cancelled')
                              THEN moment END,
           updated_at = moment
     WHERE run.id = of_run
       AND run.attempt = by_attempt
       AND run.status IN ('queued', 'running', 'waiting')
    RETURNING run.last_seq, run.session_id, run.cancel_requested_at IS NOT NULL
         INTO last, in_session, cancelled;
    IF NOT FOUND THEN
        RETURN;
    END IF;

    INSERT INTO agents_app_runevent (run_id, seq, attempt, type, payload, created_at)
    SELECT of_run, last - cardinality(event_types) + item.place, by_attempt,
           item.type, item.payload, moment
      FROM unnest(event_types, event_payloads) WITH ORDINALITY AS item (type, payload, place);

    IF cardinality(message_ids) > 0 THEN
        PERFORM sessions_app_append_messages(
            in_session, of_run, message_step, message_ids, message_kinds, message_contents);
    END IF;

    IF drop_deltas THEN
        DELETE FROM agents_app_rundelta AS delta WHERE delta.run_id = of_run;
    END IF;

    RETURN QUERY SELECT last, cancelled, moment;
END
$$;
"""

DROP = """
DROP FUNCTION agents_app_append_events(
    uuid, integer, text[], jsonb[], jsonb, jsonb, integer, uuid[], text[], jsonb[], boolean);
"""


class Migration(migrations.Migration):
    dependencies = [
        ("agents_app", "0002_event_log"),
        ("sessions_app", "0002_append_messages"),
    ]

    operations = [migrations.RunSQL(CREATE, DROP)]
