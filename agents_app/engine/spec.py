"""What a run is to do: complete and immutable before the loop begins."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from agents_app.engine.limits import Limits
from agents_app.engine.messages import Message, UserMessage

Effect = Literal["read", "idempotent", "write", "irreversible"]

AUTO: Literal["auto"] = "auto"
NONE: Literal["none"] = "none"


def accept_any(arguments: Mapping[str, Any]) -> Sequence[str]:
    """Find nothing wrong: the validator of a tool without parameters to check."""
    return ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolSpec:
    """A tool as the model and the gate see it."""

    name: str
    description: str
    parameters: Mapping[str, Any]
    """JSON Schema of the arguments, an object."""
    effect: Effect = "irreversible"
    timeout_s: float = 30.0
    validate: Callable[[Mapping[str, Any]], Sequence[str]] = field(
        default=accept_any, compare=False, repr=False
    )
    """Returns one sentence for every way in which the arguments break the schema."""

    @property
    def is_repeatable(self) -> bool:
        """Whether a call whose outcome is unknown may be made again with the same key."""
        return self.effect in ("read", "idempotent")


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelSettings:
    """How the model is asked. None leaves a setting to the provider."""

    temperature: float | None = None
    top_p: float | None = None
    max_output_tokens: int | None = None
    reasoning_effort: str | None = None
    stop: tuple[str, ...] = ()
    """Texts at which the answer ends; only Chat Completions know them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelRequest:
    """One request to a model, in no provider's shape."""

    model: str
    instructions: str
    messages: Sequence[Message]
    tools: Sequence[ToolSpec] = ()
    tool_choice: str = AUTO
    """`auto`, `none`, or the name of the one tool that must be called."""
    settings: ModelSettings = field(default_factory=ModelSettings)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunSpec:
    """Everything the loop needs to know; it reads no configuration beside it."""

    run_id: str
    model: str
    instructions: str
    input: UserMessage
    history: tuple[Message, ...] = ()
    """Earlier messages of the session, oldest first."""
    settings: ModelSettings = field(default_factory=ModelSettings)
    limits: Limits = field(default_factory=Limits)
    first_tool: str | None = None
    """A tool that the first step must call; the steps after it may not call it again."""
    context_tokens: int = 0
    """Budget of passages fetched before the first step; 0 fetches none."""
    deadline: float = float("inf")
    """On the clock that the loop is given."""
