"""Templates: drafts, publishing, archiving, previews and rendering, on behalf of an actor."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any
from uuid import UUID

from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.utils import timezone

from config.common.errors import Conflict, DomainError, NotFound, PermissionMissing
from config.common.roles import Role
from templates_app.domain.chain import TemplateChain
from templates_app.domain.declarations import Declaration, Json
from templates_app.domain.schema import json_schema
from templates_app.domain.source import Diagnostic, storable_body
from templates_app.domain.tags import normal_tags
from templates_app.domain.variables import valid_declarations
from templates_app.errors import RenderFailed, TemplateInUse, TemplateInvalid, VariablesInvalid
from templates_app.models import (
    PromptTemplate,
    TemplateVariable,
    TemplateVersion,
    TemplateVersionLink,
)
from templates_app.runtime.drafts import Analysis, analyse, chain_of
from templates_app.runtime.render.rendering import Rendered, render_chain_sync
from workspaces_app.models import Visibility, Workspace
from workspaces_app.services.access import require_role
from workspaces_app.services.audit import record


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """How a draft looks with given values, and what is wrong with it."""

    rendered: Rendered | None
    """None if an error forbids rendering."""
    diagnostics: list[Diagnostic]
    declarations: list[Declaration]
    """Own and inherited: the inputs of the preview."""

    def to_json(self) -> dict[str, Json]:
        """Return the form that the API answers and the console's editor reads."""
        return {
            "rendered": asdict(self.rendered) if self.rendered else None,
            "diagnostics": [item.to_json() for item in self.diagnostics],
            "variables": [item.to_json() for item in self.declarations],
            "json_schema": json_schema(self.declarations),
        }


@transaction.atomic
def create_template(
    actor: User,
    *,
    workspace: Workspace,
    name: str,
    title: str = "",
    description: str = "",
    body: str = "",
    tags: Iterable[str] = (),
    visibility: str = Visibility.PRIVATE,
    variables: Sequence[Mapping[str, Json]] = (),
) -> PromptTemplate:
    """Create a template with a first draft; needs the role of an editor in the workspace.

    Args:
        actor: Who creates it.
        workspace: Where it belongs.
        name: Unique in the workspace; stands in references and never changes.
        title: Shown to people; the name stands in for an empty one.
        description: What it is for.
        body: The text of the draft; it may still be wrong in every way but its characters.
        tags: At most 20; kept in lower case, sorted, once each.
        visibility: Who may read and render it beside the members.
        variables: The declarations of the draft, in order.

    Raises:
        Conflict: `template.name_taken`.
        TemplateInvalid, DeclarationsInvalid: The text or a declaration cannot be stored.
    """
    require_role(actor, workspace, Role.EDITOR)
    template = PromptTemplate(
        workspace=workspace,
        name=name,
        title=title,
        description=description,
        body=storable_body(body),
        tags=normal_tags(tags),
        visibility=visibility,
        created_by=actor,
    )
    declarations = valid_declarations(variables)
    template.full_clean(validate_constraints=False)
    _save_with_free_name(template)
    _replace_variables(template, declarations)
    record(actor, "template.created", template, after=_shown(template))
    return template


@transaction.atomic
def update_draft(
    actor: User,
    *,
    template: PromptTemplate,
    title: str | None = None,
    description: str | None = None,
    body: str | None = None,
    tags: Iterable[str] | None = None,
    visibility: str | None = None,
    variables: Sequence[Mapping[str, Json]] | None = None,
) -> PromptTemplate:
    """Change a draft; None leaves a part as it is, `variables` replaces the whole list.

    Locks the template's row. Published versions are not touched.

    Raises:
        Conflict: `template.archived`.
        TemplateInvalid, DeclarationsInvalid: As for `create_template`.
    """
    locked = _locked(actor, template)
    before = _shown(locked)
    if title is not None:
        locked.title = title
    if description is not None:
        locked.description = description
    if body is not None:
        locked.body = storable_body(body)
    if tags is not None:
        locked.tags = normal_tags(tags)
    if visibility is not None:
        locked.visibility = visibility
    declarations = None if variables is None else valid_declarations(variables)
    locked.full_clean(validate_constraints=False)
    locked.save()
    if declarations is not None:
        _replace_variables(locked, declarations)
    after = _shown(locked)
    if after != before:
        record(actor, "template.updated", locked, before=before, after=after)
    return locked


@transaction.atomic
def publish_version(
    actor: User, *, template: PromptTemplate, change_note: str = ""
) -> TemplateVersion:
    """Freeze the draft as the next version.

    Locks the template's row, so that numbers have no gaps under concurrent calls; the render
    child is asked once, for a fraction of a millisecond, while the lock is held, so that what is
    checked is what is published.

    Raises:
        TemplateInvalid: The draft cannot be published; `errors` lists every reason with line and
            column, and the code is the first one's (`template.syntax`, `template.parent_unknown`,
            `template.variables_unknown`, `variables.declaration`, ...).
        Conflict: `template.archived`.
    """
    locked = _locked(actor, template)
    if not locked.body.strip("\ufeff \t\r\n"):
        raise TemplateInvalid(
            f"{locked.reference} has no text yet; write one, then publish.", code="template.empty"
        )
    number = locked.last_number + 1
    analysis = analyse(
        actor,
        workspace=locked.workspace,
        reference=f"{locked.reference}@{number}",
        body=locked.body,
        variables=variables_of(locked),
    )
    if analysis.errors or analysis.chain is None:
        raise _not_publishable(locked, analysis.errors)
    version = TemplateVersion(
        template=locked,
        number=number,
        body=locked.body,
        variables=[item.to_json() for item in analysis.declarations],
        parent=analysis.parent,
        content_sha256=analysis.chain.content_sha256,
        change_note=change_note,
        created_by=actor,
    )
    version.full_clean(exclude=["variables"], validate_constraints=False)
    version.save()
    TemplateVersionLink.objects.bulk_create(_links(version, analysis))
    locked.last_number = number
    locked.save(update_fields=["last_number", "updated_at"])
    record(
        actor,
        "template.published",
        locked,
        after={"number": number, "content_sha256": version.content_sha256},
    )
    return version


@transaction.atomic
def archive_template(actor: User, *, template: PromptTemplate) -> PromptTemplate:
    """Take a template out of use; its name becomes free, its versions stay for what pins them.

    Raises:
        TemplateInUse: Other templates extend or include a version of it; `errors` lists those
            that the actor may see.
    """
    locked = _locked(actor, template)
    users = (
        PromptTemplate.objects.active()
        .filter(versions__links__target__template=locked)
        .exclude(pk=locked.pk)
    )
    count = users.distinct().count()
    if count:
        seen = users.visible_to(actor).select_related("workspace").distinct()[:50]
        references = [row.reference for row in seen]
        names = ", ".join(references) or "templates that you cannot see"
        raise TemplateInUse(
            f"{locked.reference} is used by {count}: {names}. Publish versions of those that do"
            " without it and archive them first.",
            errors=[
                {"field": reference, "code": "template.in_use", "detail": "refers to this template"}
                for reference in references
            ],
        )
    locked.archived_at = timezone.now()
    locked.save(update_fields=["archived_at", "updated_at"])
    record(actor, "template.archived", locked)
    return locked


@transaction.atomic
def restore_template(actor: User, *, template: PromptTemplate) -> PromptTemplate:
    """Bring an archived template back.

    Raises:
        Conflict: `template.name_taken`, if another template has the name by now.
    """
    locked = _locked(actor, template, archived=True)
    if locked.archived_at is None:
        return locked
    locked.archived_at = None
    _save_with_free_name(locked)
    record(actor, "template.restored", locked)
    return locked


def preview_draft(
    actor: User,
    *,
    template: PromptTemplate,
    values: Mapping[str, Json],
    body: str | None = None,
    variables: Sequence[Mapping[str, Json]] | None = None,
) -> Preview:
    """Render a draft, or an unsaved body and variables in its place.

    Raises:
        PermissionMissing: The actor may see the template but not run it.
    """
    if not PromptTemplate.objects.runnable_by(actor).filter(pk=template.pk).exists():
        raise PermissionMissing(
            f"You can see {template.reference}, but your role does not let you render it."
        )
    return _preview(
        actor,
        workspace=template.workspace,
        name=template.name,
        body=template.body if body is None else body,
        variables=variables_of(template) if variables is None else variables,
        values=values,
    )


def preview_text(
    actor: User,
    *,
    workspace: Workspace,
    body: str,
    variables: Sequence[Mapping[str, Json]],
    values: Mapping[str, Json],
) -> Preview:
    """Render a text that is not stored; needs the role of an editor in the workspace.

    Whatever is wrong comes back as diagnostics. References without a workspace are looked up in
    `workspace`, among what `actor` may read.
    """
    require_role(actor, workspace, Role.EDITOR)
    return _preview(
        actor, workspace=workspace, name="unsaved", body=body, variables=variables, values=values
    )


def render_version(
    actor: User, *, version: TemplateVersion, values: Mapping[str, Json]
) -> Rendered:
    """Render a published version for an actor who may run its template.

    Raises:
        PermissionMissing: The actor may see the version but not run it.
        VariablesInvalid, RenderFailed: As for `render_chain_sync`.
    """
    if not TemplateVersion.objects.runnable_by(actor).filter(pk=version.pk).exists():
        raise PermissionMissing(
            "You can see this template, but your role does not let you render it."
        )
    return render_chain_sync(load_chain(version.pk), values)


def load_chain(version_id: UUID) -> TemplateChain:
    """Return a published version with all that it refers to, ready for `render_chain`.

    Checks no rights: whoever pinned the version had them. Kept in memory after the first call.

    Raises:
        NotFound: There is no such version.
    """
    try:
        return chain_of(version_id)
    except TemplateVersion.DoesNotExist:
        raise NotFound(
            f"There is no template version {str(version_id)!r}.", code="template.version_unknown"
        ) from None


def variables_of(template: PromptTemplate) -> list[dict[str, Json]]:
    """Return the declarations of a draft as JSON, in order."""
    return [declaration_of(row) for row in template.variables.all()]


def declaration_of(row: TemplateVariable) -> dict[str, Json]:
    """Return one declaration of a draft as JSON."""
    return {
        "name": row.name,
        "type": row.type,
        "required": row.is_required,
        "default": row.default,
        "description": row.description,
        "example": row.example,
        "constraints": row.constraints,
    }


def _preview(
    actor: User,
    *,
    workspace: Workspace,
    name: str,
    body: str,
    variables: Sequence[Mapping[str, Json]],
    values: Mapping[str, Json],
) -> Preview:
    analysis = analyse(
        actor,
        workspace=workspace,
        reference=f"{workspace.name}/{name}@draft",
        body=body,
        variables=variables,
    )
    diagnostics = list(analysis.diagnostics)
    rendered = None
    if analysis.chain is not None:
        try:
            rendered = render_chain_sync(analysis.chain, values)
        except VariablesInvalid as error:
            diagnostics.extend(
                Diagnostic(
                    severity="error",
                    code=entry["code"],
                    detail=entry["detail"],
                    name=entry["field"],
                )
                for entry in error.errors
            )
        except RenderFailed as error:
            is_own = error.extra.get("template") == analysis.chain.entry.reference
            diagnostics.append(
                Diagnostic(
                    severity="error",
                    code=error.code,
                    detail=error.detail,
                    line=error.extra.get("line") if is_own else None,
                )
            )
    return Preview(
        rendered=rendered, diagnostics=diagnostics, declarations=list(analysis.declarations)
    )


def _locked(actor: User, template: PromptTemplate, *, archived: bool = False) -> PromptTemplate:
    """Lock the row of a template that the actor may change."""
    rows = PromptTemplate.objects.select_for_update(of=("self",)).select_related("workspace")
    locked: PromptTemplate | None = rows.visible_to(actor).filter(pk=template.pk).first()
    if locked is None:
        raise NotFound("There is no such template, or you may not see it.")
    if not PromptTemplate.objects.editable_by(actor).filter(pk=locked.pk).exists():
        raise PermissionMissing(
            f"You can see {locked.reference}, but your role does not let you change it."
        )
    if locked.archived_at is not None and not archived:
        raise Conflict(
            f"{locked.reference} is archived; restore it first.", code="template.archived"
        )
    return locked


def _save_with_free_name(template: PromptTemplate) -> None:
    """Save; the database decides whether the name is free, also between two requests."""
    try:
        with transaction.atomic():
            template.save()
    except IntegrityError as error:
        if "name_is_unique" not in str(error):
            raise
        raise Conflict(
            f"There is already a template {template.name!r} in {template.workspace.name!r};"
            " choose another name.",
            code="template.name_taken",
            errors=[{"field": "name", "code": "unique", "detail": "The name is taken."}],
        ) from error


def _replace_variables(template: PromptTemplate, declarations: Sequence[Declaration]) -> None:
    template.variables.all().delete()
    TemplateVariable.objects.bulk_create(
        TemplateVariable(
            template=template,
            name=item.name,
            type=item.type,
            is_required=item.required,
            default=item.default,
            description=item.description,
            example=item.example,
            constraints=item.constraints.to_json(),
            position=position,
        )
        for position, item in enumerate(declarations)
    )


def _links(version: TemplateVersion, analysis: Analysis) -> list[TemplateVersionLink]:
    kinds = {item.written: item.kind for item in reversed(analysis.source.references)}
    return [
        TemplateVersionLink(version=version, target=target, kind=kinds[written], written=written)
        for written, target in analysis.targets.items()
    ]


def _not_publishable(template: PromptTemplate, errors: Sequence[Diagnostic]) -> DomainError:
    first = errors[0]
    place = f"line {first.line}: " if first.line else ""
    more = f" There are {len(errors) - 1} more errors." if len(errors) > 1 else ""
    return TemplateInvalid(
        f"{template.reference} cannot be published: {place}{first.detail}{more}",
        code=first.code,
        errors=[{"field": item.name or "body", **item.to_json()} for item in errors],
        extra={"line": first.line, "column": first.column},
    )


def _shown(template: PromptTemplate) -> dict[str, Any]:
    """Return what the audit trail keeps of a draft; the text itself by its length only."""
    return {
        "title": template.title,
        "description": template.description,
        "tags": list(template.tags),
        "visibility": template.visibility,
        "body_chars": len(template.body),
        "variables": [item["name"] for item in variables_of(template)],
    }
