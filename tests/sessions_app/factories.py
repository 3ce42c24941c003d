"""Sessions and messages for tests."""

from typing import Any

from django.contrib.auth.models import User
from django.db import connection
from psycopg.types.json import Jsonb

from config.common.uuid7 import uuid7
from sessions_app import services
from sessions_app.models import Session
from tests.factories import make_workspace
from workspaces_app.models import Workspace


def make_session(
    actor: User, title: str = "A talk", *, workspace: Workspace | None = None
) -> Session:
    return services.create_session(actor, workspace=workspace or make_workspace(), title=title)


def append_messages(session: Session, *contents: dict[str, Any]) -> None:
    """Append contents, each with its `kind`, by the statement that runs use."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT sessions_app_append_messages(%s, NULL, 1, %s, %s, %s)",
            [
                session.pk,
                [uuid7() for _ in contents],
                [content["kind"] for content in contents],
                [Jsonb(content) for content in contents],
            ],
        )
    session.refresh_from_db()
