"""The console's pages of knowledge: lists, the workbench, the passage viewer, archiving."""

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from pytest_django import DjangoAssertNumQueries

from knowledge_app.models import Document, KnowledgeBase
from tests.factories import make_user, make_workspace
from tests.knowledge_app.factories import GUIDE, make_base, make_document, make_ready_document

pytestmark = pytest.mark.django_db


@pytest.fixture
def staff(client: Client) -> User:
    user = make_user("staff", staff=True)
    client.force_login(user)
    return user


def page(client: Client, name: str, *args: object, query: str = "") -> str:
    response = client.get(reverse(f"admin:knowledge_app_{name}", args=args) + query)
    assert response.status_code == 200
    return response.content.decode()


def test_the_list_counts_documents_by_state(client: Client, staff: User) -> None:
    base = make_base(staff)
    make_document(staff, base)
    failed = make_document(staff, base, "other")
    Document.objects.filter(pk=failed.pk).update(state="failed", error="broken")

    text = page(client, "knowledgebase_changelist")

    assert "default/handbook" in text
    assert [label in text for label in ("0 ready", "1 waiting", "1 failed")] == [True] * 3


def test_the_list_does_not_ask_once_per_row(
    client: Client, staff: User, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    for number in range(8):
        make_base(staff, f"base-{number}")

    with django_assert_max_num_queries(20):
        page(client, "knowledgebase_changelist")


def test_foreign_bases_and_documents_are_not_shown(client: Client, staff: User) -> None:
    owner = make_user("owner", workspace=make_workspace("elsewhere"))
    base = make_base(owner, "secret-plans", workspace=make_workspace("elsewhere"))
    document = make_document(owner, base, title="Secret plan")

    assert "secret-plans" not in page(client, "knowledgebase_changelist")
    assert "Secret plan" not in page(client, "document_changelist")
    for name, key in (("knowledgebase", base.pk), ("document", document.pk)):
        answer = client.get(reverse(f"admin:knowledge_app_{name}_change", args=[key]))
        assert answer.status_code == 302


def test_a_base_is_created_by_its_service(client: Client, staff: User) -> None:
    values = {
        "workspace": str(make_workspace().pk), "name": "handbook", "title": "Handbook",
        "visibility": "private", "description": "", "language": "english",
        "chunk_tokens": "200", "overlap_tokens": "30",
    }  # fmt: skip

    answer = client.post(reverse("admin:knowledge_app_knowledgebase_add"), values)

    base = KnowledgeBase.objects.get()
    assert answer["Location"] == reverse("admin:knowledge_app_knowledgebase_change", args=[base.pk])
    assert (base.title, base.created_by) == ("Handbook", staff)


def test_settings_without_meaning_are_shown_in_the_form(client: Client, staff: User) -> None:
    values = {
        "workspace": str(make_workspace().pk), "name": "handbook", "visibility": "private",
        "language": "english", "chunk_tokens": "40", "overlap_tokens": "30",
    }  # fmt: skip

    answer = client.post(reverse("admin:knowledge_app_knowledgebase_add"), values)

    assert "use less than half" in answer.content.decode()
    assert not KnowledgeBase.objects.exists()


def test_the_page_of_a_base_has_the_workbench(client: Client, staff: User) -> None:
    base = make_base(staff)

    text = page(client, "knowledgebase_change", base.pk)

    assert f'data-search="/api/v1/knowledge-bases/{base.pk}/search/"' in text
    assert 'data-document-api="/api/v1/documents/"' in text
    assert 'data-editable="yes"' in text
    assert 'type="module"' in text


def test_a_viewer_sees_the_workbench_without_changes(client: Client) -> None:
    base = make_base(make_user())
    client.force_login(make_user("viewer", role="viewer", staff=True))

    assert 'data-editable="no"' in page(client, "knowledgebase_change", base.pk)


def test_deleting_a_base_archives_it(client: Client, staff: User) -> None:
    base = make_base(staff)

    answer = client.post(
        reverse("admin:knowledge_app_knowledgebase_delete", args=[base.pk]), {"post": "yes"}
    )

    assert answer.status_code == 302
    base.refresh_from_db()
    assert base.archived_at is not None
    text = page(client, "knowledgebase_changelist")
    assert "“handbook” is archived" in text
    assert "default/handbook" not in text


def test_the_viewer_marks_the_cited_passage(client: Client, staff: User) -> None:
    document = make_ready_document(staff, make_base(staff))
    start = GUIDE.index("They hunt")
    end = start + len("They hunt mice at night.")

    text = page(client, "document_change", document.pk, query=f"?start={start}&end={end}")

    assert '<mark class="ab-kb-mark" id="passage">They hunt mice at night.</mark>' in text
    assert 'title="Passage 2: Pets › Cats"' in text


@pytest.mark.parametrize("query", ["?start=x&end=-1", "?start=9999&end=99999", "?start=5&end=5"])
def test_an_impossible_place_marks_nothing(client: Client, staff: User, query: str) -> None:
    document = make_ready_document(staff, make_base(staff))

    assert "<mark" not in page(client, "document_change", document.pk, query=query)


def test_the_text_is_escaped(client: Client, staff: User) -> None:
    document = make_document(staff, make_base(staff), "<script>alert(1)</script>", title="<b>x</b>")

    text = page(client, "document_change", document.pk)

    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text
    assert "<script>alert(1)" not in text
    assert "<b>x</b>" not in text


def test_a_document_is_deleted_by_its_service(client: Client, staff: User) -> None:
    document = make_document(staff, make_base(staff))

    answer = client.post(
        reverse("admin:knowledge_app_document_delete", args=[document.pk]), {"post": "yes"}
    )

    assert answer.status_code == 302
    assert not Document.objects.exists()
