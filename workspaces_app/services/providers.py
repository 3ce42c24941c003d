"""Model providers that the installation brings along."""

from django.conf import settings
from django.db import transaction

from workspaces_app.models import ModelProvider, Workspace

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
