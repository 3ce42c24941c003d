"""Model clients of provider rows: one per row and event loop, rebuilt when the row changes."""

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal
from uuid import UUID
from weakref import WeakKeyDictionary

from django.conf import settings

from agents_app.engine.errors import ProviderRefused
from agents_app.engine.ports import ModelClient
from agents_app.runtime.database import in_thread
from workspaces_app.models import ModelProvider
from workspaces_app.services.secrets import reveal_secret

if TYPE_CHECKING:
    pass

NO_KEY = "none"
"""Sent by servers' own convention where no key is needed; the SDK refuses an empty one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """Where and how a provider is asked. `key` never leaves this module but to that address."""

    api: str
    base_url: str
    key: str
    tool_mode: Literal["native", "json"]


_clients: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[UUID, tuple[Endpoint, ModelClient]]] = (
    WeakKeyDictionary()
)


async def model_client(provider_id: UUID) -> ModelClient:
    """Return the client of a provider; building one costs 37 ms, so it is kept.

    Raises:
        ProviderRefused: the provider is gone, disabled or not configured.
    """
    endpoint = await in_thread(read_endpoint, provider_id)
    clients = _clients.setdefault(asyncio.get_running_loop(), {})
    kept = clients.get(provider_id)
    if kept is None or kept[0] != endpoint:
        kept = clients[provider_id] = (endpoint, _build(endpoint))
    return kept[1]


def read_endpoint(provider_id: UUID) -> Endpoint:
    """Return address and key of a provider row, from the row or from the settings."""
    provider = ModelProvider.objects.select_related("secret").filter(pk=provider_id).first()
    if provider is None or not provider.is_enabled:
        raise ProviderRefused(
            "The model provider of this agent was removed or switched off. Choose another one and"
            " publish the agent again.",
            code="model.provider_missing",
        )
    match provider.source:
        case ModelProvider.Source.ENVIRONMENT:
            base_url, key = settings.OPENAI_BASE_URL, settings.OPENAI_API_KEY
            remedy = "Set OPENAI_API_KEY and start again."
        case ModelProvider.Source.LOCAL:
            base_url, key = settings.LOCAL_MODEL_URL, NO_KEY
            remedy = "Start the product with `make run`, which starts the local model."
        case _:
            base_url = provider.base_url
            key = reveal_secret(provider.secret, url=base_url) if provider.secret else NO_KEY
            remedy = "Enter its address."
    if not base_url or not key:
        raise ProviderRefused(
            f"The model provider {provider.name!r} is not configured. {remedy}",
            code="model.provider_not_configured",
        )
    return Endpoint(
        api=provider.api,
        base_url=base_url,
        key=key,
        tool_mode="json" if provider.tool_mode == "json" else "native",
    )


def _build(endpoint: Endpoint) -> ModelClient:
    # The SDK takes 40 MB and 0.6 s to import; only processes that call models pay for it.
    from openai import AsyncOpenAI

    from agents_app.engine.llm.chat_completions import ChatCompletionsModel
    from agents_app.engine.llm.responses import ResponsesModel
    from config.common.egress.models import http_client_for_models

    client: AsyncOpenAI = AsyncOpenAI(
        api_key=endpoint.key,
        base_url=endpoint.base_url,
        max_retries=0,
        http_client=http_client_for_models(),
    )
    if endpoint.api == ModelProvider.Api.RESPONSES:
        return ResponsesModel(client)
    return ChatCompletionsModel(client, tool_mode=endpoint.tool_mode)
