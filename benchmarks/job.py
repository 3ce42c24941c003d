"""The job that every contestant does: a model call, a tool call, a model call that streams text."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field

INSTRUCTIONS = "You answer questions about the weather. Look the weather up before you answer."
QUESTION = "What is the weather like in Paris today, and should I take an umbrella?"
TOOL_NAME = "look_up_weather"
TOOL_PARAMETERS = {
    "type": "object",
    "properties": {"city": {"type": "string", "description": "Name of the city."}},
    "required": ["city"],
    "additionalProperties": False,
}


async def look_up(arguments: Mapping[str, object]) -> str:
    """Answer at once: the tool's own time is not the engine's."""
    return f"It rains in {arguments['city']}, 14 degrees, wind from the west."


@dataclass(slots=True)
class Timing:
    """When things happened in one run, in seconds of the performance counter."""

    began: float = field(default_factory=time.perf_counter)
    first_text_at: float = 0.0

    def first_text(self) -> None:
        """Note the first piece of the answer's text."""
        self.first_text_at = time.perf_counter()
