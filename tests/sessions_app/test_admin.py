import pytest
from django.test import Client
from django.urls import reverse

from tests.factories import make_user
from tests.sessions_app.factories import append_messages, make_session

pytestmark = pytest.mark.django_db

PASSAGE = {
    "chunk_id": "c", "document_id": "01a2", "title": "Guide", "heading": "Cats",
    "text": "Cats sleep.", "start": 1200, "end": 1211, "score": 1.0,
}  # fmt: skip


def test_a_session_is_shown_as_a_conversation_with_everything_escaped(client: Client) -> None:
    client.force_login(make_user("root", superuser=True))
    session = make_session(make_user())
    append_messages(
        session,
        {"kind": "user", "text": "<script>alert(1)</script>"},
        {"kind": "assistant", "text": "", "calls": [{"id": "1", "name": "look", "arguments": "{}"}]},
        {
            "kind": "tool_result", "call_id": "1", "name": "look", "content": "<b>found</b>",
            "is_error": False, "passages": [PASSAGE],
        },
    )  # fmt: skip

    page = client.get(reverse("admin:sessions_app_session_change", args=[session.pk]))

    text = page.content.decode()
    assert page.status_code == 200
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text
    assert "<script>alert(1)" not in text
    assert "Result of look" in text
    assert "/document/01a2/change/?start=1200&amp;end=1211#passage" in text


def test_the_list_shows_sessions_and_offers_no_changes(client: Client) -> None:
    client.force_login(make_user("root", superuser=True))
    make_session(make_user(), "On cats")

    page = client.get(reverse("admin:sessions_app_session_changelist"))

    assert "On cats" in page.content.decode()
    assert client.get(reverse("admin:sessions_app_session_add")).status_code == 403
