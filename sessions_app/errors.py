"""What can go wrong with sessions."""

from config.common.errors import Conflict


class SessionArchived(Conflict):
    """An archived session takes no changes and no messages any more."""

    code = "session.archived"
    title = "This session is archived"
