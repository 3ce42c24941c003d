"""Model providers: those that the installation brings along, and those that people enter."""

from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import ProtectedError

from config.common.egress.policy import allowed_pairs_for_models, check_url
from config.common.errors import Conflict, MeaningInvalid
from config.common.roles import Role
from workspaces_app.models import ModelProvider, Secret, Workspace
from workspaces_app.services import access, audit
from workspaces_app.services.secrets import origin_of, store_secret

FIELDS = ("title", "api", "base_url", "default_model", "tool_mode", "is_enabled")
"""What people may change of a provider of theirs, beside its key."""

ENVIRONMENT = "openai"
LOCAL = "local"


@transaction.atomic
def sync_providers(workspace: Workspace) -> ModelProvider | None:
    """Create or update the rows for OPENAI_API_KEY and for the local model.

    A row whose source is gone is switched off and kept, because versions refer to it. Returns the
    row that new agents should use: OpenAI's if a key is set, else the local model's, else None.
    """
    _sync(
        workspace,
        ENVIRONMENT,
        is_enabled=bool(settings.OPENAI_API_KEY),
        title="OpenAI" if "api.openai.com" in settings.OPENAI_BASE_URL else "From the environment",
        api=settings.OPENAI_API,
        source=ModelProvider.Source.ENVIRONMENT,
        default_model=settings.OPENAI_MODEL,
    )
    _sync(
        workspace,
        LOCAL,
        is_enabled=bool(settings.LOCAL_MODEL_URL),
        title="SmolLM2 135M (demonstration)",
        api=ModelProvider.Api.CHAT_COMPLETIONS,
        source=ModelProvider.Source.LOCAL,
        default_model="smollm2-135m-instruct",
        tool_mode=ModelProvider.ToolMode.JSON,
        is_demo=True,
    )
    wanted = ENVIRONMENT if settings.OPENAI_API_KEY else LOCAL
    return ModelProvider.objects.filter(workspace=workspace, name=wanted, is_enabled=True).first()


def _sync(workspace: Workspace, name: str, *, is_enabled: bool, **fields: object) -> None:
    provider = ModelProvider.objects.filter(workspace=workspace, name=name).first()
    if provider is None and not is_enabled:
        return
    provider = provider or ModelProvider(workspace=workspace, name=name)
    changed = provider._state.adding
    for field, value in {**fields, "is_enabled": is_enabled}.items():
        changed = changed or getattr(provider, field) != value
        setattr(provider, field, value)
    if changed:
        provider.full_clean(exclude=["base_url"])
        provider.save()


@transaction.atomic
def create_provider(
    actor: User, *, workspace: Workspace, name: str, api_key: str | None = None, **fields: Any
) -> ModelProvider:
    """Create a provider with its address; the key, if any, becomes a secret bound to it.

    `fields` are those of `FIELDS`; `base_url` and `default_model` are needed.

    Raises:
        PermissionMissing: `actor` does not administer the workspace.
        Conflict: the name is taken.
        EgressRefused: the address may not be called.
    """
    access.require_role(actor, workspace, Role.ADMIN)
    if ModelProvider.objects.filter(workspace=workspace, name=name).exists():
        raise Conflict(
            f"The workspace {workspace.name!r} already has a provider {name!r}.",
            code="provider.name_taken",
        )
    provider = ModelProvider(workspace=workspace, name=name)
    _change(actor, provider, fields, api_key=api_key, has_new_key=bool(api_key))
    audit.record(actor, "provider.created", provider, after=_described(provider))
    return provider


@transaction.atomic
def update_provider(actor: User, *, provider: ModelProvider, **fields: Any) -> ModelProvider:
    """Change a provider that was entered here; `api_key` replaces its key, None takes it away.

    Raises:
        PermissionMissing: `actor` does not administer the workspace.
        Conflict: the provider comes from the environment.
        MeaningInvalid: the address moves to another origin without a new key.
        EgressRefused: the address may not be called.
    """
    provider = _own_row(actor, provider)
    before = _described(provider)
    has_new_key = "api_key" in fields
    api_key = fields.pop("api_key", None)
    _change(actor, provider, fields, api_key=api_key, has_new_key=has_new_key)
    audit.record(actor, "provider.updated", provider, before=before, after=_described(provider))
    return provider


@transaction.atomic
def delete_provider(actor: User, *, provider: ModelProvider) -> None:
    """Delete a provider that nothing refers to. Its secret stays until it is deleted itself.

    Raises:
        PermissionMissing: `actor` does not administer the workspace.
        Conflict: the provider comes from the environment, or agents use it.
    """
    provider = _own_row(actor, provider)
    audit.record(actor, "provider.deleted", provider, before=_described(provider))
    try:
        provider.delete()
    except ProtectedError as error:
        raise Conflict(
            f"Agents use the provider {provider.name!r}. Switch it off with is_enabled instead.",
            code="provider.in_use",
        ) from error


def _own_row(actor: User, provider: ModelProvider) -> ModelProvider:
    """Return the row, locked, of a provider that people may change."""
    access.require_role(actor, provider.workspace, Role.ADMIN)
    locked: ModelProvider = ModelProvider.objects.select_for_update().get(pk=provider.pk)
    if locked.source != ModelProvider.Source.CUSTOM:
        raise Conflict(
            f"The provider {locked.name!r} is set by the environment of the server"
            f" ({locked.get_source_display()}). Create one of your own instead.",
            code="provider.not_custom",
        )
    return locked


def _change(
    actor: User,
    provider: ModelProvider,
    fields: dict[str, Any],
    *,
    api_key: str | None,
    has_new_key: bool,
) -> None:
    unknown = sorted(set(fields) - set(FIELDS))
    assert not unknown, unknown
    for name, value in fields.items():
        setattr(provider, name, value)
    if not provider.base_url:
        raise MeaningInvalid(
            "base_url: write the address of the server, such as https://api.openai.com/v1.",
            code="provider.base_url_missing",
        )
    check_url(provider.base_url, allow=allowed_pairs_for_models())
    if has_new_key:
        provider.secret = _stored_key(actor, provider, api_key) if api_key else None
    elif provider.secret is not None and provider.secret.origin != origin_of(provider.base_url):
        raise MeaningInvalid(
            f"The stored key may only be sent to {provider.secret.origin}. Send `api_key` again"
            " with the new address.",
            code="provider.key_needed",
        )
    provider.full_clean()
    provider.save()


def _stored_key(actor: User, provider: ModelProvider, api_key: str) -> Secret:
    return store_secret(
        actor,
        workspace=provider.workspace,
        name=f"{provider.name[:60]}-key",
        value=api_key,
        origin=provider.base_url,
    )


def _described(provider: ModelProvider) -> dict[str, Any]:
    """Return what the audit trail keeps; the key is only named."""
    return {
        **{name: getattr(provider, name) for name in FIELDS},
        "secret": provider.secret.name if provider.secret else None,
    }
