"""Rights in a workspace, asked by the services of every app."""

from django.contrib.auth.models import User

from config.common.errors import NotFound, PermissionMissing
from config.common.roles import Role
from workspaces_app.models import Workspace


def require_role(actor: User, workspace: Workspace, least: Role) -> None:
    """Refuse unless `actor` holds at least the role `least` in the workspace.

    Raises:
        NotFound: `actor` is not a member at all.
        PermissionMissing: the role is too low.
    """
    if not Workspace.objects.visible_to(actor).filter(pk=workspace.pk).exists():
        raise NotFound(
            f"There is no workspace {workspace.name!r}, or you are not a member of it.",
            code="workspace.not_found",
        )
    if not Workspace.objects.with_role(actor, least).filter(pk=workspace.pk).exists():
        raise PermissionMissing(
            f"This needs the role {least.value!r} in the workspace {workspace.name!r}."
        )


def workspace_named(actor: User, name: str | None) -> Workspace:
    """Return a workspace of the actor's: the named one, else the only one, else `default`.

    Raises:
        NotFound: there is no such workspace for this actor.
    """
    mine = Workspace.objects.visible_to(actor)
    if name:
        found: Workspace | None = mine.filter(name=name).first()
    else:
        first_two = list(mine.order_by("name")[:2])
        found = first_two[0] if len(first_two) == 1 else mine.filter(name="default").first()
    if found is None:
        wanted = repr(name) if name else "to work in"
        raise NotFound(
            f"There is no workspace {wanted}, or you are not a member of it. Name one of yours in"
            " `workspace`.",
            code="workspace.not_found",
        )
    return found
