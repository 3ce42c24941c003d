"""The event log and the text that is being written, range-partitioned by run id.

A run id is a UUIDv7, so a range of ids is a range of time. Partitions of a month are made ahead
by a periodic job, with the function below; a default partition catches what falls outside.
"""

import django.db.models.deletion
from django.db import migrations, models

TABLES = """
CREATE TABLE agents_app_runevent (
    run_id uuid NOT NULL,
    seq integer NOT NULL CHECK (seq > 0),
    attempt integer NOT NULL,
    type varchar(40) NOT NULL,
    payload jsonb NOT NULL,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (run_id, seq)
) PARTITION BY RANGE (run_id);

CREATE TABLE agents_app_rundelta (
    run_id uuid NOT NULL,
    step integer NOT NULL,
    attempt integer NOT NULL,
    "offset" integer NOT NULL,
    text text NOT NULL,
    PRIMARY KEY (run_id, step, attempt, "offset")
) PARTITION BY RANGE (run_id);

CREATE TABLE agents_app_runevent_default PARTITION OF agents_app_runevent DEFAULT;
CREATE TABLE agents_app_rundelta_default PARTITION OF agents_app_rundelta DEFAULT;

-- The smallest UUIDv7 of a moment.
CREATE FUNCTION agents_app_first_uuid7(moment timestamptz) RETURNS uuid
LANGUAGE sql IMMUTABLE AS $$
    SELECT (lpad(to_hex((extract(epoch FROM moment) * 1000)::bigint), 12, '0')
            || repeat('0', 20))::uuid
$$;

-- Make the monthly partitions from the month of `start`, `months` of them; returns how many are new.
CREATE FUNCTION agents_app_ensure_partitions(start timestamptz, months integer) RETURNS integer
LANGUAGE plpgsql AS $$
DECLARE
    made integer := 0;
    lower_bound timestamptz;
    parent text;
    partition_name text;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('agents_app_ensure_partitions'));
    FOR month IN 0..months - 1 LOOP
        lower_bound := (date_trunc('month', start AT TIME ZONE 'UTC')
                        + make_interval(months => month)) AT TIME ZONE 'UTC';
        FOREACH parent IN ARRAY ARRAY['agents_app_runevent', 'agents_app_rundelta'] LOOP
            partition_name := parent || to_char(lower_bound AT TIME ZONE 'UTC', '_YYYY_MM');
            IF to_regclass(partition_name) IS NULL THEN
                EXECUTE format(
                    'CREATE TABLE %I PARTITION OF %I FOR VALUES FROM (%L) TO (%L)',
                    partition_name, parent,
                    agents_app_first_uuid7(lower_bound),
                    agents_app_first_uuid7((lower_bound AT TIME ZONE 'UTC'
                                            + interval '1 month') AT TIME ZONE 'UTC')
                );
                made := made + 1;
            END IF;
        END LOOP;
    END LOOP;
    RETURN made;
END
$$;

SELECT agents_app_ensure_partitions(now(), 4);
"""

DROP_TABLES = """
DROP FUNCTION agents_app_ensure_partitions(timestamptz, integer);
DROP FUNCTION agents_app_first_uuid7(timestamptz);
DROP TABLE agents_app_rundelta;
DROP TABLE agents_app_runevent;
"""


class Migration(migrations.Migration):
    dependencies = [("agents_app", "0001_initial")]

    operations = [
        migrations.SeparateDatabaseAndState(
            database_operations=[migrations.RunSQL(TABLES, DROP_TABLES)],
            state_operations=[
                migrations.CreateModel(
                    name="RunEvent",
                    fields=[
                        (
                            "pk",
                            models.CompositePrimaryKey(
                                "run_id",
                                "seq",
                                blank=True,
                                editable=False,
                                primary_key=True,
                                serialize=False,
                            ),
                        ),
                        ("seq", models.PositiveIntegerField()),
                        ("attempt", models.PositiveIntegerField()),
                        ("type", models.CharField(max_length=40)),
                        ("payload", models.JSONField()),
                        ("created_at", models.DateTimeField()),
                        (
                            "run",
                            models.ForeignKey(
                                db_constraint=False,
                                on_delete=django.db.models.deletion.DO_NOTHING,
                                related_name="events",
                                to="agents_app.run",
                            ),
                        ),
                    ],
                    options={"ordering": ["run_id", "seq"]},
                ),
                migrations.CreateModel(
                    name="RunDelta",
                    fields=[
                        (
                            "pk",
                            models.CompositePrimaryKey(
                                "run_id",
                                "step",
                                "attempt",
                                "offset",
                                blank=True,
                                editable=False,
                                primary_key=True,
                                serialize=False,
                            ),
                        ),
                        ("step", models.PositiveIntegerField()),
                        ("attempt", models.PositiveIntegerField()),
                        ("offset", models.PositiveIntegerField()),
                        ("text", models.TextField()),
                        (
                            "run",
                            models.ForeignKey(
                                db_constraint=False,
                                on_delete=django.db.models.deletion.DO_NOTHING,
                                related_name="+",
                                to="agents_app.run",
                            ),
                        ),
                    ],
                    options={"ordering": ["run_id", "step", "attempt", "offset"]},
                ),
            ],
        ),
    ]
