"""From a claimed run to what the loop needs: all reads happen here, none after it."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from agents_app.domain.manifest import Manifest, decode_manifest
from agents_app.engine.limits import Limits
from agents_app.engine.messages import UserMessage
from agents_app.engine.ports import Journal, Ports
from agents_app.engine.spec import ModelSettings, RunSpec
from agents_app.engine.state import RunState, restore
from agents_app.runtime import history
from agents_app.runtime.database import in_thread
from agents_app.runtime.knowledge import KnowledgeSource, KnowledgeTool
from agents_app.runtime.providers import model_client
from agents_app.runtime.runs import ClaimedRun
from agents_app.runtime.toolset import RunToolset
from templates_app.runtime.render.rendering import render_chain
from templates_app.services import load_chain
from tools_app.runtime.definitions import load_definitions


@dataclass(frozen=True, slots=True, kw_only=True)
class Assembled:
    """Everything that `engine.loop.run` takes."""

    spec: RunSpec
    state: RunState
    ports: Ports


async def assemble(claimed: ClaimedRun, *, journal: Journal) -> Assembled:
    """Read what the run's manifest pins, and the conversation, and build spec, state and ports.

    Raises:
        DomainError: the instructions do not render with the run's values.
        EngineError: the provider is gone, or the checkpoint cannot be read.
    """
    manifest = decode_manifest(claimed.manifest)
    tools = await _toolset(manifest, claimed)
    knowledge = _knowledge(manifest, claimed)
    own = await history.own_messages(claimed.session_id, claimed.id) if claimed.checkpoint else []
    spec = RunSpec(
        run_id=str(claimed.id),
        model=manifest.model.name,
        instructions=await _instructions(manifest, claimed.variables),
        input=UserMessage(text=claimed.input),
        history=await history.earlier_messages(claimed.session_id, claimed.id),
        settings=_settings(manifest.model.settings),
        limits=Limits(max_steps=manifest.max_steps),
        first_tool=manifest.first_tool or None,
        context_tokens=manifest.context_tokens if manifest.knowledge else 0,
        deadline=time.monotonic() + claimed.remaining_s,
    )
    ports = Ports(
        model=await model_client(UUID(manifest.model.provider_id)),
        tools=tools,
        context=knowledge,
        journal=journal,
        clock=time.monotonic,
    )
    return Assembled(spec=spec, state=restore(claimed.checkpoint, own), ports=ports)


def _settings(settings: Mapping[str, Any]) -> ModelSettings:
    return ModelSettings(**{**settings, "stop": tuple(settings.get("stop", ()))})


async def _instructions(manifest: Manifest, variables: Mapping[str, Any]) -> str:
    version_id = UUID(manifest.instructions.version_id)
    chain = await in_thread(load_chain, version_id)
    rendered = await render_chain(chain, {**manifest.instructions.values, **variables})
    return rendered.text


def _knowledge(manifest: Manifest, claimed: ClaimedRun) -> KnowledgeSource:
    return KnowledgeSource(
        base_ids=[UUID(pin.base_id) for pin in manifest.knowledge], user_id=claimed.user_id
    )


async def _toolset(manifest: Manifest, claimed: ClaimedRun) -> RunToolset:
    version_ids = [UUID(pin.version_id) for pin in manifest.tools]
    definitions = await in_thread(load_definitions, version_ids) if version_ids else []
    knowledge = (
        KnowledgeTool(_knowledge(manifest, claimed), names=[pin.name for pin in manifest.knowledge])
        if manifest.knowledge
        else None
    )
    return RunToolset(definitions, knowledge=knowledge, run_id=claimed.id, user_id=claimed.user_id)
