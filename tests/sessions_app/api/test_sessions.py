"""HTTP access to sessions: own ones in lists, strangers get 404, messages in order."""

import pytest
from django.contrib.auth.models import User
from rest_framework.test import APIClient

from config.common.uuid7 import uuid7
from sessions_app import services
from tests.factories import make_user
from tests.sessions_app.factories import append_messages, make_session

pytestmark = pytest.mark.django_db


def client_of(user: User) -> APIClient:
    client = APIClient()
    client.force_authenticate(user)
    return client


def test_create_read_rename_and_archive() -> None:
    client = client_of(make_user())

    created = client.post("/api/v1/sessions/", {"title": "Cats"}, format="json")
    address = f"/api/v1/sessions/{created.data['id']}/"
    renamed = client.patch(address, {"title": "Dogs"}, format="json")
    archived = client.delete(address)

    assert (created.status_code, created.data["title"]) == (201, "Cats")
    assert created.data["workspace"] == "default"
    assert (renamed.status_code, renamed.data["title"]) == (200, "Dogs")
    assert archived.status_code == 204
    assert client.get(address).data["archived_at"] is not None
    assert client.put(address, {"title": "x"}, format="json").status_code == 409


def test_lists_hold_own_living_sessions_found_by_title() -> None:
    user, other = make_user(), make_user("eve", role="admin")
    kept = make_session(user, "On cats")
    make_session(user, "On dogs")
    services.archive_session(user, session=make_session(user, "Old cats"))
    make_session(other, "Cats of eve")

    listed = client_of(user).get("/api/v1/sessions/?search=cats")
    archived = client_of(user).get("/api/v1/sessions/?archived=true")

    assert [row["id"] for row in listed.data["results"]] == [str(kept.pk)]
    assert [row["title"] for row in archived.data["results"]] == ["Old cats"]


def test_messages_come_in_pages_by_sequence() -> None:
    user = make_user()
    session = make_session(user)
    append_messages(session, *({"kind": "user", "text": f"line {number}"} for number in range(5)))
    client = client_of(user)

    first = client.get(f"/api/v1/sessions/{session.pk}/messages/?page_size=3")
    second = client.get(first.data["next"])

    assert [row["sequence"] for row in first.data["results"]] == [1, 2, 3]
    assert [row["content"]["text"] for row in second.data["results"]] == ["line 3", "line 4"]
    assert second.data["next"] is None


def test_messages_are_filtered() -> None:
    user = make_user()
    session = make_session(user)
    append_messages(
        session, {"kind": "user", "text": "a"}, {"kind": "notice", "text": "b"},
        {"kind": "user", "text": "c"},
    )  # fmt: skip
    address = f"/api/v1/sessions/{session.pk}/messages/"
    client = client_of(user)

    assert [r["sequence"] for r in client.get(f"{address}?kind=user&after=1").data["results"]] == [
        3
    ]
    assert client.get(f"{address}?run={uuid7()}").data["results"] == []
    assert client.get(f"{address}?kind=nonsense").status_code == 400


@pytest.mark.parametrize("suffix", ["", "messages/"])
def test_a_stranger_and_another_member_get_404(suffix: str) -> None:
    session = make_session(make_user())

    for_member = client_of(make_user("eve")).get(f"/api/v1/sessions/{session.pk}/{suffix}")
    for_stranger = client_of(make_user("bob", role=None)).get(
        f"/api/v1/sessions/{session.pk}/{suffix}"
    )

    assert (for_member.status_code, for_stranger.status_code) == (404, 404)
    assert for_member.data["code"] == "object.not_found"


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("post", "", {"title": "x" * 161}),
        ("post", "", {"titel": "x"}),
        ("post", "", {"workspace": "elsewhere"}),
        ("get", "?ordering=user", None),
        ("get", "?page_size=0", None),
    ],
    ids=["long", "unknown", "foreign-workspace", "ordering", "page-size"],
)
def test_bad_input_is_a_problem(method: str, path: str, body: dict[str, str] | None) -> None:
    client = client_of(make_user())

    response = getattr(client, method)(f"/api/v1/sessions/{path}", body, format="json")

    assert response.status_code == 400
    assert response["Content-Type"] == "application/problem+json"
    assert response.data["code"]


@pytest.mark.parametrize("path", ["sessions/nonsense/", "sessions/nonsense/messages/"])
def test_an_address_that_is_no_id_is_404(path: str) -> None:
    assert client_of(make_user()).get(f"/api/v1/{path}").status_code == 404


def test_nobody_gets_in_without_signing_in() -> None:
    assert APIClient().get("/api/v1/sessions/").status_code == 401
