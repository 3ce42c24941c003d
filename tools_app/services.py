"""Creating, changing and archiving tools on behalf of an actor."""

from collections.abc import Mapping
from dataclasses import dataclass
from time import monotonic, perf_counter
from typing import Any, Literal
from uuid import uuid4

from asgiref.sync import async_to_sync
from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from config.common.egress.policy import check_url
from config.common.errors import Conflict, MeaningInvalid, NotFound, PermissionMissing
from config.common.roles import Role
from tools_app.domain.definition import (
    DEFAULT_TIMEOUT_S,
    MAX_DESCRIPTION_CHARS,
    MAX_OUTPUT_BYTES,
    MAX_TIMEOUT_S,
    MIN_OUTPUT_BYTES,
    MIN_TIMEOUT_S,
    Definition,
    Draft,
)
from tools_app.domain.http import ConfigInvalid, parse_config
from tools_app.domain.output import ToolOutput, clean
from tools_app.domain.registry import EFFECTS, REGISTRY, Effect, effect_named
from tools_app.domain.schema import SchemaInvalid, check_parameters
from tools_app.errors import ApprovalRequired, ToolFailed, ToolRetry
from tools_app.models import Tool, ToolVersion
from tools_app.runtime.definitions import ToolDefinition
from tools_app.runtime.invoke import CallContext, invoke
from workspaces_app.models import Secret, Visibility, Workspace
from workspaces_app.services import access, audit

LISTED_DESCRIPTION_CHARS = 2000


@transaction.atomic
def create_tool(
    actor: User,
    *,
    workspace: Workspace,
    name: str,
    kind: str,
    draft: Draft,
    title: str = "",
    visibility: str = Visibility.PRIVATE,
    secret: Secret | None = None,
) -> Tool:
    """Create a tool with version 1. The actor needs the role editor in the workspace.

    Raises:
        Conflict: the name is taken (`tool.name_taken`).
        MeaningInvalid: the definition makes no sense; the code begins with `tool.`.
        EgressRefused: the address of an HTTP tool may not be called.
    """
    access.require_role(actor, workspace, Role.EDITOR)
    definition = complete(kind, draft, workspace=workspace, secret=secret)
    _refuse_taken_name(workspace, name)
    tool = Tool(
        workspace=workspace,
        name=name,
        title=title,
        kind=kind,
        visibility=visibility,
        secret=secret,
        created_by=actor,
        description=definition.description[:LISTED_DESCRIPTION_CHARS],
    )
    tool.full_clean()
    tool.save()
    _append_version(actor, tool, definition)
    audit.record(actor, "tool.created", tool, after=_audited(tool, definition))
    return tool


@transaction.atomic
def update_tool(
    actor: User,
    *,
    tool: Tool,
    draft: Draft,
    title: str,
    visibility: str,
    secret: Secret | None,
) -> Tool:
    """Change a tool; a definition that differs from the newest version becomes a new one.

    Kind, name and workspace stay. The secret must fit the new address: it is never carried over
    to another origin.

    Raises:
        NotFound, PermissionMissing: the actor may not see, or not change, the tool.
        Conflict: the tool is archived (`tool.archived`).
        MeaningInvalid, EgressRefused: as in `create_tool`.
    """
    tool = _locked(actor, tool)
    if tool.archived_at is not None:
        raise Conflict(f"The tool {tool.name!r} is archived; restore it.", code="tool.archived")
    newest = latest_version(tool)
    before = _audited(tool, definition_of(newest))
    definition = complete(tool.kind, draft, workspace=tool.workspace, secret=secret)
    tool.title = title
    tool.visibility = visibility
    tool.secret = secret
    tool.description = definition.description[:LISTED_DESCRIPTION_CHARS]
    tool.full_clean()
    tool.save()
    if definition.content_sha256 != newest.content_sha256:
        _append_version(actor, tool, definition)
    after = _audited(tool, definition)
    if after != before:
        audit.record(actor, "tool.updated", tool, before=before, after=after)
    return tool


@transaction.atomic
def archive_tool(actor: User, *, tool: Tool) -> Tool:
    """Take a tool out of use; agents that pinned a version keep it. Its name becomes free."""
    tool = _locked(actor, tool)
    if tool.archived_at is None:
        tool.archived_at = timezone.now()
        tool.save(update_fields=["archived_at", "updated_at"])
        audit.record(actor, "tool.archived", tool)
    return tool


@transaction.atomic
def restore_tool(actor: User, *, tool: Tool) -> Tool:
    """Bring an archived tool back; raises Conflict if its name was taken meanwhile."""
    tool = _locked(actor, tool)
    if tool.archived_at is not None:
        _refuse_taken_name(tool.workspace, tool.name)
        tool.archived_at = None
        tool.save(update_fields=["archived_at", "updated_at"])
        audit.record(actor, "tool.restored", tool)
    return tool


def latest_version(tool: Tool) -> ToolVersion:
    """Return the newest version, with its tool set; one query unless it is loaded."""
    return tool.newest_version


def complete(
    kind: str, draft: Draft, *, workspace: Workspace, secret: Secret | None = None
) -> Definition:
    """Return the definition that a draft would be stored as, without storing anything.

    Raises:
        MeaningInvalid, EgressRefused: as in `create_tool`.
    """
    definition = _checked(kind, draft)
    _check_secret(kind, definition, secret, workspace)
    return definition


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """What a call from the console or the API brought."""

    outcome: Literal["succeeded", "retry", "failed", "approval_required"]
    output: str | None
    error: str | None
    is_truncated: bool
    size_bytes: int
    duration_ms: float


def try_tool(actor: User, *, tool: Tool, arguments: Mapping[str, Any]) -> Trial:
    """Call the newest version once, outside any run, and return what the model would read.

    The call is real: it has the tool's effect. It is recorded in the audit trail without its
    arguments. No transaction is open while it runs.

    Raises:
        NotFound, PermissionMissing: the actor may not see, or not run, the tool.
    """
    _require_right(actor, tool, "runnable_by", "run")
    definition = ToolDefinition.from_version(latest_version(tool))
    call = CallContext(
        idempotency_key=f"trial:{uuid4()}",
        user_id=actor.pk,
        run_id=None,
        deadline=monotonic() + definition.timeout_s,
    )
    started = perf_counter()
    outcome: Literal["succeeded", "retry", "failed", "approval_required"] = "succeeded"
    output: ToolOutput | None = None
    detail: str | None = None
    try:
        output = async_to_sync(invoke)(definition, arguments, call=call)
    except ToolRetry as error:
        outcome, detail = "retry", error.detail
    except ToolFailed as error:
        outcome, detail = "failed", error.detail
    except ApprovalRequired as error:
        outcome, detail = "approval_required", error.detail
    duration_ms = round((perf_counter() - started) * 1000, 1)
    audit.record(actor, "tool.tried", tool, after={"version": tool.last_number, "outcome": outcome})
    return Trial(
        outcome=outcome,
        output=output.content if output else None,
        error=detail,
        is_truncated=output.is_truncated if output else False,
        size_bytes=output.size_bytes if output else 0,
        duration_ms=duration_ms,
    )


def definition_of(version: ToolVersion) -> Definition:
    """Return what a version holds as values."""
    return Definition(
        description=version.description,
        parameters=version.parameters,
        effect=effect_named(version.effect),
        config=version.config,
        timeout_s=version.timeout_s,
        max_output_bytes=version.max_output_bytes,
    )


def _require_right(actor: User, tool: Tool, right: str, verb: str) -> None:
    if not Tool.objects.visible_to(actor).filter(pk=tool.pk).exists():
        raise NotFound("There is no such tool, or you may not see it.", code="tool.not_found")
    if not getattr(Tool.objects.all(), right)(actor).filter(pk=tool.pk).exists():
        raise PermissionMissing(f"Your role does not let you {verb} the tool {tool.name!r}.")


def _locked(actor: User, tool: Tool) -> Tool:
    """Lock and return the row after checking the right to change it."""
    _require_right(actor, tool, "editable_by", "change")
    row: Tool = (
        Tool.objects.select_related("workspace").select_for_update(of=("self",)).get(pk=tool.pk)
    )
    return row


def _append_version(actor: User, tool: Tool, definition: Definition) -> ToolVersion:
    """Write the next version; the caller holds the lock on the tool or has just created it."""
    tool.last_number += 1
    version = ToolVersion(
        tool=tool,
        number=tool.last_number,
        description=definition.description,
        parameters=definition.parameters,
        effect=definition.effect,
        config=definition.config,
        timeout_s=definition.timeout_s,
        max_output_bytes=definition.max_output_bytes,
        content_sha256=definition.content_sha256,
        created_by=actor,
    )
    version.full_clean()
    version.save()
    tool.save(update_fields=["last_number", "updated_at"])
    tool.newest_version = version
    return version


def _refuse_taken_name(workspace: Workspace, name: str) -> None:
    if Tool.objects.active().filter(workspace=workspace, name=name).exists():
        raise Conflict(
            f"The workspace {workspace.name!r} already has a tool {name!r}; choose another name.",
            code="tool.name_taken",
        )


def _checked(kind: str, draft: Draft) -> Definition:
    """Return the draft completed for its kind, or raise what is wrong with it."""
    if kind == Tool.Kind.FUNCTION:
        definition = _completed_by_function(draft)
    elif kind == Tool.Kind.HTTP:
        definition = _completed_for_http(draft)
    else:
        raise MeaningInvalid(
            f"The kind {kind!r} is unknown; use one of {', '.join(Tool.Kind.values)}.",
            code="tool.kind_unknown",
        )
    text = definition.description
    if not text or len(text) > MAX_DESCRIPTION_CHARS:
        raise _meaningless(
            "description",
            "tool.description_invalid",
            f"Describe the tool for the model in 1 to {MAX_DESCRIPTION_CHARS} characters.",
        )
    if clean(text) != text:
        raise _meaningless(
            "description",
            "tool.description_hidden_characters",
            "The description holds invisible or control characters; remove them.",
        )
    if not MIN_TIMEOUT_S <= definition.timeout_s <= MAX_TIMEOUT_S:
        raise _meaningless(
            "timeout_s",
            "tool.timeout_out_of_range",
            f"The timeout must be between {MIN_TIMEOUT_S:g} and {MAX_TIMEOUT_S:g} seconds.",
        )
    if not MIN_OUTPUT_BYTES <= definition.max_output_bytes <= MAX_OUTPUT_BYTES:
        raise _meaningless(
            "max_output_bytes",
            "tool.output_limit_out_of_range",
            f"The output limit must be between {MIN_OUTPUT_BYTES} and {MAX_OUTPUT_BYTES:,} bytes.",
        )
    return definition


def _completed_by_function(draft: Draft) -> Definition:
    name = draft.config.get("function")
    entry = REGISTRY.get(name) if isinstance(name, str) else None
    if entry is None or set(draft.config) != {"function"}:
        known = ", ".join(known.name for known in REGISTRY.all())
        raise _meaningless(
            "config",
            "tool.function_unknown",
            f'The configuration must be {{"function": name}}; {name!r} is not installed. Installed'
            f" functions: {known}.",
        )
    effect = _effect(draft.effect or entry.effect)
    if EFFECTS.index(effect) < EFFECTS.index(entry.effect):
        raise _meaningless(
            "effect",
            "tool.effect_weakened",
            f"The function {entry.name!r} declares the effect {entry.effect!r}; a tool cannot"
            f" weaken it to {effect!r}.",
        )
    return Definition(
        description=draft.description.strip() or entry.description,
        parameters=entry.parameters,
        effect=effect,
        config=dict(draft.config),
        timeout_s=entry.timeout_s if draft.timeout_s is None else draft.timeout_s,
        max_output_bytes=draft.max_output_bytes,
    )


def _completed_for_http(draft: Draft) -> Definition:
    parameters = draft.parameters
    if parameters is None:
        parameters = {"type": "object", "properties": {}, "additionalProperties": False}
    try:
        check_parameters(parameters)
    except SchemaInvalid as error:
        field = f"parameters{error.pointer}"
        raise _meaningless(field, "tool.schema_invalid", error.detail) from error
    try:
        template = parse_config(draft.config, parameters)
    except ConfigInvalid as error:
        field = f"config{error.pointer}"
        raise _meaningless(field, "tool.config_invalid", error.detail) from error
    check_url(template.sample_url)
    return Definition(
        description=draft.description.strip(),
        parameters=parameters,
        effect=_effect(draft.effect or "irreversible"),
        config=draft.config,
        timeout_s=DEFAULT_TIMEOUT_S if draft.timeout_s is None else draft.timeout_s,
        max_output_bytes=draft.max_output_bytes,
    )


def _effect(name: str) -> Effect:
    try:
        return effect_named(name)
    except ValueError as error:
        raise _meaningless("effect", "tool.effect_unknown", str(error)) from error


def _check_secret(
    kind: str, definition: Definition, secret: Secret | None, workspace: Workspace
) -> None:
    if secret is None:
        return
    if kind != Tool.Kind.HTTP:
        raise MeaningInvalid("Only HTTP tools send a secret.", code="tool.secret_not_used")
    if secret.workspace_id != workspace.pk:
        raise MeaningInvalid(
            f"The workspace {workspace.name!r} has no secret {secret.name!r}.",
            code="tool.secret_unknown",
        )
    template = parse_config(definition.config, definition.parameters)
    origin = check_url(template.sample_url).origin
    if origin != secret.origin:
        raise MeaningInvalid(
            f"The secret {secret.name!r} may only be sent to {secret.origin}, not to {origin}."
            " Attach a secret of this address or none.",
            code="tool.secret_origin_mismatch",
        )


def _audited(tool: Tool, definition: Definition) -> dict[str, Any]:
    return {
        "title": tool.title,
        "visibility": tool.visibility,
        "secret": tool.secret.name if tool.secret else None,
        "version": tool.last_number,
        "effect": definition.effect,
        "content_sha256": definition.content_sha256,
    }


def _meaningless(field: str, code: str, detail: str) -> MeaningInvalid:
    return MeaningInvalid(
        detail, code=code, errors=[{"field": field, "code": code, "detail": detail}]
    )
