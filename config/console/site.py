"""The admin site of the project."""

from unfold.sites import UnfoldAdminSite


class ConsoleSite(UnfoldAdminSite):  # type: ignore[misc]  # unfold has no types
    """The console: Django's admin in the product's clothes."""

    index_title = "Dashboard"
    site_title = "Agent Builder"
    site_header = "Agent Builder"
    enable_nav_sidebar = True
