"""What the launcher refuses or could not do, with the way out."""


class LauncherError(Exception):
    """A failure that a person can mend: what is wrong, then what to do."""

    def __init__(self, message: str, *, remedy: str) -> None:
        super().__init__(f"{message}\n{remedy}")
        self.message = message
        self.remedy = remedy
