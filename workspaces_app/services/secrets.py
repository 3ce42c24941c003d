"""Storing and revealing secrets: write-only for people, bound to one origin."""

from urllib.parse import urlsplit

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import ProtectedError

from config.common.encryption import decrypt, encrypt
from config.common.errors import Conflict, MeaningInvalid
from config.common.roles import Role
from config.common.uuid7 import uuid7
from workspaces_app.models import Secret, Workspace
from workspaces_app.services import access, audit

DEFAULT_PORTS = {"http": 80, "https": 443}


def origin_of(url: str) -> str:
    """Return `scheme://host:port` of an address.

    Raises:
        MeaningInvalid: the address is not an http(s) URL with a host.
    """
    try:
        parts = urlsplit(url.strip())
        port = parts.port or DEFAULT_PORTS.get(parts.scheme, 0)
    except ValueError:
        parts, port = urlsplit(""), 0
    if parts.scheme not in DEFAULT_PORTS or not parts.hostname:
        raise MeaningInvalid(
            f"{url[:80]!r} is not an address; write https://host or http://host:port.",
            code="secret.origin_invalid",
        )
    return f"{parts.scheme}://{parts.hostname.lower()}:{port}"


def _binding(secret: Secret) -> str:
    return f"secret:{secret.workspace_id}:{secret.pk}:{secret.origin}"


@transaction.atomic
def create_secret(
    actor: User, *, workspace: Workspace, name: str, value: str, origin: str
) -> Secret:
    """Store a secret under a new name; see `store_secret`.

    Raises:
        Conflict: the name is taken.
    """
    access.require_role(actor, workspace, Role.ADMIN)
    if Secret.objects.filter(workspace=workspace, name=name).exists():
        raise Conflict(
            f"The workspace {workspace.name!r} already has a secret {name!r}. Replace its value"
            " instead.",
            code="secret.name_taken",
        )
    return store_secret(actor, workspace=workspace, name=name, value=value, origin=origin)


@transaction.atomic
def delete_secret(actor: User, *, secret: Secret) -> None:
    """Delete a secret that nothing uses.

    Raises:
        PermissionMissing: `actor` does not administer the workspace.
        Conflict: a provider or a tool uses it.
    """
    access.require_role(actor, secret.workspace, Role.ADMIN)
    audit.record(actor, "secret.deleted", secret, before={"origin": secret.origin})
    try:
        secret.delete()
    except ProtectedError as error:
        users = ", ".join(
            sorted(f"{row._meta.verbose_name} {row}" for row in error.protected_objects)
        )
        raise Conflict(
            f"The secret {secret.name!r} is used by {users}. Take it away there first.",
            code="secret.in_use",
        ) from error


@transaction.atomic
def store_secret(
    actor: User, *, workspace: Workspace, name: str, value: str, origin: str
) -> Secret:
    """Create the secret, or replace value and origin of the one with this name."""
    access.require_role(actor, workspace, Role.ADMIN)
    if not value or not value.isprintable():
        raise MeaningInvalid(
            "A secret is one line of printable characters.", code="secret.value_invalid"
        )
    secret = (
        Secret.objects.select_for_update().filter(workspace=workspace, name=name).first()
    ) or Secret(id=uuid7(), workspace=workspace, name=name)
    is_new = secret._state.adding
    secret.origin = origin_of(origin)
    secret.ciphertext = encrypt(value, bound_to=_binding(secret))
    secret.last4 = value[-4:] if len(value) >= 12 else ""
    secret.full_clean()
    secret.save()
    audit.record(
        actor,
        "secret.created" if is_new else "secret.replaced",
        secret,
        after={"origin": secret.origin},
    )
    return secret


def reveal_secret(secret: Secret, *, url: str) -> str:
    """Return the plain value for a request to `url`; call it right before the request.

    Raises:
        MeaningInvalid: `url` is on another origin than the secret is bound to.
    """
    if origin_of(url) != secret.origin:
        raise MeaningInvalid(
            f"The secret {secret.name!r} may only be sent to {secret.origin}. Enter it again for"
            " the new address.",
            code="secret.origin_mismatch",
        )
    return decrypt(bytes(secret.ciphertext), bound_to=_binding(secret))
