"""Console pages of tools; importing them here registers them with the admin site."""

from tools_app.admin.tools import ToolAdmin

__all__ = ["ToolAdmin"]
