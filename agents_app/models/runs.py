"""Runs, their events and the text that is being written.

Events and deltas are range-partitioned by run id, which is ordered by time; the tables are made
in SQL by the first migration. `runtime/journal.py` alone writes them.
"""

from typing import ClassVar

from django.contrib.auth.models import User
from django.db import models
from typing_extensions import override

from agents_app.models.definitions import AgentVersion
from agents_app.querysets import RunEventQuerySet, RunQuerySet
from config.common.models import BaseModel
from sessions_app.models import Session
from workspaces_app.models import Workspace


class Run(BaseModel):
    """One answer of an agent to one input, from acceptance to its end."""

    class Status(models.TextChoices):
        QUEUED = "queued", "Queued"
        RUNNING = "running", "Running"
        WAITING = "waiting", "Waiting for a person"
        COMPLETED = "completed", "Completed"
        FAILED = "failed", "Failed"
        CANCELLED = "cancelled", "Cancelled"

    class Purpose(models.TextChoices):
        PRODUCTION = "production", "Production"
        TEST = "test", "Test"
        PLAYGROUND = "playground", "Playground"
        PREVIEW = "preview", "Preview"

    workspace = models.ForeignKey(Workspace, models.PROTECT, related_name="+")
    user = models.ForeignKey(User, models.PROTECT, related_name="+")
    agent_version = models.ForeignKey(AgentVersion, models.PROTECT, related_name="runs")
    session = models.ForeignKey(Session, models.CASCADE, related_name="runs")
    parent = models.ForeignKey(
        "self", models.CASCADE, null=True, blank=True, related_name="children"
    )
    root = models.ForeignKey("self", models.CASCADE, null=True, blank=True, related_name="+")
    purpose = models.CharField(max_length=10, choices=Purpose.choices, default=Purpose.PRODUCTION)
    status = models.CharField(max_length=9, choices=Status.choices, default=Status.QUEUED)
    input = models.TextField()
    manifest = models.JSONField()
    """What the run uses, resolved when it was accepted; it never changes afterwards."""
    variables = models.JSONField(default=dict)
    input_sequence = models.PositiveIntegerField()
    """Of the user's message in the session; history is what came before."""
    last_seq = models.PositiveIntegerField(default=0)
    attempt = models.PositiveIntegerField(default=0)
    """Grows with every claim; writes of an older attempt are refused."""
    checkpoint = models.JSONField(null=True, blank=True)
    usage = models.JSONField(default=dict)
    output = models.TextField(blank=True)
    error_code = models.CharField(max_length=80, blank=True)
    error_detail = models.TextField(blank=True)
    job_id = models.BigIntegerField(null=True, blank=True)
    cancel_requested_at = models.DateTimeField(null=True, blank=True)
    deadline_at = models.DateTimeField()
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    objects = RunQuerySet.as_manager()

    class Meta:
        ordering: ClassVar[list[str]] = ["-id"]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["user", "-id"], name="run_by_user"),
            models.Index(fields=["workspace", "status", "-id"], name="run_by_status"),
            models.Index(fields=["agent_version", "-id"], name="run_by_version"),
            models.Index(fields=["session", "-id"], name="run_by_session"),
        ]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(
                condition=models.Q(
                    status__in=["queued", "running", "waiting"], finished_at__isnull=True
                )
                | models.Q(
                    status__in=["completed", "failed", "cancelled"], finished_at__isnull=False
                ),
                name="run_has_an_end_when_it_is_over",
            ),
        ]

    @override
    def __str__(self) -> str:
        return f"Run {self.id}"

    @property
    def is_over(self) -> bool:
        """Whether nothing will happen any more."""
        return self.status in {"completed", "failed", "cancelled"}


class RunEvent(models.Model):
    """One thing that happened in a run; numbered from 1 without gaps, never changed."""

    pk = models.CompositePrimaryKey("run_id", "seq")
    run = models.ForeignKey(Run, models.DO_NOTHING, db_constraint=False, related_name="events")
    seq = models.PositiveIntegerField()
    attempt = models.PositiveIntegerField()
    type = models.CharField(max_length=40)
    payload = models.JSONField()
    created_at = models.DateTimeField()

    objects = RunEventQuerySet.as_manager()

    class Meta:
        ordering: ClassVar[list[str]] = ["run_id", "seq"]

    @override
    def __str__(self) -> str:
        return f"#{self.seq} {self.type}"


class RunDelta(models.Model):
    """Text of an answer that is not recorded yet; deleted when it is."""

    pk = models.CompositePrimaryKey("run_id", "step", "attempt", "offset")
    run = models.ForeignKey(Run, models.DO_NOTHING, db_constraint=False, related_name="+")
    step = models.PositiveIntegerField()
    attempt = models.PositiveIntegerField()
    offset = models.PositiveIntegerField()
    """Code points of the step's text that came before."""
    text = models.TextField()

    class Meta:
        ordering: ClassVar[list[str]] = ["run_id", "step", "attempt", "offset"]

    @override
    def __str__(self) -> str:
        return f"{self.step}/{self.attempt}@{self.offset}"
