"""What every source of context promises, checked over the in-memory twin and the real one."""

import asyncio

import pytest

from agents_app.engine.memory import MemoryContext
from agents_app.engine.messages import Passage
from agents_app.engine.ports import ContextSource
from agents_app.runtime.knowledge import KnowledgeSource
from tests.factories import make_user
from tests.knowledge_app.factories import make_base, make_ready_document

pytestmark = pytest.mark.django_db(transaction=True)


def passage(number: int) -> Passage:
    return Passage(
        chunk_id=str(number),
        document_id="1",
        title="Pets",
        heading="Cats",
        text="Cats hunt mice at night. " * 4,
        start=0,
        end=100,
        score=1 / (number + 1),
    )


def twin() -> ContextSource:
    return MemoryContext([passage(number) for number in range(5)])


def stored() -> ContextSource:
    ada = make_user()
    base = make_base(ada)
    make_ready_document(ada, base)
    return KnowledgeSource(base_ids=[base.pk], user_id=ada.pk)


@pytest.fixture(params=[twin, stored], ids=["twin", "stored"])
def source(request: pytest.FixtureRequest) -> ContextSource:
    made: ContextSource = request.param()
    return made


def fetch(source: ContextSource, *, budget_tokens: int) -> list[Passage]:
    return asyncio.run(source.fetch("When do cats hunt mice?", budget_tokens=budget_tokens))


def test_the_best_passage_comes_first(source: ContextSource) -> None:
    passages = fetch(source, budget_tokens=2_000)
    assert "ats" in passages[0].heading
    scores = [found.score for found in passages]
    assert scores == sorted(scores, reverse=True)


@pytest.mark.parametrize("budget_tokens", [0, 30, 60, 2_000])
def test_the_passages_together_keep_within_the_budget(
    source: ContextSource, budget_tokens: int
) -> None:
    passages = fetch(source, budget_tokens=budget_tokens)
    assert sum(len(found.text) for found in passages) <= budget_tokens * 4
