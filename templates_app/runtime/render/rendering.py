"""Rendering of a chain and parsing of a body in the render children."""

import asyncio
import hashlib
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from templates_app.domain.chain import TemplateChain
from templates_app.domain.declarations import Json
from templates_app.domain.source import Diagnostic, ParserFacts, error_at
from templates_app.domain.variables import validate_values
from templates_app.errors import RenderFailed
from templates_app.runtime.render.pool import SIZE, shared_pool

_CODES = {
    "time": ("template.timeout", "does too much work; shorten its loops."),
    "memory": ("template.too_much_memory", "needs too much memory; build smaller texts."),
    "output": ("template.output_too_large", "prints more than 256 KiB; print less."),
    "undefined": ("template.undefined", "reads a value that is not there."),
    "failed": ("template.render_failed", "could not be rendered."),
}
_threads = ThreadPoolExecutor(max_workers=SIZE, thread_name_prefix="render")


@dataclass(frozen=True, slots=True, kw_only=True)
class Rendered:
    """The text of a rendered template and what it was made from."""

    text: str
    content_sha256: str
    """The hash of the text."""
    template_sha256: str
    """The hash of the chain that it was made from."""
    chain: list[dict[str, str | None]]
    """Per template: `reference` and `version_id`; the template itself first."""


async def render_chain(chain: TemplateChain, values: Mapping[str, Json]) -> Rendered:
    """Render from async code; see `render_chain_sync`. The event loop is not blocked."""
    loop = asyncio.get_running_loop()
    return await loop.run_in_executor(_threads, render_chain_sync, chain, values)


def render_chain_sync(chain: TemplateChain, values: Mapping[str, Json]) -> Rendered:
    """Check the values and render a chain in a render child.

    Costs about a third of a millisecond once the child knows the chain. Blocks for at most a
    second, plus the wait for a free child.

    Raises:
        VariablesInvalid: Names every value that does not fit.
        RenderFailed: The template was stopped or failed; `extra` has its reference and line.
        Unavailable: No child could be had.
    """
    accepted = validate_values(chain.declarations, values)
    answer = shared_pool().render(chain, accepted)
    if "error" in answer:
        raise _render_failed(chain, answer)
    text: str = answer["text"]
    return Rendered(
        text=text,
        content_sha256=hashlib.sha256(text.encode()).hexdigest(),
        template_sha256=chain.content_sha256,
        chain=[
            {
                "reference": item.reference,
                "version_id": str(item.version_id) if item.version_id else None,
            }
            for item in chain.templates
        ],
    )


def inspect_body(body: str) -> ParserFacts:
    """Return what the engine's parser says about a body, asked in a render child."""
    answer = shared_pool().inspect(body)
    match answer.get("error"):
        case None:
            return ParserFacts(undeclared=frozenset(answer["undeclared"]))
        case "syntax":
            detail = str(answer["detail"])
            problem = error_at(
                body, answer["offset"], "template.syntax", f"Syntax error: {detail}."
            )
        case _:
            problem = Diagnostic(
                severity="error",
                code="template.too_complex",
                detail="The text is nested or chained too deeply to be parsed; simplify it.",
            )
    return ParserFacts(problem=problem)


def _render_failed(chain: TemplateChain, answer: dict[str, Any]) -> RenderFailed:
    code, sentence = _CODES[answer["error"]]
    at_fault = next(
        (item for item in chain.templates if item.key == answer.get("template")), chain.entry
    )
    line = answer.get("line")
    where = f" (line {line})" if line else ""
    cause = f" {answer['detail']}" if answer.get("detail") else ""
    return RenderFailed(
        f"{at_fault.reference}{where} {sentence}{cause}",
        code=code,
        extra={"template": at_fault.reference, "line": line},
    )
