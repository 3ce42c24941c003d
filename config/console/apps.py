"""The console on top of the admin: its site class and its dashboard."""

from django.contrib.admin.apps import AdminConfig


class ConsoleConfig(AdminConfig):
    """Replaces `django.contrib.admin` in INSTALLED_APPS."""

    default_site = "config.console.site.ConsoleSite"
