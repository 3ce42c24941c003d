"""Reads of workspaces and of what belongs to a workspace."""

from typing import Self

from django.contrib.auth.models import AnonymousUser, User
from django.db import models

from config.common.querysets import ScopedQuerySet
from config.common.roles import Role, roles_from


class WorkspaceQuerySet(models.QuerySet):  # type: ignore[type-arg]  # the model imports this module
    """Workspaces, restricted by membership alone."""

    def with_role_of(self, actor: User | AnonymousUser) -> Self:
        """Add `role_of_actor`: the role of `actor`'s own membership, None without one."""
        memberships = self.model._meta.get_field("memberships").related_model.objects
        own = memberships.filter(workspace=models.OuterRef("pk"), user=actor.pk)
        return self.annotate(role_of_actor=models.Subquery(own.values("role")[:1]))

    def with_role(self, actor: User | AnonymousUser, least: Role) -> Self:
        """Keep the workspaces in which `actor` holds at least the role `least`."""
        if not actor.is_authenticated or not actor.is_active:
            return self.none()
        if actor.is_superuser:
            return self
        return self.filter(
            pk__in=self.model._meta.get_field("memberships")
            .related_model.objects.filter(user=actor, role__in=roles_from(least))
            .values("workspace")
        )

    def visible_to(self, actor: User | AnonymousUser) -> Self:
        """Keep the workspaces of which `actor` is a member."""
        return self.with_role(actor, Role.VIEWER)

    def editable_by(self, actor: User | AnonymousUser) -> Self:
        """Keep the workspaces in which `actor` may create and change objects."""
        return self.with_role(actor, Role.EDITOR)

    def administered_by(self, actor: User | AnonymousUser) -> Self:
        """Keep the workspaces whose members, secrets and providers `actor` may change."""
        return self.with_role(actor, Role.ADMIN)


class WorkspaceChildQuerySet(models.QuerySet):  # type: ignore[type-arg]  # as above
    """Rows of a workspace that have no sharing of their own (members, providers, secrets)."""

    def _in(self, actor: User | AnonymousUser, least: Role) -> Self:
        if actor.is_authenticated and actor.is_active and actor.is_superuser:
            return self  # rows without a workspace included
        workspaces = self.model._meta.get_field("workspace").related_model
        return self.filter(workspace__in=workspaces.objects.with_role(actor, least).values("pk"))

    def visible_to(self, actor: User | AnonymousUser) -> Self:
        """Keep rows of workspaces of which `actor` is a member."""
        return self._in(actor, Role.VIEWER)

    def runnable_by(self, actor: User | AnonymousUser) -> Self:
        """Keep rows of workspaces in which `actor` may run agents."""
        return self._in(actor, Role.RUNNER)

    def editable_by(self, actor: User | AnonymousUser) -> Self:
        """Keep rows of workspaces in which `actor` may change objects."""
        return self._in(actor, Role.EDITOR)

    def administered_by(self, actor: User | AnonymousUser) -> Self:
        """Keep rows of workspaces that `actor` administers."""
        return self._in(actor, Role.ADMIN)


class TokenQuerySet(models.QuerySet):  # type: ignore[type-arg]  # as above
    """API tokens: nobody but their owner sees them, superusers included."""

    def visible_to(self, actor: User | AnonymousUser) -> Self:
        """Keep the tokens of `actor`."""
        return self.filter(user=actor.pk) if actor.is_authenticated else self.none()

    def editable_by(self, actor: User | AnonymousUser) -> Self:
        """Keep the tokens that `actor` may revoke: their own."""
        return self.visible_to(actor)


class OwnedQuerySet(ScopedQuerySet):  # type: ignore[type-arg]  # as above
    """Root objects of a workspace."""

    def active(self) -> Self:
        """Leave out what has been archived."""
        return self.filter(archived_at__isnull=True)
