"""Calling registered Python functions, in the event loop or in a thread."""

import asyncio
import logging
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from functools import partial
from importlib import import_module
from typing import Any

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import connections

from tools_app.domain.registry import REGISTRY, FunctionTool
from tools_app.errors import ToolError, ToolFailed

logger = logging.getLogger(__name__)

MAX_THREADS = 32
BUILT_IN = "tools_app.runtime.builtin"

_threads = ThreadPoolExecutor(MAX_THREADS, thread_name_prefix="tool")


def load_functions() -> None:
    """Import the built-in functions and the operator's modules (`TOOL_MODULES`), once.

    Raises:
        ImproperlyConfigured: a module of the setting cannot be imported.
    """
    import_module(BUILT_IN)
    for name in getattr(settings, "TOOL_MODULES", []):
        try:
            import_module(name)
        except ImportError as error:
            raise ImproperlyConfigured(
                f"TOOL_MODULES names {name!r}, which cannot be imported: {error}."
            ) from error


def registered_function(name: object) -> FunctionTool | None:
    """Return the registered function of this name, or None."""
    return REGISTRY.get(name) if isinstance(name, str) else None


async def call_function(entry: FunctionTool, arguments: dict[str, Any]) -> object:
    """Call the function with valid arguments and return its result.

    A sync function runs in a thread, which nothing can stop: after a timeout or cancellation it
    runs on to its own end, and its result is dropped.

    Raises:
        ToolRetry, ToolFailed, ApprovalRequired: as the function says; any other exception of it is
            logged and becomes ToolFailed.
    """
    try:
        keywords = entry.keywords(arguments)
        if entry.is_async:
            return await entry.function(**keywords)
        context = copy_context()
        work = partial(context.run, _call_in_thread, entry, keywords)
        return await asyncio.get_running_loop().run_in_executor(_threads, work)
    except ToolError:
        raise
    except Exception as error:  # the operator's code may raise anything
        logger.exception("tool.function_failed", extra={"function": entry.name})
        raise ToolFailed(
            f"The tool failed with an internal error ({type(error).__name__}).",
            is_outcome_unknown=True,
        ) from error


def _call_in_thread(entry: FunctionTool, keywords: dict[str, Any]) -> object:
    try:
        return entry.function(**keywords)
    finally:
        # The thread is kept; a database connection that the function opened is not.
        connections.close_all()
