"""Analysis of a text that is not published: what it refers to, and what is wrong with it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from uuid import UUID

from django.contrib.auth.models import User

from templates_app.domain.chain import ChainLink, TemplateChain, check_chain, content_hash
from templates_app.domain.declarations import (
    Declaration,
    Json,
    merge_declarations,
    parse_declarations,
)
from templates_app.domain.source import (
    Diagnostic,
    ParserFacts,
    Reference,
    Source,
    bound_names,
    read_source,
    undeclared,
    unused,
)
from templates_app.domain.variables import valid_declarations
from templates_app.errors import DeclarationsInvalid, TemplateInvalid
from templates_app.models import TemplateVersion
from templates_app.runtime.render.rendering import inspect_body
from workspaces_app.models import Workspace


@dataclass(frozen=True, slots=True, kw_only=True)
class Analysis:
    """What publishing or previewing a text needs to know."""

    source: Source
    targets: Mapping[str, TemplateVersion]
    """The versions that the references name, by the reference as written."""
    declarations: tuple[Declaration, ...]
    """Merged with the inherited ones."""
    diagnostics: tuple[Diagnostic, ...]
    chain: TemplateChain | None
    """None if there are errors."""

    @property
    def errors(self) -> list[Diagnostic]:
        """The diagnostics that forbid publishing."""
        return [item for item in self.diagnostics if item.severity == "error"]

    @property
    def parent(self) -> TemplateVersion | None:
        """The version that the text extends."""
        reference = self.source.parent
        return self.targets.get(reference.written) if reference else None


def analyse(
    actor: User,
    *,
    workspace: Workspace,
    reference: str,
    body: str,
    variables: Sequence[Mapping[str, Json]],
) -> Analysis:
    """Look at a text and its variables as a whole and report everything at once.

    References resolve to versions that `actor` may read. Runs one query per reference and one
    request to a render child.
    """
    source = read_source(body)
    diagnostics = list(source.diagnostics)
    own = _own_declarations(variables, diagnostics)
    targets = _resolve(actor, workspace, source.references, diagnostics)
    inherited = _inherited(source, targets)
    try:
        merged = merge_declarations(inherited, own)
    except DeclarationsInvalid as error:
        diagnostics.extend(_from_declarations(error))
        merged = own
    facts = _facts(body, diagnostics)
    if facts is not None:
        diagnostics.extend(undeclared(source, facts, (item.name for item in merged)))
        diagnostics.extend(unused(facts, own, (item.name for item in inherited)))
    chain = None
    if not any(item.severity == "error" for item in diagnostics):
        try:
            chain = _chain(reference, None, body, targets, merged)
        except TemplateInvalid as error:
            diagnostics.append(Diagnostic(severity="error", code=error.code, detail=error.detail))
    return Analysis(
        source=source,
        targets=targets,
        declarations=tuple(merged),
        diagnostics=tuple(diagnostics),
        chain=chain,
    )


@lru_cache(maxsize=256)
def chain_of(version_id: UUID) -> TemplateChain:
    """Return a published version with all that it refers to; kept, as versions never change.

    Costs two queries per level of the chain the first time.

    Raises:
        TemplateVersion.DoesNotExist: There is no such version.
    """
    found: dict[UUID, TemplateVersion] = {}
    wanted = {version_id}
    while wanted:
        rows = TemplateVersion.objects.filter(pk__in=wanted).select_related("template__workspace")
        found.update({row.pk: row for row in rows.prefetch_related("links")})
        if version_id not in found:
            raise TemplateVersion.DoesNotExist
        wanted = {link.target_id for row in rows for link in row.links.all()} - set(found)
    return TemplateChain(
        templates=tuple(_link(row, found) for row in found.values()),
        declarations=tuple(parse_declarations(found[version_id].variables)),
    )


def _link(row: TemplateVersion, found: Mapping[UUID, TemplateVersion]) -> ChainLink:
    return ChainLink(
        key=row.content_sha256,
        reference=row.reference,
        version_id=row.pk,
        body=row.body,
        links={link.written: found[link.target_id].content_sha256 for link in row.links.all()},
    )


def _chain(
    reference: str,
    version_id: UUID | None,
    body: str,
    targets: Mapping[str, TemplateVersion],
    declarations: Sequence[Declaration],
) -> TemplateChain:
    links = {written: version.content_sha256 for written, version in targets.items()}
    below: dict[UUID | None, ChainLink] = {}
    for version in targets.values():
        for item in chain_of(version.pk).templates:
            below.setdefault(item.version_id, item)
    entry = ChainLink(
        key=content_hash(body, links, declarations),
        reference=reference,
        version_id=version_id,
        body=body,
        links=links,
    )
    templates = (entry, *below.values())
    check_chain(templates)
    return TemplateChain(templates=templates, declarations=tuple(declarations))


def _own_declarations(
    variables: Sequence[Mapping[str, Json]], diagnostics: list[Diagnostic]
) -> list[Declaration]:
    try:
        own = valid_declarations(variables)
    except DeclarationsInvalid as error:
        diagnostics.extend(_from_declarations(error))
        return []
    return own


def _from_declarations(error: DeclarationsInvalid) -> list[Diagnostic]:
    return [
        Diagnostic(
            severity="error", code=entry["code"], detail=entry["detail"], name=entry["field"]
        )
        for entry in error.errors
    ]


def _resolve(
    actor: User,
    workspace: Workspace,
    references: Iterable[Reference],
    diagnostics: list[Diagnostic],
) -> dict[str, TemplateVersion]:
    targets: dict[str, TemplateVersion] = {}
    for reference in references:
        if reference.written in targets:
            continue
        version = (
            TemplateVersion.objects.visible_to(actor)
            .filter(
                template__workspace__name=reference.workspace or workspace.name,
                template__name=reference.name,
                template__archived_at=None,
                number=reference.number,
            )
            .first()
        )
        if version is not None:
            targets[reference.written] = version
            continue
        diagnostics.append(
            Diagnostic(
                severity="error",
                code="template.parent_unknown",
                detail=f"There is no published version {reference.written!r} that you may read.",
                line=reference.line,
                column=reference.column,
                name=reference.written,
            )
        )
    return targets


def _inherited(source: Source, targets: Mapping[str, TemplateVersion]) -> list[Declaration]:
    """Return the variables of the parent, then those of includes that the body does not set."""
    bound = bound_names(source)
    inherited: list[Declaration] = []
    for reference in sorted(source.references, key=lambda item: item.kind != "extends"):
        version = targets.get(reference.written)
        if version is None or reference.kind == "import":
            # Macros get their values as arguments; an imported text reads no variables.
            continue
        for declaration in parse_declarations(version.variables):
            if reference.kind == "extends" or declaration.name not in bound:
                inherited.append(declaration)
    return inherited


def _facts(body: str, diagnostics: list[Diagnostic]) -> ParserFacts | None:
    """Ask the parser, unless the text itself is not fit to be parsed."""
    if any(item.code in _UNFIT for item in diagnostics):
        return None
    facts = inspect_body(body)
    if facts.problem is not None:
        diagnostics.insert(0, facts.problem)
        return None
    return facts


_UNFIT = frozenset({"template.too_large", "template.character"})
