"""The manifest of a published agent: ids and hashes of everything that a run of it uses."""

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import orjson

SCHEMA = 1

KNOWLEDGE_TOOL = "search_knowledge"
"""Name of the tool that an agent with knowledge bases offers to its model."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InstructionsPin:
    """The template version whose rendering is the system prompt."""

    version_id: str
    reference: str
    content_sha256: str
    values: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelPin:
    """The provider and model that answer."""

    provider_id: str
    provider: str
    name: str
    settings: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolPin:
    """One version of a tool."""

    version_id: str
    name: str
    number: int
    content_sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class KnowledgePin:
    """A knowledge base that the agent may search."""

    base_id: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """Everything that a version pins."""

    instructions: InstructionsPin
    model: ModelPin
    tools: tuple[ToolPin, ...]
    knowledge: tuple[KnowledgePin, ...]
    first_tool: str
    context_tokens: int
    max_steps: int

    def encode(self) -> dict[str, Any]:
        """Return the JSON form that versions and runs keep."""
        return {
            "schema": SCHEMA,
            **asdict(self),
            "tools": [asdict(pin) for pin in self.tools],
            "knowledge": [asdict(pin) for pin in self.knowledge],
        }

    @property
    def content_sha256(self) -> str:
        """The hash of the canonical JSON form."""
        canonical = orjson.dumps(self.encode(), option=orjson.OPT_SORT_KEYS)
        return hashlib.sha256(canonical).hexdigest()


def decode_manifest(content: Mapping[str, Any]) -> Manifest:
    """Return the manifest that `Manifest.encode` wrote.

    Raises:
        ValueError: it was written by a newer version of the program.
    """
    if content.get("schema") != SCHEMA:
        raise ValueError(
            f"The manifest has schema {content.get('schema')!r}; this version reads {SCHEMA}."
        )
    return Manifest(
        instructions=InstructionsPin(**content["instructions"]),
        model=ModelPin(**content["model"]),
        tools=tuple(ToolPin(**pin) for pin in content["tools"]),
        knowledge=tuple(KnowledgePin(**pin) for pin in content["knowledge"]),
        first_tool=content["first_tool"],
        context_tokens=content["context_tokens"],
        max_steps=content["max_steps"],
    )
