"""Users and workspaces for tests, made through the services where there is one."""

from django.contrib.auth.models import User

from workspaces_app.models import Membership, Workspace


def make_workspace(name: str = "default") -> Workspace:
    """Return the workspace of this name, creating it where needed."""
    workspace, _ = Workspace.objects.get_or_create(name=name, defaults={"title": name.title()})
    return workspace


def make_user(
    username: str = "ada",
    *,
    role: str | None = "editor",
    workspace: Workspace | None = None,
    staff: bool = False,
    superuser: bool = False,
) -> User:
    """Return a new user with `role` in `workspace` (default: the workspace `default`).

    `role=None` makes a stranger: an active user without any membership.
    """
    user = User.objects.create_user(
        username,
        f"{username}@example.org",
        "correct horse battery",
        is_staff=staff or superuser,
        is_superuser=superuser,
    )
    if role is not None:
        Membership.objects.create(workspace=workspace or make_workspace(), user=user, role=role)
    return user
