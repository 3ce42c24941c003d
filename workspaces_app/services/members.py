"""Who belongs to a workspace, and with which role. A workspace always keeps an administrator."""

from django.contrib.auth.models import User
from django.db import transaction

from config.common.errors import Conflict, MeaningInvalid, NotFound
from config.common.roles import Role
from workspaces_app.models import Membership, Workspace
from workspaces_app.services import access, audit


@transaction.atomic
def add_member(actor: User, *, workspace: Workspace, username: str, role: str) -> Membership:
    """Give an existing user a role in the workspace.

    Raises:
        PermissionMissing: `actor` does not administer the workspace.
        MeaningInvalid: there is no active user of this name.
        Conflict: the user is a member already.
    """
    workspace = _locked(actor, workspace)
    user = User.objects.filter(username=username, is_active=True).first()
    if user is None:
        raise MeaningInvalid(
            f"There is no active user {username!r}. The operator creates accounts in the console.",
            code="member.user_unknown",
        )
    if Membership.objects.filter(workspace=workspace, user=user).exists():
        raise Conflict(
            f"{username!r} is a member already. Change the role instead.", code="member.exists"
        )
    membership = Membership(workspace=workspace, user=user, role=role)
    membership.full_clean()
    membership.save()
    audit.record(actor, "member.added", membership, after=_described(membership))
    return membership


@transaction.atomic
def change_role(actor: User, *, membership: Membership, role: str) -> Membership:
    """Give a member another role.

    Raises:
        PermissionMissing: `actor` does not administer the workspace.
        Conflict: it would leave the workspace without an administrator.
    """
    membership = _reread(actor, membership)
    before = _described(membership)
    if role != Role.ADMIN:
        _keep_an_administrator(membership)
    membership.role = role
    membership.full_clean()
    membership.save(update_fields=["role", "updated_at"])
    audit.record(
        actor, "member.role_changed", membership, before=before, after=_described(membership)
    )
    return membership


@transaction.atomic
def remove_member(actor: User, *, membership: Membership) -> None:
    """Take a user out of the workspace; what they made stays.

    Raises:
        PermissionMissing: `actor` does not administer the workspace.
        Conflict: the member is its last administrator.
    """
    membership = _reread(actor, membership)
    _keep_an_administrator(membership)
    audit.record(actor, "member.removed", membership, before=_described(membership))
    membership.delete()


def _locked(actor: User, workspace: Workspace) -> Workspace:
    """Return the workspace's row, locked, so that changes of its members follow one another."""
    access.require_role(actor, workspace, Role.ADMIN)
    locked: Workspace = Workspace.objects.select_for_update().get(pk=workspace.pk)
    return locked


def _reread(actor: User, membership: Membership) -> Membership:
    """Return the row as it is under the workspace's lock."""
    workspace = _locked(actor, membership.workspace)
    members = Membership.objects.select_related("user", "workspace").filter(workspace=workspace)
    found: Membership | None = members.filter(pk=membership.pk).first()
    if found is None:
        raise NotFound("This member has been removed meanwhile.", code="member.not_found")
    return found


def _keep_an_administrator(membership: Membership) -> None:
    """Refuse if nobody else administers the workspace."""
    others = Membership.objects.filter(
        workspace=membership.workspace_id, role=Role.ADMIN, user__is_active=True
    )
    if membership.role == Role.ADMIN and not others.exclude(pk=membership.pk).exists():
        raise Conflict(
            f"{membership.user.get_username()!r} is the last administrator of"
            f" {membership.workspace.name!r}. Make somebody else an administrator first.",
            code="member.last_admin",
        )


def _described(membership: Membership) -> dict[str, str]:
    return {"user": membership.user.get_username(), "role": membership.role}
