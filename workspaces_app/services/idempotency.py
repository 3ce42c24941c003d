"""`Idempotency-Key`: the first answer to a key is kept and given again."""

import hashlib
from collections.abc import Callable
from typing import Any

import orjson
from django.contrib.auth.models import User
from django.db import connection, transaction

from config.common.errors import FormInvalid, MeaningInvalid
from workspaces_app.models import IdempotencyRecord

MAX_KEY_CHARS = 255
Answer = tuple[int, Any]


def once(
    actor: User, *, route: str, key: str | None, body: Any, do: Callable[[], Answer]
) -> tuple[Answer, bool]:
    """Run `do` once for a key; return `(status, JSON)` and whether it is a replay.

    `do` runs in the same transaction as the record, so either both are kept or neither. Requests
    with the same key at the same time follow one another. Without a key `do` just runs.

    Raises:
        FormInvalid: the key is empty, too long or not printable ASCII.
        MeaningInvalid: the key was used with a different body.
    """
    if key is None:
        return do(), False
    if not 1 <= len(key) <= MAX_KEY_CHARS or not key.isascii() or not key.isprintable():
        raise FormInvalid(
            f"Idempotency-Key: write 1 to {MAX_KEY_CHARS} printable ASCII characters.",
            code="idempotency.key_invalid",
        )
    digest = hashlib.sha256(orjson.dumps(body, option=orjson.OPT_SORT_KEYS)).hexdigest()
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))",
                [f"{actor.pk}:{route}:{key}"],
            )
        record = IdempotencyRecord.objects.filter(user=actor, route=route, key=key).first()
        if record is not None:
            if record.request_sha256 != digest:
                raise MeaningInvalid(
                    "This Idempotency-Key was used with a different body. Use a new key.",
                    code="idempotency.body_differs",
                )
            return (record.status, record.answer), True
        status, answer = do()
        IdempotencyRecord.objects.create(
            user=actor,
            route=route,
            key=key,
            request_sha256=digest,
            status=status,
            answer=orjson.loads(orjson.dumps(answer, default=str)),
        )
        return (status, answer), False
