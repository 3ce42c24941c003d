"""Reads of template versions."""

from config.common.querysets import ScopedQuerySet


class TemplateVersionQuerySet(ScopedQuerySet):  # type: ignore[type-arg]  # the model imports this
    """Versions, restricted by the rights on their template."""

    scope_path = "template"
