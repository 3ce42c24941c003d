"""A tool's definition as the runtime carries it: plain values, read once per run."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal
from uuid import UUID

from tools_app.domain.registry import Effect, effect_named
from tools_app.domain.schema import ArgumentsValidator, validator_for
from tools_app.models import ToolVersion


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolDefinition:
    """What a tool version says, independent of the database.

    The secret is not part of it: it belongs to the tool, can be replaced, and is read at the call.
    """

    id: UUID
    """Of the version, which never changes."""
    tool_id: UUID
    name: str
    kind: Literal["function", "http"]
    description: str
    parameters: Mapping[str, Any]
    effect: Effect
    config: Mapping[str, Any]
    timeout_s: float
    max_output_bytes: int
    content_sha256: str
    validator: ArgumentsValidator
    """The compiled `parameters`."""

    @classmethod
    def from_version(cls, version: ToolVersion) -> "ToolDefinition":
        """Read a version whose `tool` is loaded; compiles the schema on its first use."""
        return cls(
            id=version.pk,
            tool_id=version.tool_id,
            name=version.tool.name,
            kind="http" if version.tool.kind == "http" else "function",
            description=version.description,
            parameters=version.parameters,
            effect=effect_named(version.effect),
            config=version.config,
            timeout_s=version.timeout_s,
            max_output_bytes=version.max_output_bytes,
            content_sha256=version.content_sha256,
            validator=validator_for(version.parameters, key=version.content_sha256),
        )


def load_definitions(version_ids: Sequence[UUID]) -> list[ToolDefinition]:
    """Return the definitions of these versions in their order; one query.

    Raises:
        ToolVersion.DoesNotExist: a version is gone.
    """
    versions = ToolVersion.objects.select_related("tool").in_bulk(version_ids)
    missing = [version_id for version_id in version_ids if version_id not in versions]
    if missing:
        raise ToolVersion.DoesNotExist(f"There is no tool version {missing[0]}.")
    return [ToolDefinition.from_version(versions[version_id]) for version_id in version_ids]
