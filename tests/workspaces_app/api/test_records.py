from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.test import AsyncClient
from rest_framework.test import APIClient

from tests.factories import make_user, make_workspace
from tests.workspaces_app.api.client import assert_problem, client, names
from workspaces_app.models import AuditEvent, Blob
from workspaces_app.models.blobs import PIECE_BYTES
from workspaces_app.services import audit
from workspaces_app.services.blobs import store_blob
from workspaces_app.services.tokens import create_token

pytestmark = pytest.mark.django_db
AUDIT = "/api/v1/audit-events/"


def event(action: str = "workspace.seen", workspace: str = "default") -> AuditEvent:
    return audit.record(None, action, make_workspace(workspace), after={"title": "x"})


def blob(content: bytes = b"<script>", filename: str = "a.html") -> Blob:
    return store_blob(make_workspace(), content, media_type="text/html", filename=filename)


# --- Audit trail -----------------------------------------------------------------------------------


def test_administrators_read_the_trail_of_their_workspaces_only() -> None:
    event("a.own")
    event("a.foreign", workspace="elsewhere")
    assert names(client(make_user(role="admin")).get(AUDIT), "action") == ["a.own"]


def test_superusers_read_rows_without_a_workspace_too() -> None:
    create_token(make_user(role=None), name="t")
    root = make_user("root", superuser=True)
    assert names(client(root).get(AUDIT), "action") == ["token.created"]


@pytest.mark.parametrize("role", [None, "viewer", "editor"])
def test_others_read_nothing_of_it(role: str | None) -> None:
    address = f"{AUDIT}{event().pk}/"
    api = client(make_user(role=role))
    assert names(api.get(AUDIT)) == []
    assert_problem(api.get(address), 404, "object.not_found")


@pytest.mark.parametrize("method", ["post", "put", "patch", "delete"])
def test_nobody_writes_it(method: str) -> None:
    address = f"{AUDIT}{event().pk}/" if method != "post" else AUDIT
    api = client(make_user("root", superuser=True))
    assert_problem(
        getattr(api, method)(address, {}, format="json"), 405, "request.method_not_allowed"
    )


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"action": "a.one"}, ["a.one"]),
        ({"object_type": "workspaces_app.workspace"}, ["a.two", "a.one"]),
        ({"workspace": "elsewhere"}, []),
        ({"since": "2999-01-01T00:00:00Z"}, []),
        ({"search": "two"}, ["a.two"]),
    ],
    ids=str,
)
def test_the_trail_is_filtered(query: dict[str, str], found: list[str]) -> None:
    event("a.one")
    event("a.two")
    assert names(client(make_user(role="admin")).get(AUDIT, query), "action") == found


def test_a_token_needs_the_scope_admin_for_the_trail() -> None:
    _, plain = create_token(make_user(role="admin"), name="weak", scopes=["read"])
    api = APIClient()
    api.credentials(HTTP_AUTHORIZATION=f"Bearer {plain}")
    assert_problem(api.get(AUDIT), 403, "token.scope_missing")


# --- Blobs -----------------------------------------------------------------------------------------


def content_url(row: Blob) -> str:
    return f"/api/v1/blobs/{row.pk}/content/"


def test_content_comes_as_an_attachment_that_no_browser_runs() -> None:
    response: Any = client(make_user(role="viewer")).get(content_url(blob()))
    assert response.status_code == 200
    assert b"".join(response.streaming_content) == b"<script>"
    assert response["Content-Type"] == "application/octet-stream"
    assert response["Content-Disposition"] == 'attachment; filename="a.html"'
    assert response["X-Content-Type-Options"] == "nosniff"
    assert response["Content-Length"] == "8"


def test_content_of_several_pieces_comes_whole() -> None:
    content = b"x" * PIECE_BYTES + b"tail"
    response: Any = client(make_user()).get(content_url(blob(content)))
    assert b"".join(response.streaming_content) == content


@pytest.mark.django_db(transaction=True)
async def test_an_asynchronous_server_streams_piece_by_piece() -> None:
    user = await sync_to_async(make_user)()
    row = await sync_to_async(blob)(b"x" * PIECE_BYTES + b"tail")
    api = AsyncClient()
    await api.aforce_login(user)
    response: Any = await api.get(content_url(row))
    assert response.is_async
    sizes = [len(piece) async for piece in response.streaming_content]
    assert sizes == [PIECE_BYTES, 4]


def test_a_strange_file_name_stays_inside_its_header() -> None:
    response = client(make_user()).get(content_url(blob(filename='ü"\\ x.txt')))
    assert response["Content-Disposition"].startswith("attachment; filename*=utf-8''")


@pytest.mark.parametrize("address", ["x", "00000000-0000-0000-0000-000000000000"])
def test_unknown_content_is_not_found(address: str) -> None:
    response = client(make_user()).get(f"/api/v1/blobs/{address}/content/")
    assert_problem(response, 404, "object.not_found")


def test_a_stranger_cannot_download() -> None:
    response = client(make_user(role=None)).get(content_url(blob()))
    assert_problem(response, 404, "object.not_found")
