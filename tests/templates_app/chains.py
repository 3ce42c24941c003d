"""Chains for render tests, built without a database."""

from collections.abc import Mapping, Sequence
from typing import Any

from templates_app.domain.chain import ChainLink, TemplateChain, content_hash
from templates_app.domain.declarations import parse_declarations


def make_chain(
    body: str,
    below: Mapping[str, str] | None = None,
    *,
    variables: Sequence[Mapping[str, Any]] = (),
) -> TemplateChain:
    """Return a chain of `body` and of templates by reference, innermost first.

    Every template may name those that come before it in `below`, and the entry all of them.
    """
    declarations = tuple(parse_declarations(variables))
    links: dict[str, str] = {}
    lower: list[ChainLink] = []
    for reference, text in (below or {}).items():
        key = content_hash(text, links, declarations)
        lower.append(
            ChainLink(
                key=key, reference=f"w/{reference}", version_id=None, body=text, links=dict(links)
            )
        )
        links[reference] = key
    entry = ChainLink(
        key=content_hash(body, links, declarations),
        reference="w/main@1",
        version_id=None,
        body=body,
        links=links,
    )
    return TemplateChain(templates=(entry, *reversed(lower)), declarations=declarations)
