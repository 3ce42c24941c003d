"""What can go wrong in a run, and whose fault it is."""

from typing import Literal

Fault = Literal["caller", "model", "provider", "ours"]


class EngineError(Exception):
    """A run cannot go on. `code` is stable; `detail` is safe to show."""

    code = "run.failed"
    fault: Fault = "ours"

    def __init__(self, detail: str, *, code: str | None = None) -> None:
        """Keep the message and, where given, a narrower code."""
        super().__init__(detail)
        self.detail = detail
        self.code = code or type(self).code


class ProviderUnavailable(EngineError):
    """The model server could not be reached, was too slow, or answered 5xx."""

    code = "model.unavailable"
    fault: Fault = "provider"


class ProviderRefused(EngineError):
    """The model server refused the request: a key, a model name, a parameter."""

    code = "model.refused_request"
    fault: Fault = "caller"


class ProviderRateLimited(EngineError):
    """The model server asks to slow down. `retry_after_s` is its word, or None."""

    code = "model.rate_limited"
    fault: Fault = "provider"

    def __init__(self, detail: str, *, retry_after_s: float | None = None) -> None:
        """Keep how long the server asked to wait."""
        super().__init__(detail)
        self.retry_after_s = retry_after_s


class StreamBroken(EngineError):
    """The stream ended before the model had finished, or what it carried made no sense."""

    code = "model.stream_broken"
    fault: Fault = "provider"


class AnswerIncomplete(EngineError):
    """The model stopped before it had finished: output limit, content filter, refusal."""

    code = "model.answer_incomplete"
    fault: Fault = "model"


class StepLimitReached(EngineError):
    """The run took as many steps as it may."""

    code = "run.step_limit"
    fault: Fault = "model"


class DeadlinePassed(EngineError):
    """The run's time is up."""

    code = "run.deadline_passed"
    fault: Fault = "caller"


class Superseded(EngineError):
    """Another worker has taken the run over; this one must stop and write nothing."""

    code = "run.superseded"


class CheckpointUnreadable(EngineError):
    """The stored state was written by a version that this code cannot read."""

    code = "run.checkpoint_unreadable"
