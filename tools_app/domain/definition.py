"""What a version of a tool holds, as values."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from hashlib import sha256
from typing import Any

import orjson

from tools_app.domain.registry import Effect

MIN_TIMEOUT_S = 0.1
MAX_TIMEOUT_S = 60.0
DEFAULT_TIMEOUT_S = 30.0
MIN_OUTPUT_BYTES = 256
MAX_OUTPUT_BYTES = 1_048_576
DEFAULT_OUTPUT_BYTES = 65_536
MAX_DESCRIPTION_CHARS = 4000


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A definition as somebody writes it; what a function decides itself may be left out."""

    description: str = ""
    """What the model reads; empty takes a function's own."""
    parameters: Mapping[str, Any] | None = None
    """JSON Schema of the arguments; a function has its own, None for HTTP means no arguments."""
    effect: str = ""
    """Empty takes a function's own, and `irreversible` for HTTP."""
    config: Mapping[str, Any] = field(default_factory=dict)
    timeout_s: float | None = None
    """None takes a function's own, and 30 s for HTTP."""
    max_output_bytes: int = DEFAULT_OUTPUT_BYTES


@dataclass(frozen=True, slots=True, kw_only=True)
class Definition:
    """A complete and checked definition: what a version holds."""

    description: str
    parameters: Mapping[str, Any]
    effect: Effect
    config: Mapping[str, Any]
    timeout_s: float
    max_output_bytes: int

    @property
    def content_sha256(self) -> str:
        """Hash of everything that the version holds."""
        return sha256(orjson.dumps(asdict(self), option=orjson.OPT_SORT_KEYS)).hexdigest()
