"""Who may see and do what, written once as queryset methods.

A root object has a `workspace`, a `visibility` and `shares`; a workspace has `memberships`. Access
is the role of a membership, or of a share with the user or one of their groups, or, for reading
and running, public visibility. Superusers see everything. Children (versions, documents,
messages) name the path to their root in `scope_path`.
"""

from typing import Any, Self, TypeVar

from django.contrib.auth.models import AnonymousUser, User
from django.db import models
from django.db.models import Exists, OuterRef, Q

from config.common.roles import Role, roles_from

M = TypeVar("M", bound=models.Model)

Actor = User | AnonymousUser


class ScopedQuerySet(models.QuerySet[M]):
    """Rows restricted to what an actor may do with their root object."""

    scope_path = ""
    """Lookup from this model to its root object, such as `template`; empty for a root itself."""

    def visible_to(self, actor: Actor) -> Self:
        """Keep the rows that `actor` may read. Anonymous users see nothing."""
        return self._with_role(actor, Role.VIEWER)

    def runnable_by(self, actor: Actor) -> Self:
        """Keep the rows that `actor` may run or render."""
        return self._with_role(actor, Role.RUNNER)

    def editable_by(self, actor: Actor) -> Self:
        """Keep the rows that `actor` may change."""
        return self._with_role(actor, Role.EDITOR)

    def administered_by(self, actor: Actor) -> Self:
        """Keep the rows whose sharing `actor` may change."""
        return self._with_role(actor, Role.ADMIN)

    def _with_role(self, actor: Actor, least: Role) -> Self:
        if not actor.is_authenticated or not actor.is_active:
            return self.none()
        if actor.is_superuser:
            return self
        if not self.scope_path:
            return self.filter(access_condition(self.model, actor, least))
        root = self._root_model()
        allowed = root._default_manager.filter(access_condition(root, actor, least))
        return self.filter(**{f"{self.scope_path}__in": allowed.values("pk")})

    def _root_model(self) -> type[models.Model]:
        model: type[models.Model] = self.model
        for step in self.scope_path.split("__"):
            related: Any = model._meta.get_field(step).related_model
            model = related
        return model


def access_condition(model: type[models.Model], actor: User, least: Role) -> Q:
    """Return the condition under which `actor` holds at least the role `least` on a root row.

    Built from subqueries, so it never multiplies rows and combines with any filter or order.
    """
    fields = {field.name: field for field in model._meta.get_fields()}
    roles = roles_from(least)
    workspace: Any = fields["workspace"].related_model
    membership: Any = workspace._meta.get_field("memberships").related_model
    condition = Q(
        workspace__in=membership.objects.filter(user=actor, role__in=roles).values("workspace")
    )
    if "shares" in fields:
        share: Any = fields["shares"].related_model
        granted = share.objects.filter(object=OuterRef("pk"), role__in=roles).filter(
            Q(user=actor) | Q(group__in=actor.groups.values("pk"))
        )
        condition |= Q(Exists(granted))
    if "visibility" in fields and least in {Role.VIEWER, Role.RUNNER}:
        condition |= Q(visibility="public")
    return condition
