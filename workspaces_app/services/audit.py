"""Writing the audit trail."""

from typing import Any

from django.contrib.auth.models import User
from django.db import models

from workspaces_app.models import AuditEvent, Workspace


def record(
    actor: User | None,
    action: str,
    obj: models.Model,
    *,
    before: Any = None,
    after: Any = None,
) -> AuditEvent:
    """Write one row about `obj`; call it inside the transaction that changes `obj`.

    `action` is dotted and globally unique, such as `template.published`. `before` and `after` are
    plain JSON without secrets.
    """
    workspace = obj if isinstance(obj, Workspace) else getattr(obj, "workspace", None)
    return AuditEvent.objects.create(
        actor=actor,
        action=action,
        workspace=workspace,
        object_type=obj._meta.label,
        object_id=str(obj.pk)[:64],
        object_name=str(obj)[:160],
        before=before,
        after=after,
    )
