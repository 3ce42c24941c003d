"""Reads of tools and their versions."""

from typing import Self

from django.db.models import F, Prefetch

from config.common.querysets import ScopedQuerySet
from workspaces_app.querysets import OwnedQuerySet


class ToolVersionQuerySet(ScopedQuerySet):  # type: ignore[type-arg]  # the model imports this module
    """Versions, restricted by the rights on their tool."""

    scope_path = "tool"

    def newest(self) -> Self:
        """Keep the newest version of each tool."""
        return self.filter(number=F("tool__last_number"))


class ToolQuerySet(OwnedQuerySet):
    """Tools of a workspace."""

    def with_latest_version(self) -> Self:
        """Load workspace, secret and newest version of each tool; one query more."""
        versions = self.model._meta.get_field("versions").related_model
        newest = Prefetch(
            "versions", queryset=versions._default_manager.newest(), to_attr="newest_versions"
        )
        return self.select_related("workspace", "secret").prefetch_related(newest)

    def with_effect(self, effect: str) -> Self:
        """Keep tools whose newest version has the effect."""
        return self.filter(versions__number=F("last_number"), versions__effect=effect)
