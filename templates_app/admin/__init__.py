"""Console pages of templates; importing them here registers them with the admin site."""

from templates_app.admin.templates import PromptTemplateAdmin
from templates_app.admin.versions import TemplateVersionAdmin

__all__ = ["PromptTemplateAdmin", "TemplateVersionAdmin"]
