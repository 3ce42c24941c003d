"""The contestants: the floor, the engine with in-memory twins, the engine as a worker runs it."""

import time
import uuid
from typing import Protocol

from agents_app.engine import loop
from agents_app.engine.events import RunCompleted, TextDelta
from agents_app.engine.llm.chat_completions import ChatCompletionsModel
from agents_app.engine.llm.responses import ResponsesModel
from agents_app.engine.memory import MemoryContext, MemoryJournal, MemoryToolset
from agents_app.engine.messages import UserMessage
from agents_app.engine.ports import ModelClient, Ports
from agents_app.engine.spec import RunSpec, ToolSpec
from agents_app.engine.state import RunState
from benchmarks.floor import Floor
from benchmarks.job import (
    INSTRUCTIONS,
    QUESTION,
    TOOL_NAME,
    TOOL_PARAMETERS,
    Timing,
    look_up,
)
from tests.fake_openai.client import open_client


class Contestant(Protocol):
    """Something that can do the job, in one event loop."""

    async def run(self, timing: Timing) -> str | None:
        """Do the job once and return the answer's text, or None if it is kept elsewhere."""
        ...

    async def close(self) -> None:
        """Close connections."""
        ...


class EngineInProcess:
    """The loop and the real model adapter, over the guarded client; everything else in memory."""

    def __init__(self, base_url: str, model: str, api: str) -> None:
        self._openai = open_client(base_url)
        self._client: ModelClient = (
            ResponsesModel(self._openai)
            if api == "responses"
            else ChatCompletionsModel(self._openai)
        )
        self._model = model
        self._tool = ToolSpec(
            name=TOOL_NAME,
            description="Looks something up.",
            parameters=TOOL_PARAMETERS,
            effect="read",
        )

    async def close(self) -> None:
        await self._openai.close()

    async def run(self, timing: Timing) -> str:
        spec = RunSpec(
            run_id=str(uuid.uuid4()),
            model=self._model,
            instructions=INSTRUCTIONS,
            input=UserMessage(text=QUESTION),
        )
        ports = Ports(
            model=self._client,
            tools=MemoryToolset([(self._tool, look_up)]),
            context=MemoryContext(),
            journal=MemoryJournal(),
            clock=time.monotonic,
        )
        output = ""
        async for happening in loop.run(spec, RunState(), ports):
            if isinstance(happening, TextDelta):
                if not happening.offset:
                    timing.first_text()
            elif isinstance(happening, RunCompleted):
                output = happening.output
        return output


class Team:
    """Makes the contestant of one process anew for every command."""

    def __init__(self, name: str, base_url: str, api: str) -> None:
        self._name = name
        self._base_url = base_url
        self._api = api

    def prepare(self, model: str, runs: int) -> None:
        """Do what must be there before the clock starts; outside an event loop."""

    def make(self, model: str) -> Contestant:
        """Return the contestant for the running event loop."""
        if self._name == "floor":
            return Floor(self._base_url, model, self._api)
        return EngineInProcess(self._base_url, model, self._api)

    def outputs(self) -> list[str]:
        """Return answers that `run` did not return."""
        return []

    def drop(self) -> None:
        """Undo what the process set up."""
