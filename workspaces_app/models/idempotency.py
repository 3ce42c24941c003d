"""Answers kept for requests that carried an `Idempotency-Key`."""

from typing import ClassVar

from django.contrib.auth.models import User
from django.db import models
from typing_extensions import override

from config.common.models import BaseModel


class IdempotencyRecord(BaseModel):
    """The first answer to a key of a user on a route; a replay returns it again."""

    user = models.ForeignKey(User, models.CASCADE, related_name="+")
    route = models.CharField(max_length=160)
    key = models.CharField(max_length=255)
    request_sha256 = models.CharField(max_length=64)
    status = models.PositiveSmallIntegerField()
    answer = models.JSONField()

    class Meta:
        ordering: ClassVar[list[str]] = ["-id"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(
                fields=["user", "route", "key"], name="one_answer_per_idempotency_key"
            ),
        ]

    @override
    def __str__(self) -> str:
        return f"{self.route} {self.key}"
