"""HTTP access to bases and documents: success, strangers, bad input."""

import pytest
from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile
from pytest_django import DjangoAssertNumQueries
from rest_framework.test import APIClient

from knowledge_app.models import Document
from tests.factories import make_user
from tests.knowledge_app.factories import GUIDE, make_base, make_document, make_ready_document

pytestmark = pytest.mark.django_db

BASES = "/api/v1/knowledge-bases/"


def client_of(user: User) -> APIClient:
    client = APIClient()
    client.force_authenticate(user)
    return client


def test_create_read_change_and_archive_a_base() -> None:
    client = client_of(make_user())

    created = client.post(BASES, {"name": "handbook", "language": "german"}, format="json")
    address = f"{BASES}{created.data['id']}/"
    changed = client.patch(address, {"title": "Handbook"}, format="json")
    archived = client.delete(address)

    assert created.status_code == 201
    assert (created.data["reference"], created.data["language"]) == ("default/handbook", "german")
    assert (created.data["document_count"], created.data["chunk_count"]) == (0, 0)
    assert (changed.status_code, changed.data["title"]) == (200, "Handbook")
    assert archived.status_code == 204
    assert client.get(BASES).data["results"] == []
    assert len(client.get(f"{BASES}?archived=true").data["results"]) == 1


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({}, 400, "request.invalid"),
        ({"name": "x", "nmae": "y"}, 400, "request.invalid"),
        ({"name": "x", "chunk_tokens": 1000}, 400, "request.invalid"),
        ({"name": "No!"}, 422, "request.meaningless"),
        ({"name": "x", "language": "klingon"}, 422, "knowledge.language_unknown"),
        ({"name": "taken"}, 409, "knowledge.name_taken"),
    ],
    ids=["empty", "unknown-field", "size", "name", "language", "taken"],
)
def test_a_base_that_cannot_be_made_is_a_problem(
    body: dict[str, object], status: int, code: str
) -> None:
    actor = make_user()
    make_base(actor, "taken")

    answer = client_of(actor).post(BASES, body, format="json")

    assert (answer.status_code, answer.data["code"]) == (status, code)
    assert answer["Content-Type"] == "application/problem+json"


def test_add_text_and_read_it_back() -> None:
    actor = make_user()
    base = make_base(actor)
    client = client_of(actor)

    added = client.post(
        f"{BASES}{base.pk}/documents/", {"title": "Pets", "text": GUIDE}, format="json"
    )
    content = client.get(f"/api/v1/documents/{added.data['id']}/content/", HTTP_ACCEPT="text/plain")

    assert (added.status_code, added.data["state"]) == (201, "queued")
    assert added.data["size_bytes"] == len(GUIDE.encode())
    assert content.content.decode() == GUIDE
    assert content["Content-Disposition"] == 'attachment; filename="Pets.txt"'
    assert (content["Content-Security-Policy"], content["X-Content-Type-Options"]) == (
        "sandbox",
        "nosniff",
    )


def test_upload_a_file_twice_and_get_one_document() -> None:
    actor = make_user()
    base = make_base(actor)
    client = client_of(actor)
    address = f"{BASES}{base.pk}/documents/"

    first = client.post(
        address, {"file": SimpleUploadedFile("user_guide.md", GUIDE.encode())}, format="multipart"
    )
    again = client.post(
        address, {"file": SimpleUploadedFile("copy.md", GUIDE.encode())}, format="multipart"
    )

    assert (first.status_code, first.data["title"]) == (201, "user guide")
    assert first.data["media_type"] == "text/markdown"
    assert again.data["id"] == first.data["id"]


@pytest.mark.parametrize(
    ("filename", "content", "status", "code"),
    [
        ("a.pdf", b"%PDF-1.7", 422, "document.type_unsupported"),
        ("a.md", b"\xff\xfe", 422, "document.not_utf8"),
        ("a.md", b"a\x00b", 422, "document.not_text"),
        ("a.txt", b"", 422, "document.empty"),
        ("a.txt", b"x" * (5 * 1024 * 1024 + 1), 413, "document.too_large"),
    ],
    ids=["pdf", "encoding", "nul", "empty", "large"],
)
def test_a_file_that_cannot_be_taken_is_a_problem(
    filename: str, content: bytes, status: int, code: str
) -> None:
    actor = make_user()
    base = make_base(actor)

    answer = client_of(actor).post(
        f"{BASES}{base.pk}/documents/",
        {"file": SimpleUploadedFile(filename, content)},
        format="multipart",
    )

    assert (answer.status_code, answer.data["code"]) == (status, code)
    assert not Document.objects.exists()


def test_documents_are_listed_by_state_and_title() -> None:
    actor = make_user()
    base = make_base(actor)
    make_document(actor, base, "one", title="About cats")
    failed = make_document(actor, base, "two", title="About dogs")
    Document.objects.filter(pk=failed.pk).update(state="failed", error="broken")
    client = client_of(actor)
    address = f"{BASES}{base.pk}/documents/"

    assert len(client.get(address).data["results"]) == 2
    assert [row["error"] for row in client.get(f"{address}?state=failed").data["results"]] == [
        "broken"
    ]
    assert [row["title"] for row in client.get(f"{address}?search=cats").data["results"]] == [
        "About cats"
    ]
    assert client.get(f"{address}?state=nonsense").status_code == 400


def test_chunks_come_in_the_order_of_the_text() -> None:
    actor = make_user()
    document = make_ready_document(actor, make_base(actor))
    client = client_of(actor)

    first = client.get(f"/api/v1/documents/{document.pk}/chunks/?page_size=2")
    second = client.get(first.data["next"])

    rows = [*first.data["results"], *second.data["results"]]
    assert [row["ordinal"] for row in rows] == [0, 1, 2]
    assert all(GUIDE[row["start"] : row["end"]] == row["text"] for row in rows)


def test_search_returns_both_ranks() -> None:
    actor = make_user()
    base = make_base(actor)
    make_ready_document(actor, base)

    answer = client_of(actor).post(
        f"{BASES}{base.pk}/search/", {"query": "cats hunt", "k": 2}, format="json"
    )

    assert answer.status_code == 200
    best = answer.data[0]
    assert (best["heading"], best["dense_rank"], best["lexical_rank"]) == ("Pets › Cats", 1, 1)
    assert len(answer.data) == 2


@pytest.mark.parametrize(
    "body", [{}, {"query": ""}, {"query": "x", "k": 51}, {"query": "x" * 4001}, {"q": "x"}]
)
def test_a_search_out_of_range_is_a_problem(body: dict[str, object]) -> None:
    actor = make_user()
    base = make_base(actor)

    answer = client_of(actor).post(f"{BASES}{base.pk}/search/", body, format="json")

    assert (answer.status_code, answer.data["code"]) == (400, "request.invalid")


def test_retry_and_delete_a_document() -> None:
    actor = make_user()
    document = make_document(actor, make_base(actor))
    client = client_of(actor)
    address = f"/api/v1/documents/{document.pk}/"

    busy = client.post(f"{address}retry/")
    Document.objects.filter(pk=document.pk).update(state="failed", error="broken")
    retried = client.post(f"{address}retry/")
    deleted = client.delete(address)

    assert (busy.status_code, busy.data["code"]) == (409, "document.not_failed")
    assert (retried.status_code, retried.data["state"]) == (200, "queued")
    assert deleted.status_code == 204
    assert client.get(address).status_code == 404


REQUESTS = [
    ("get", "knowledge-bases/{base}/", None),
    ("patch", "knowledge-bases/{base}/", {"title": "x"}),
    ("delete", "knowledge-bases/{base}/", None),
    ("post", "knowledge-bases/{base}/search/", {"query": "x"}),
    ("get", "knowledge-bases/{base}/documents/", None),
    ("post", "knowledge-bases/{base}/documents/", {"title": "x", "text": "x"}),
    ("get", "documents/{document}/", None),
    ("delete", "documents/{document}/", None),
    ("post", "documents/{document}/retry/", None),
    ("get", "documents/{document}/chunks/", None),
    ("get", "documents/{document}/content/", None),
]


@pytest.mark.parametrize(("method", "path", "body"), REQUESTS)
def test_a_stranger_gets_404_everywhere(
    method: str, path: str, body: dict[str, object] | None
) -> None:
    actor = make_user()
    base = make_base(actor)
    document = make_document(actor, base)
    client = client_of(make_user("stranger", role=None))
    address = path.format(base=base.pk, document=document.pk)

    answer = getattr(client, method)(f"/api/v1/{address}", body, format="json")

    assert (answer.status_code, answer.data["code"]) == (404, "object.not_found")
    assert Document.objects.filter(pk=document.pk, base__title="").exists()


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        request
        for request in REQUESTS
        if request[0] in {"patch", "delete"} or "title" in str(request)
    ],
)
def test_a_viewer_gets_403_for_changes(
    method: str, path: str, body: dict[str, object] | None
) -> None:
    actor = make_user()
    base = make_base(actor)
    document = make_document(actor, base)
    client = client_of(make_user("viewer", role="viewer"))
    address = path.format(base=base.pk, document=document.pk)

    answer = getattr(client, method)(f"/api/v1/{address}", body, format="json")

    assert (answer.status_code, answer.data["code"]) == (403, "permission.missing")


@pytest.mark.parametrize(
    "path", ["knowledge-bases/x/", "knowledge-bases/x/documents/", "documents/x/"]
)
def test_an_address_that_is_no_id_is_404(path: str) -> None:
    assert client_of(make_user()).get(f"/api/v1/{path}").status_code == 404


def test_the_list_of_bases_does_not_ask_once_per_row(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    actor = make_user()
    for number in range(5):
        make_base(actor, f"base-{number}")
    client = client_of(actor)

    with django_assert_num_queries(1):
        assert len(client.get(BASES).data["results"]) == 5
