"""Reads of tool versions."""

from config.common.querysets import ScopedQuerySet


class ToolVersionQuerySet(ScopedQuerySet):  # type: ignore[type-arg]  # the model imports this module
    """Versions, restricted by the rights on their tool."""

    scope_path = "tool"
