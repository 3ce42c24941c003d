"""A template with everything that it extends and includes, ready to render."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

import orjson

from templates_app.domain.declarations import Declaration
from templates_app.errors import TemplateInvalid

MAX_DEPTH = 10
MAX_TEMPLATES = 50
MAX_CHAIN_CHARS = 1_048_576


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainLink:
    """One template of a chain."""

    key: str
    """The content hash of this template and of all below it; the child caches by it."""
    reference: str
    """`workspace/name@number`, or `workspace/name@draft`."""
    version_id: UUID | None
    """None for an unsaved or unpublished text."""
    body: str
    links: Mapping[str, str]
    """References as they are written in the body, to the keys of their targets."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TemplateChain:
    """The template itself first, then what it refers to, nearest first, each once."""

    templates: tuple[ChainLink, ...]
    declarations: tuple[Declaration, ...]

    @property
    def entry(self) -> ChainLink:
        """The template that is rendered."""
        return self.templates[0]

    @property
    def content_sha256(self) -> str:
        """The hash of the bodies, references and declarations of the whole chain."""
        return self.entry.key


def content_hash(body: str, links: Mapping[str, str], declarations: Sequence[Declaration]) -> str:
    """Return the hash of a template from its text, its targets' hashes and its variables.

    Args:
        body: The text.
        links: References as written, to the content hashes of their targets.
        declarations: The merged declarations.
    """
    content = [body, sorted(links.items()), [item.to_json() for item in declarations]]
    return hashlib.sha256(orjson.dumps(content)).hexdigest()


def check_chain(templates: Iterable[ChainLink]) -> None:
    """Refuse a chain that is too deep, too large or circular.

    Raises:
        TemplateInvalid: `template.too_deep`, `template.chain_too_large` or `template.cycle`.
    """
    items = {item.key: item for item in templates}
    if len(items) > MAX_TEMPLATES or sum(len(i.body) for i in items.values()) > MAX_CHAIN_CHARS:
        raise TemplateInvalid(
            f"The template draws in {len(items)} templates; at most {MAX_TEMPLATES} with together"
            f" {MAX_CHAIN_CHARS} characters are accepted.",
            code="template.chain_too_large",
        )
    depths: dict[str, int] = {}

    def depth_of(key: str, path: tuple[str, ...]) -> int:
        if key in path:
            raise TemplateInvalid(
                f"{items[key].reference} refers to itself; remove one of the references.",
                code="template.cycle",
            )
        if len(path) >= MAX_DEPTH:
            raise TemplateInvalid(
                f"Templates may extend and include one another at most {MAX_DEPTH} deep.",
                code="template.too_deep",
            )
        if key not in depths:
            below = (depth_of(target, (*path, key)) for target in items[key].links.values())
            depths[key] = 1 + max(below, default=0)
        if len(path) + depths[key] > MAX_DEPTH:
            raise TemplateInvalid(
                f"Templates may extend and include one another at most {MAX_DEPTH} deep.",
                code="template.too_deep",
            )
        return depths[key]

    if items:
        depth_of(next(iter(items)), ())
