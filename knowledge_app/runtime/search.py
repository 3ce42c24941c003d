"""Hybrid search: meaning and words in one SQL statement, with the reader's rights inside it."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any
from uuid import UUID

from channels.db import database_sync_to_async
from django.db import connection, transaction
from pgvector import HalfVector

from config.common.embeddings.minilm import embed
from knowledge_app.errors import BaseUnreadable, QueryInvalid

MAX_RESULTS = 50
MAX_QUERY_CHARS = 4000
FUSION_K = 60
"""Constant of reciprocal rank fusion: Cormack, Clarke and Büttcher, "Reciprocal Rank Fusion
outperforms Condorcet and individual Rank Learning Methods", SIGIR 2009, section 2."""
POOL = 100
"""How many chunks each of the two lists hands to the fusion."""
EXACT_CHUNKS = 5000
"""Up to so many chunks all distances are computed, which misses nothing and takes about 5 ms;
above, the HNSW index is used."""
WORD_MATCHES = 2000
"""About so many chunks are ranked by words: those with the rarest words of the query. More common
words still count in their rank."""
COMMON_CHUNKS = 10_000
"""A word is counted in at most so many chunks; it is common, and hardly tells one from another."""
MAX_WORDS = 32
"""So many words of a query are ranked, the rarest first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """A chunk that was found: `text` is exactly the document's `[start:end]`."""

    chunk_id: UUID
    document_id: UUID
    document_title: str
    base_id: UUID
    heading: str
    """The headings above the passage, joined by ` › `; may be empty."""
    text: str
    start: int
    end: int
    score: float
    """The fused rank between 0 and 1; 1 is first in both lists. Not a probability."""
    dense_rank: int | None
    """Place by meaning, from 1; None if it is not among the first 100."""
    lexical_rank: int | None
    """Place by words, from 1; None if it is not among the first 100."""


async def search(*, user_id: int, base_ids: Sequence[UUID], query: str, k: int = 6) -> list[Hit]:
    """Return the chunks that fit `query` best, best first, at most `k`; may be fewer.

    Bases that the user may not read, and archived ones, are left out inside the statement; only
    documents that are ready are searched. One embedding call in a thread, one query.

    Raises:
        BaseUnreadable: No base of `base_ids` is readable by the user.
        QueryInvalid: `query` is empty or longer than 4,000 characters, or `k` is not 1 to 50.
        EmbeddingModelMissing: The weights are not installed.
    """
    text = checked_query(query, k=k)
    vector = (await asyncio.to_thread(embed, [text]))[0]
    find = partial(find_hits, user_id=user_id, base_ids=base_ids, query=text, vector=vector, k=k)
    # A thread of its own: one slow search must not hold up the others.
    hits: list[Hit] = await database_sync_to_async(find, thread_sensitive=False)()
    return hits


def search_now(*, user_id: int, base_ids: Sequence[UUID], query: str, k: int = 6) -> list[Hit]:
    """Do what `search` does from code that is not async."""
    text = checked_query(query, k=k)
    vector = embed([text])[0]
    return find_hits(user_id=user_id, base_ids=base_ids, query=text, vector=vector, k=k)


def checked_query(query: str, *, k: int) -> str:
    """Return the query without NUL characters and space around it.

    Raises:
        QueryInvalid: It is empty or too long, or `k` is out of range.
    """
    text = query.replace("\x00", " ").strip()
    if not text:
        raise QueryInvalid("The query is empty. Write what to look for.")
    if len(text) > MAX_QUERY_CHARS:
        raise QueryInvalid(
            f"The query has {len(text):,} characters; at most {MAX_QUERY_CHARS:,} are searched."
        )
    if not 1 <= k <= MAX_RESULTS:
        raise QueryInvalid(f"k is {k}; ask for 1 to {MAX_RESULTS} results.")
    return text


def find_hits(
    *, user_id: int, base_ids: Sequence[UUID], query: str, vector: Any, k: int
) -> list[Hit]:
    """Run the statement; `vector` is the query's embedding: (384,), unit length.

    Raises:
        BaseUnreadable: As for `search`.
    """
    parameters: dict[str, Any] = {
        "user_id": user_id,
        "base_ids": list(base_ids),
        "query": query,
        "vector": HalfVector(vector).to_text(),
        "k": k,
        "pool": POOL,
        "fusion_k": FUSION_K,
        "exact_chunks": EXACT_CHUNKS,
        "word_matches": WORD_MATCHES,
        "common_chunks": COMMON_CHUNKS,
        "max_words": MAX_WORDS,
    }
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(_INDEX_SETTINGS)
        cursor.execute(SEARCH_SQL, parameters)
        rows = cursor.fetchall()
        if not rows:
            cursor.execute(_ANY_READABLE_SQL, parameters)
            if cursor.fetchone() is None:
                raise BaseUnreadable(
                    "None of these knowledge bases exists, or you may not read them."
                )
    best = 2 / (FUSION_K + 1)
    return [
        Hit(
            chunk_id=row[0],
            document_id=row[1],
            document_title=row[2],
            base_id=row[3],
            heading=row[4],
            text=row[5],
            start=row[6],
            end=row[7],
            score=float(row[8]) / best,
            dense_rank=row[9],
            lexical_rank=row[10],
        )
        for row in rows
    ]


# Filters are applied after the index gives its candidates; the iterative scan asks for more of
# them until the pool is full (https://github.com/pgvector/pgvector#iterative-index-scans).
_INDEX_SETTINGS = (
    f"SET LOCAL hnsw.iterative_scan = 'relaxed_order'; SET LOCAL hnsw.ef_search = {POOL}"
)

# The same rule as `config.common.querysets.access_condition` for the role viewer; a test compares
# the two over every way to gain access.
_READABLE = """
readable AS MATERIALIZED (
    SELECT base.id, base.language::regconfig AS language
    FROM knowledge_app_knowledgebase base
    JOIN auth_user reader ON reader.id = %(user_id)s AND reader.is_active
    WHERE base.id = ANY(%(base_ids)s)
      AND base.archived_at IS NULL
      AND (
        reader.is_superuser
        OR base.visibility = 'public'
        OR EXISTS (
            SELECT FROM workspaces_app_membership member
            WHERE member.user_id = reader.id AND member.workspace_id = base.workspace_id
        )
        OR EXISTS (
            SELECT FROM knowledge_app_knowledgebaseshare share
            WHERE share.object_id = base.id
              AND (
                share.user_id = reader.id
                OR share.group_id IN (
                    SELECT membership.group_id FROM auth_user_groups membership
                    WHERE membership.user_id = reader.id
                )
              )
        )
      )
)
"""

_ANY_READABLE_SQL = f"WITH {_READABLE} SELECT 1 FROM readable LIMIT 1"  # noqa: S608 (constants)

# Words: PostgreSQL's ranks know nothing of how rare a word is, so each word is ranked alone and
# weighted by the inverse document frequency of BM25 (Robertson and Zaragoza, "The Probabilistic
# Relevance Framework: BM25 and Beyond", 2009, section 3.1), with a milder length correction.
# `ts_rank` of one word grows from 0.6 to 1 with the number of places, as BM25's term part does.
SEARCH_SQL = rf"""
WITH {_READABLE},
extent AS MATERIALIZED (
    SELECT coalesce(sum(document.chunk_count), 0) AS chunks
    FROM knowledge_app_document document
    JOIN readable ON readable.id = document.base_id
    WHERE document.state = 'ready'
),
words AS MATERIALIZED (
    SELECT
        spoken.language,
        spoken.base_ids,
        word.query,
        found.chunks,
        ln(1 + (greatest(extent.chunks, found.chunks) - found.chunks + 0.5) / (found.chunks + 0.5))
            AS weight
    FROM (SELECT language, array_agg(id) AS base_ids FROM readable GROUP BY language) spoken
    CROSS JOIN extent
    CROSS JOIN LATERAL
        unnest(tsvector_to_array(to_tsvector(spoken.language, %(query)s))) AS lexeme
    CROSS JOIN LATERAL (
        SELECT ('''' || replace(replace(lexeme, '\', '\\'), '''', '''''') || '''')::tsquery AS query
    ) word
    CROSS JOIN LATERAL (
        SELECT count(*) AS chunks
        FROM (
            SELECT FROM knowledge_app_chunk chunk
            WHERE chunk.base_id = ANY(spoken.base_ids) AND chunk.lexemes @@ word.query
            LIMIT %(common_chunks)s
        ) matches
    ) found
    WHERE found.chunks > 0
    ORDER BY found.chunks, word.query
    LIMIT %(max_words)s
),
rare AS MATERIALIZED (
    SELECT language, base_ids, string_agg(query::text, ' | ')::tsquery AS any_word
    FROM (
        SELECT language, base_ids, query, sum(chunks) OVER matches AS total,
            row_number() OVER matches AS place
        FROM words
        WINDOW matches AS (ORDER BY chunks, query ROWS UNBOUNDED PRECEDING)
    ) counted
    WHERE total <= %(word_matches)s OR place = 1
    GROUP BY language, base_ids
),
near AS (
    (
        -- `+ 0` keeps the planner from the approximate index.
        SELECT chunk.id, (chunk.embedding <#> %(vector)s::halfvec) + 0 AS distance
        FROM knowledge_app_chunk chunk
        JOIN knowledge_app_document document ON document.id = chunk.document_id
        WHERE (SELECT chunks FROM extent) <= %(exact_chunks)s
          AND chunk.base_id = ANY(ARRAY(SELECT id FROM readable))
          AND document.state = 'ready'
        ORDER BY distance
        LIMIT %(pool)s
    )
    UNION ALL
    (
        -- Only the filter on the base may stand beside the order, or the index is not used.
        SELECT nearest.id, nearest.distance
        FROM (
            SELECT chunk.id, chunk.document_id, chunk.embedding <#> %(vector)s::halfvec AS distance
            FROM knowledge_app_chunk chunk
            WHERE (SELECT chunks FROM extent) > %(exact_chunks)s
              AND chunk.base_id = ANY(ARRAY(SELECT id FROM readable))
            ORDER BY distance
            LIMIT %(pool)s
        ) nearest
        JOIN knowledge_app_document document ON document.id = nearest.document_id
        WHERE document.state = 'ready'
    )
),
dense AS (
    SELECT id, row_number() OVER (ORDER BY distance, id) AS place FROM near
),
candidates AS MATERIALIZED (
    SELECT matching.id, matching.lexemes, rare.language,
        length(matching.lexemes) / avg(length(matching.lexemes)) OVER () AS relative_length
    FROM rare
    CROSS JOIN LATERAL (
        SELECT chunk.id, chunk.document_id, chunk.lexemes
        FROM knowledge_app_chunk chunk
        WHERE chunk.lexemes @@ rare.any_word AND chunk.base_id = ANY(rare.base_ids)
        LIMIT %(word_matches)s
    ) matching
    JOIN knowledge_app_document document
      ON document.id = matching.document_id AND document.state = 'ready'
),
scored AS (
    SELECT candidates.id,
        sum(words.weight * ts_rank('{{0.6, 0.7, 1, 1}}', candidates.lexemes, words.query))
            / (0.7 + 0.3 * candidates.relative_length) AS weight
    FROM candidates
    JOIN words ON words.language = candidates.language AND candidates.lexemes @@ words.query
    GROUP BY candidates.id, candidates.relative_length
),
lexical AS (
    SELECT id, row_number() OVER (ORDER BY weight DESC, id) AS place
    FROM scored
    ORDER BY place
    LIMIT %(pool)s
),
fused AS (
    SELECT
        id,
        dense.place AS dense_place,
        lexical.place AS lexical_place,
        coalesce(1.0 / (%(fusion_k)s + dense.place), 0)
            + coalesce(1.0 / (%(fusion_k)s + lexical.place), 0) AS score
    FROM dense
    FULL JOIN lexical USING (id)
    ORDER BY score DESC, id
    LIMIT %(k)s
)
SELECT
    chunk.id, document.id, document.title, chunk.base_id, chunk.heading, chunk.text,
    chunk.start, chunk."end", fused.score, fused.dense_place, fused.lexical_place
FROM fused
JOIN knowledge_app_chunk chunk ON chunk.id = fused.id
JOIN knowledge_app_document document ON document.id = chunk.document_id
ORDER BY fused.score DESC, fused.id
"""  # noqa: S608 (constants)
