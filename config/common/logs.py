"""One line per log record, with the fields of `extra` as `name=value` behind the event's name."""

import logging

from typing_extensions import override

_KNOWN = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


class LineFormatter(logging.Formatter):
    """Formats `<time> INFO agents_app.runtime.executor run.claimed run=… attempt=1`."""

    @override
    def formatMessage(self, record: logging.LogRecord) -> str:
        """Return the line; values are shortened, so that no text of a prompt fills the log."""
        line = super().formatMessage(record)
        fields = [
            f"{name}={str(value)[:200]!s}"
            for name, value in vars(record).items()
            if name not in _KNOWN
            and not name.startswith("_")
            and isinstance(value, (str, int, float))
        ]
        return " ".join([line, *fields])
