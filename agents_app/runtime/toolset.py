"""The tools of one run: pinned versions of stored tools, and those that the agent brings itself."""

import asyncio
import time
from collections.abc import Mapping, Sequence
from uuid import UUID

from agents_app.engine.messages import ToolResult
from agents_app.engine.ports import PreparedCall
from agents_app.engine.spec import ToolSpec
from agents_app.runtime.knowledge import KnowledgeTool
from tools_app.errors import ApprovalRequired, ToolFailed, ToolRetry
from tools_app.runtime.definitions import ToolDefinition
from tools_app.runtime.invoke import CallContext, invoke


class RunToolset:
    """The tool port over pinned definitions."""

    def __init__(
        self,
        definitions: Sequence[ToolDefinition],
        *,
        knowledge: KnowledgeTool | None,
        run_id: UUID,
        user_id: int,
    ) -> None:
        """Offer the definitions in order, then the knowledge search."""
        self._definitions = {definition.name: definition for definition in definitions}
        self._knowledge = knowledge
        self._run_id = run_id
        self._user_id = user_id
        self._specs = [_spec(definition) for definition in definitions]
        if knowledge is not None:
            self._specs.append(knowledge.spec)

    def specs(self) -> Sequence[ToolSpec]:
        """Return the tools as the model sees them."""
        return self._specs

    async def call(self, call: PreparedCall, *, timeout_s: float) -> ToolResult:
        """Carry a call out; what the tool's author raised becomes an error for the model."""
        if self._knowledge is not None and call.spec.name == self._knowledge.spec.name:
            return await self._search(self._knowledge, call, timeout_s=timeout_s)
        try:
            output = await invoke(
                self._definitions[call.spec.name],
                dict(call.arguments),
                call=CallContext(
                    idempotency_key=call.idempotency_key,
                    user_id=self._user_id,
                    run_id=self._run_id,
                    deadline=time.monotonic() + timeout_s,
                ),
            )
        except (ToolRetry, ToolFailed, ApprovalRequired) as error:
            return ToolResult(
                call_id=call.call.id, name=call.spec.name, content=str(error), is_error=True
            )
        return ToolResult(call_id=call.call.id, name=call.spec.name, content=output.content)

    async def _search(
        self, tool: KnowledgeTool, call: PreparedCall, *, timeout_s: float
    ) -> ToolResult:
        try:
            async with asyncio.timeout(timeout_s):
                return await tool.call(call)
        except TimeoutError:
            return ToolResult(
                call_id=call.call.id,
                name=call.spec.name,
                content=f"The search timed out after {timeout_s:g} s.",
                is_error=True,
            )


def _spec(definition: ToolDefinition) -> ToolSpec:
    def faults(arguments: Mapping[str, object]) -> list[str]:
        return [str(error) for error in definition.validator.errors(arguments)]

    return ToolSpec(
        name=definition.name,
        description=definition.description,
        parameters=definition.parameters,
        effect=definition.effect,
        timeout_s=definition.timeout_s,
        validate=faults,
    )
