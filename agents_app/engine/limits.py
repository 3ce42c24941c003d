"""Limits that a run carries with it, and the tokens it used."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Bounds of one run; the defaults are the published ones."""

    max_steps: int = 25
    """Model calls; at most 100."""
    parallel_calls: int = 16
    """Tool calls of one step that may be under way at once."""
    max_calls_per_step: int = 64
    max_result_bytes: int = 1_048_576
    """UTF-8 size at which a tool result is cut."""
    max_output_bytes: int = 4_194_304
    """UTF-8 size of a single answer of the model; more is a broken stream."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """Tokens as the provider counted them. `cached` is part of `input`, `reasoning` of `output`."""

    input_tokens: int = 0
    cached_tokens: int = 0
    output_tokens: int = 0
    reasoning_tokens: int = 0
    model_calls: int = 0

    def plus(self, other: "Usage") -> "Usage":
        """Return the sum."""
        return Usage(
            input_tokens=self.input_tokens + other.input_tokens,
            cached_tokens=self.cached_tokens + other.cached_tokens,
            output_tokens=self.output_tokens + other.output_tokens,
            reasoning_tokens=self.reasoning_tokens + other.reasoning_tokens,
            model_calls=self.model_calls + other.model_calls,
        )

    def encode(self) -> dict[str, int]:
        """Return the JSON form, from which `Usage(**form)` is made again."""
        return {
            "input_tokens": self.input_tokens,
            "cached_tokens": self.cached_tokens,
            "output_tokens": self.output_tokens,
            "reasoning_tokens": self.reasoning_tokens,
            "model_calls": self.model_calls,
        }
