"""What a tool may raise to steer the run; operators import these in their own functions."""


class ToolError(Exception):
    """The base of the three; `detail` is written for the model and holds no secret."""

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail


class ToolRetry(ToolError):
    """The call was wrong; the model may correct its arguments and call again."""


class ToolFailed(ToolError):
    """The tool cannot do it now; the model should go on without it."""

    def __init__(self, detail: str, *, is_outcome_unknown: bool = False) -> None:
        """Keep the message and whether the effect may have happened all the same."""
        super().__init__(detail)
        self.is_outcome_unknown = is_outcome_unknown


class ApprovalRequired(ToolError):
    """A person has to agree before this call is carried out."""
