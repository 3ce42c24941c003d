"""Hybrid search: order, ranks, words of every shape, and rights compared with `visible_to`."""

from typing import Any
from uuid import UUID

import pytest
from channels.db import database_sync_to_async
from django.contrib.auth.models import Group, User

from knowledge_app import services
from knowledge_app.errors import BaseUnreadable, QueryInvalid
from knowledge_app.models import Document, KnowledgeBase, KnowledgeBaseShare
from knowledge_app.runtime import search as search_module
from knowledge_app.runtime.search import Hit, search, search_now
from tests.factories import make_user, make_workspace
from tests.knowledge_app.factories import GUIDE, make_base, make_document, make_ready_document
from workspaces_app.models import Visibility

pytestmark = pytest.mark.django_db


def find(user: User, *bases: KnowledgeBase, query: str, k: int = 6) -> list[Hit]:
    return services.search(user, bases=bases, query=query, k=k)


def test_the_best_passage_is_first_in_both_lists_and_scores_one() -> None:
    actor = make_user()
    base = make_base(actor)
    document = make_ready_document(actor, base)

    hits = find(actor, base, query="When do cats hunt mice?")

    best = hits[0]
    assert (best.heading, best.document_id, best.base_id) == ("Pets › Cats", document.pk, base.pk)
    assert (best.dense_rank, best.lexical_rank) == (1, 1)
    assert best.score == pytest.approx(1.0)
    assert best.text == GUIDE[best.start : best.end]
    assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)
    assert all(0 < hit.score <= 1 for hit in hits)


def test_meaning_finds_what_shares_no_word() -> None:
    actor = make_user()
    base = make_base(actor)
    make_ready_document(actor, base)

    best = find(actor, base, query="feline predator")[0]

    assert (best.heading, best.lexical_rank, best.dense_rank) == ("Pets › Cats", None, 1)
    assert best.score == pytest.approx(0.5)


def test_upper_case_finds_the_same() -> None:
    actor = make_user()
    base = make_base(actor)
    make_ready_document(actor, base)

    lower = find(actor, base, query="dogs love walks")
    upper = find(actor, base, query="DOGS LOVE WALKS")

    assert [hit.chunk_id for hit in upper] == [hit.chunk_id for hit in lower]


def test_a_rare_word_outweighs_common_ones() -> None:
    actor = make_user()
    base = make_base(actor)
    for number in range(6):
        make_ready_document(
            actor, base, f"The red system report number {number}.", title=f"Report {number}"
        )
    rare = make_ready_document(actor, base, "A zeppelin landed.", title="News")

    hits = find(actor, base, query="red system report zeppelin", k=20)

    assert next(hit for hit in hits if hit.lexical_rank == 1).document_id == rare.pk


@pytest.mark.parametrize(
    "query",
    [
        "it's a 'quoted' word's \\ path C:\\mice\\hunt",
        "cats & | ! <-> :* ( mice",
        "% mice %s %(k)s ''; DROP TABLE x; --",
        "/var/log/mice?x=1&y='2' user@example.org",
        "the of and",
        "\x00 mice",
        "mice " * 700,
        "老鼠 mice",
    ],
    ids=["quotes", "operators", "percent", "address", "stop-words", "nul", "long", "ideographs"],
)
def test_any_text_can_be_searched(query: str) -> None:
    actor = make_user()
    base = make_base(actor)
    make_ready_document(actor, base)

    assert len(find(actor, base, query=query, k=3)) == 3


@pytest.mark.parametrize(
    ("query", "k"),
    [("", 6), (" \x00\n", 6), ("x" * 4001, 6), ("x", 0), ("x", 51)],
    ids=["empty", "blank", "long", "none", "many"],
)
def test_a_search_out_of_range_is_refused(query: str, k: int) -> None:
    actor = make_user()

    with pytest.raises(QueryInvalid):
        find(actor, make_base(actor), query=query, k=k)


def test_k_limits_and_bases_are_joined() -> None:
    actor = make_user()
    english, simple = make_base(actor, "one"), make_base(actor, "two", language="simple")
    make_ready_document(actor, english)
    make_ready_document(actor, simple, "Cats hunt mice.", title="Short")

    hits = find(actor, english, simple, query="cats hunt mice", k=2)

    assert {hit.base_id for hit in hits} == {english.pk, simple.pk}
    assert [hit.lexical_rank is not None for hit in hits] == [True, True]


def test_only_ready_documents_are_found() -> None:
    actor = make_user()
    base = make_base(actor)
    document = make_ready_document(actor, base)
    make_document(actor, base, "Cats hunt mice, too.", title="Queued")
    Document.objects.filter(pk=document.pk).update(state="running")

    assert find(actor, base, query="cats") == []


def test_a_deleted_document_is_not_found() -> None:
    actor = make_user()
    base = make_base(actor)
    document = make_ready_document(actor, base)

    services.delete_document(actor, document=document)

    assert find(actor, base, query="cats") == []


def test_the_index_finds_what_exact_search_finds(monkeypatch: pytest.MonkeyPatch) -> None:
    actor = make_user()
    base, other = make_base(actor, "one"), make_base(actor, "two")
    make_ready_document(actor, base)
    make_ready_document(actor, other, GUIDE.replace("Cats", "Birds"), title="Birds")
    exact = find(actor, base, query="walks with dogs")

    monkeypatch.setattr(search_module, "EXACT_CHUNKS", 0)

    assert find(actor, base, query="walks with dogs") == exact


@pytest.mark.django_db(transaction=True)
async def test_the_async_search_finds_the_same() -> None:
    def prepare() -> tuple[int, UUID, list[Hit]]:
        actor = make_user()
        base = make_base(actor)
        make_ready_document(actor, base)
        return actor.pk, base.pk, find(actor, base, query="mice")

    user_id, base_id, expected = await database_sync_to_async(prepare)()

    assert await search(user_id=user_id, base_ids=[base_id], query="mice") == expected


def shared_with_user(base: KnowledgeBase) -> User:
    user = make_user("reader", role=None)
    KnowledgeBaseShare.objects.create(object=base, user=user, role="viewer")
    return user


def shared_with_group(base: KnowledgeBase) -> User:
    user = make_user("reader", role=None)
    group = Group.objects.create(name="readers")
    user.groups.add(group)
    KnowledgeBaseShare.objects.create(object=base, group=group, role="runner")
    return user


def inactive_member(base: KnowledgeBase) -> User:
    user = make_user("reader")
    user.is_active = False
    user.save()
    return user


def member_elsewhere(base: KnowledgeBase) -> User:
    return make_user("reader", role="admin", workspace=make_workspace("elsewhere"))


def share_of_another_base(base: KnowledgeBase) -> User:
    other = make_base(User.objects.get(username="ada"), "other")
    return shared_with_user(other)


READERS = [
    (lambda base: make_user("reader", role="viewer"), True),
    (lambda base: make_user("reader", role="admin"), True),
    (shared_with_user, True),
    (shared_with_group, True),
    (lambda base: make_user("reader", role=None, superuser=True), True),
    (lambda base: make_user("reader", role=None), False),
    (inactive_member, False),
    (member_elsewhere, False),
    (share_of_another_base, False),
]
READER_IDS = [
    "viewer", "admin", "share", "group-share", "superuser",
    "stranger", "inactive", "elsewhere", "other-share",
]  # fmt: skip


@pytest.mark.parametrize("visibility", ["private", "public"])
@pytest.mark.parametrize(("reader", "may_read_private"), READERS, ids=READER_IDS)
def test_the_statement_grants_what_visible_to_grants(
    reader: Any, may_read_private: bool, visibility: str
) -> None:
    base = make_base(make_user(), visibility=visibility)
    make_ready_document(User.objects.get(username="ada"), base)
    user = reader(base)
    expected = KnowledgeBase.objects.visible_to(user).filter(pk=base.pk).exists()
    assert expected == (may_read_private or (visibility == Visibility.PUBLIC and user.is_active))

    try:
        found = bool(search_now(user_id=user.pk, base_ids=[base.pk], query="cats"))
    except BaseUnreadable:
        found = False

    assert found == expected


def test_a_foreign_base_beside_an_own_one_adds_nothing() -> None:
    actor = make_user()
    own, foreign = make_base(actor, "own"), make_base(actor, "foreign")
    make_ready_document(actor, own)
    make_ready_document(actor, foreign, "Secret: cats hunt mice.", title="Secret")
    guest = make_user("guest", role=None)
    KnowledgeBaseShare.objects.create(object=own, user=guest, role="viewer")

    hits = find(guest, own, foreign, query="secret cats hunt mice")

    assert {hit.base_id for hit in hits} == {own.pk}


def test_an_archived_or_unknown_base_cannot_be_searched() -> None:
    actor = make_user()
    base = make_base(actor)
    make_ready_document(actor, base)
    services.archive_base(actor, base=base)

    with pytest.raises(BaseUnreadable):
        find(actor, base, query="cats")
    with pytest.raises(BaseUnreadable):
        search_now(user_id=actor.pk, base_ids=[], query="cats")


def test_an_empty_base_has_no_hits() -> None:
    actor = make_user()

    assert find(actor, make_base(actor), query="cats") == []
