"""Reads of template versions."""

from typing import TYPE_CHECKING

from config.common.querysets import ScopedQuerySet

if TYPE_CHECKING:
    # Named in the string below; the model imports this module.
    from templates_app.models import TemplateVersion  # noqa: F401


class TemplateVersionQuerySet(ScopedQuerySet["TemplateVersion"]):
    """Versions, restricted by the rights on their template."""

    scope_path = "template"
