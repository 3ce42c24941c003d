"""Tools that an agent may call."""

from django.apps import AppConfig
from typing_extensions import override


class ToolsConfig(AppConfig):
    name = "tools_app"
    verbose_name = "Tools"

    @override
    def ready(self) -> None:
        """Register the functions that tools may name."""
        # Functions of operators may use models, which exist only now.
        from tools_app.runtime.functions import load_functions

        load_functions()
