"""An `openai` client for the fake server, over the product's own guarded connections."""

import httpx2
from openai import AsyncOpenAI
from yarl import URL

from config.common.egress.connections import open_session
from config.common.egress.models import SessionTransport

API_KEY = "sk-fake-0123456789"


def open_client(base_url: str, *, is_allowed: bool = True) -> AsyncOpenAI:
    """Open a client that may call the fake server and nothing else; the caller closes it.

    Belongs to the running event loop. `is_allowed=False` lets it call nothing at all.
    """
    url = URL(base_url)
    pairs = frozenset({(str(url.host), int(url.port or 80))} if is_allowed else ())
    transport = SessionTransport(open_session(allowed=lambda: pairs, limit=0))
    return AsyncOpenAI(
        base_url=base_url,
        api_key=API_KEY,
        http_client=httpx2.AsyncClient(transport=transport, trust_env=False),
    )
