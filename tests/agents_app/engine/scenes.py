"""Scenes for tests of the engine: specs, tools and runs over the in-memory twins."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from agents_app.engine import loop
from agents_app.engine.events import Event, TextDelta
from agents_app.engine.limits import Usage
from agents_app.engine.llm.scripted import Say, ScriptedModel
from agents_app.engine.memory import MemoryContext, MemoryJournal, MemoryToolset, ToolFunction
from agents_app.engine.messages import AssistantMessage, Passage, ToolCall, UserMessage
from agents_app.engine.ports import ModelClient, Ports, Toolset
from agents_app.engine.spec import Effect, RunSpec, ToolSpec
from agents_app.engine.state import RunState

USAGE = Usage(input_tokens=10, output_tokens=5, model_calls=1)
"""What every scripted answer costs."""


def spec(**fields: Any) -> RunSpec:
    """Return a spec that asks the model `m` for the weather, unless told otherwise."""
    return RunSpec(
        **{
            "run_id": "r1",
            "model": "m",
            "instructions": "Be helpful.",
            "input": UserMessage(text="Weather?"),
            **fields,
        }
    )


def call(id: str = "c1", name: str = "weather", arguments: str = '{"city": "Oslo"}') -> ToolCall:
    return ToolCall(id=id, name=name, arguments=arguments)


def answer(text: str = "", *calls: ToolCall, model: str = "m") -> AssistantMessage:
    """Return the message that a scripted answer becomes."""
    finish = "tool_calls" if calls else "stop"
    return AssistantMessage(text=text, calls=calls, finish=finish, model=model)  # type: ignore[arg-type]  # one of the two literals


def passage(text: str = "It rains in Oslo.", *, number: int = 1) -> Passage:
    return Passage(
        chunk_id=f"k{number}",
        document_id="d1",
        title="Climate",
        heading="Norway",
        text=text,
        start=0,
        end=len(text),
        score=1 / number,
    )


def weather_tool(*, effect: Effect = "read", name: str = "weather") -> ToolSpec:
    """Return a tool that takes one text, `city`."""
    return ToolSpec(
        name=name,
        description="Tells the weather.",
        parameters={
            "type": "object",
            "properties": {"city": {"type": "string"}},
            "required": ["city"],
        },
        effect=effect,
        timeout_s=5.0,
        validate=_city_faults,
    )


def _city_faults(arguments: Mapping[str, Any]) -> Sequence[str]:
    return [] if isinstance(arguments.get("city"), str) else ["'city' must be a text"]


async def sunny(arguments: Mapping[str, object]) -> str:
    return f"Sunny in {arguments['city']}"


def toolset(*tools: tuple[ToolSpec, ToolFunction]) -> MemoryToolset:
    """Return the given tools, or the weather alone."""
    return MemoryToolset(tools or [(weather_tool(), sunny)])


@dataclass
class Scene:
    """One worker's try at a run, with everything it saw and did."""

    model: ModelClient
    tools: Toolset = field(default_factory=MemoryToolset)
    journal: MemoryJournal = field(default_factory=MemoryJournal)
    context: MemoryContext = field(default_factory=MemoryContext)
    state: RunState = field(default_factory=RunState)
    now: float = 0.0
    happenings: list[Event | TextDelta] = field(default_factory=list)

    @property
    def ports(self) -> Ports:
        return Ports(
            model=self.model,
            tools=self.tools,
            context=self.context,
            journal=self.journal,
            clock=lambda: self.now,
        )

    async def play(self, run_spec: RunSpec | None = None) -> list[Event | TextDelta]:
        """Carry the run as far as it goes and return all that happened."""
        async for happening in loop.run(run_spec or spec(), self.state, self.ports):
            self.happenings.append(happening)
        return self.happenings

    @property
    def events(self) -> list[Event]:
        """What happened, without the previews of text."""
        return [item for item in self.happenings if not isinstance(item, TextDelta)]


def scene(*script: Say, **parts: Any) -> tuple[Scene, ScriptedModel]:
    """Return a scene whose model follows the script, and the model."""
    model = ScriptedModel(script)
    return Scene(model=model, **parts), model
