"""Reads of sessions and messages: a session belongs to one person in one workspace."""

from typing import Self

from django.contrib.auth.models import AnonymousUser, User
from django.db import models
from django.db.models import Q

from config.common.roles import Role


class SessionQuerySet(models.QuerySet):  # type: ignore[type-arg]  # the model imports this module
    """Sessions: their owner and the administrators of their workspace may read them."""

    def visible_to(self, actor: User | AnonymousUser) -> Self:
        """Keep the sessions that `actor` owns or administers."""
        if not actor.is_authenticated or not actor.is_active:
            return self.none()
        if actor.is_superuser:
            return self
        workspaces = self.model._meta.get_field("workspace").related_model
        administered = workspaces.objects.with_role(actor, Role.ADMIN).values("pk")
        return self.filter(Q(user=actor) | Q(workspace__in=administered))

    def runnable_by(self, actor: User | AnonymousUser) -> Self:
        """Keep the sessions in which `actor` may speak: only their own."""
        return self.visible_to(actor).filter(user=actor) if actor.is_authenticated else self.none()

    def editable_by(self, actor: User | AnonymousUser) -> Self:
        """Keep the sessions that `actor` may rename, archive or delete."""
        return self.visible_to(actor)


class MessageQuerySet(models.QuerySet):  # type: ignore[type-arg]  # as above
    """Messages, restricted by the rights on their session."""

    def visible_to(self, actor: User | AnonymousUser) -> Self:
        """Keep the messages of sessions that `actor` may read."""
        sessions = self.model._meta.get_field("session").related_model
        return self.filter(session__in=sessions.objects.visible_to(actor).values("pk"))
