"""Creating and changing workspaces."""

from django.contrib.auth.models import User
from django.db import transaction

from config.common.errors import Conflict, PermissionMissing
from config.common.roles import Role
from workspaces_app.models import Membership, Workspace
from workspaces_app.services import access, audit


@transaction.atomic
def create_workspace(actor: User, *, name: str, title: str = "") -> Workspace:
    """Create a workspace whose first administrator is `actor`.

    Raises:
        PermissionMissing: `actor` is no superuser.
        Conflict: the name is taken.
    """
    if not (actor.is_active and actor.is_superuser):
        raise PermissionMissing("Only superusers create workspaces. Ask the operator for one.")
    if Workspace.objects.filter(name=name).exists():
        raise Conflict(
            f"There is already a workspace {name!r}. Choose another name.",
            code="workspace.name_taken",
        )
    workspace = Workspace(name=name, title=title)
    workspace.full_clean()
    workspace.save()
    Membership.objects.create(workspace=workspace, user=actor, role=Role.ADMIN)
    audit.record(actor, "workspace.created", workspace)
    return workspace


@transaction.atomic
def update_workspace(actor: User, *, workspace: Workspace, title: str) -> Workspace:
    """Change the title. The name stays: references of other workspaces hold it.

    Raises:
        PermissionMissing: `actor` does not administer the workspace.
    """
    access.require_role(actor, workspace, Role.ADMIN)
    before = {"title": workspace.title}
    workspace.title = title
    workspace.full_clean()
    workspace.save(update_fields=["title", "updated_at"])
    audit.record(actor, "workspace.updated", workspace, before=before, after={"title": title})
    return workspace
