"""Knowledge for a run: as a tool that the model calls, and as context before the first step."""

from collections.abc import Mapping, Sequence
from uuid import UUID

from agents_app.domain.manifest import KNOWLEDGE_TOOL
from agents_app.engine.messages import Passage, ToolResult
from agents_app.engine.ports import PreparedCall
from agents_app.engine.spec import ToolSpec
from config.common.errors import DomainError
from knowledge_app.runtime.search import Hit, search

PASSAGES = 4
CHARACTERS_PER_TOKEN = 4
MAX_QUERY_CHARS = 300
PARAMETERS: Mapping[str, object] = {
    "type": "object",
    "properties": {
        "query": {
            "type": "string",
            "description": "What to look for, in the words of the question.",
            "minLength": 1,
            "maxLength": MAX_QUERY_CHARS,
        }
    },
    "required": ["query"],
    "additionalProperties": False,
}


class KnowledgeSource:
    """The context port over the knowledge bases that the run's agent pins."""

    def __init__(self, *, base_ids: Sequence[UUID], user_id: int) -> None:
        """Search as the user of the run: bases they lost the right to are not read."""
        self._base_ids = list(base_ids)
        self._user_id = user_id

    async def fetch(self, query: str, *, budget_tokens: int) -> list[Passage]:
        """Return passages within the budget; see the port."""
        if not self._base_ids or not query.strip():
            return []
        chosen: list[Passage] = []
        left = budget_tokens * CHARACTERS_PER_TOKEN
        for passage in await self.find(query, k=12):
            left -= len(passage.text)
            if left < 0:
                break
            chosen.append(passage)
        return chosen

    async def find(self, query: str, *, k: int = PASSAGES) -> list[Passage]:
        """Return the best passages for a query, at most `k`."""
        hits = await search(user_id=self._user_id, base_ids=self._base_ids, query=query, k=k)
        return [_passage(hit) for hit in hits]


class KnowledgeTool:
    """`search_knowledge`, offered by every agent that has knowledge bases."""

    def __init__(self, source: KnowledgeSource, *, names: Sequence[str]) -> None:
        """Describe the bases by their names."""
        self._source = source
        self.spec = ToolSpec(
            name=KNOWLEDGE_TOOL,
            description=(
                "Search the knowledge bases "
                + ", ".join(repr(name) for name in names)
                + " and get numbered passages. Cite a passage by its number, such as [1]."
            ),
            parameters=PARAMETERS,
            effect="read",
            validate=_faults,
        )

    async def call(self, call: PreparedCall) -> ToolResult:
        """Return numbered passages, or say that there are none."""
        try:
            passages = await self._source.find(str(call.arguments["query"]))
        except DomainError as error:
            return ToolResult(
                call_id=call.call.id, name=KNOWLEDGE_TOOL, content=error.detail, is_error=True
            )
        content = "\n\n".join(
            f"[{number}] {passage.title}"
            + (f" › {passage.heading}" if passage.heading else "")
            + f"\n{passage.text}"
            for number, passage in enumerate(passages, start=1)
        )
        return ToolResult(
            call_id=call.call.id,
            name=KNOWLEDGE_TOOL,
            content=content or "No passage fits this query.",
            passages=tuple(passages),
        )


def _faults(arguments: Mapping[str, object]) -> Sequence[str]:
    query = arguments.get("query")
    if not isinstance(query, str) or not 1 <= len(query) <= MAX_QUERY_CHARS:
        return [f"'query' must be a text of 1 to {MAX_QUERY_CHARS} characters"]
    unknown = sorted(set(arguments) - {"query"})
    return [f"unknown argument {unknown[0]!r}"] if unknown else []


def _passage(hit: Hit) -> Passage:
    return Passage(
        chunk_id=str(hit.chunk_id),
        document_id=str(hit.document_id),
        title=hit.document_title,
        heading=hit.heading,
        text=hit.text,
        start=hit.start,
        end=hit.end,
        score=hit.score,
    )
