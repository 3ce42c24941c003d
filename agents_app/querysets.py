"""Reads of agents, versions, runs and their events."""

from typing import Self

from django.contrib.auth.models import AnonymousUser, User
from django.db import models
from django.db.models import Q

from config.common.querysets import ScopedQuerySet
from config.common.roles import Role


class AgentVersionQuerySet(ScopedQuerySet):  # type: ignore[type-arg]  # the model imports this
    """Versions, restricted by the rights on their agent."""

    scope_path = "agent"


class RunQuerySet(models.QuerySet):  # type: ignore[type-arg]  # as above
    """Runs: who started one and the administrators of its workspace may read it."""

    def visible_to(self, actor: User | AnonymousUser) -> Self:
        """Keep the runs that `actor` started or administers."""
        if not actor.is_authenticated or not actor.is_active:
            return self.none()
        if actor.is_superuser:
            return self
        workspaces = self.model._meta.get_field("workspace").related_model
        administered = workspaces.objects.with_role(actor, Role.ADMIN).values("pk")
        return self.filter(Q(user=actor) | Q(workspace__in=administered))

    def runnable_by(self, actor: User | AnonymousUser) -> Self:
        """Keep the runs that `actor` may cancel: the ones they may read."""
        return self.visible_to(actor)

    def editable_by(self, actor: User | AnonymousUser) -> Self:
        """Keep the runs that `actor` may settle: the ones they may read."""
        return self.visible_to(actor)

    def unfinished(self) -> Self:
        """Keep runs that are queued, running or waiting."""
        return self.filter(status__in=["queued", "running", "waiting"])


class RunEventQuerySet(models.QuerySet):  # type: ignore[type-arg]  # as above
    """Events, restricted by the rights on their run."""

    def visible_to(self, actor: User | AnonymousUser) -> Self:
        """Keep the events of runs that `actor` may read."""
        runs = self.model._meta.get_field("run").related_model
        return self.filter(run__in=runs.objects.visible_to(actor).values("pk"))
