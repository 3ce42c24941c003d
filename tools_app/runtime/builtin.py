"""The functions that come with the product."""

from datetime import datetime
from typing import Annotated
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from tools_app.domain.arithmetic import ArithmeticInvalid, calculate
from tools_app.domain.registry import tool
from tools_app.errors import ToolRetry


@tool(effect="read", timeout_s=5.0)
def calculator(
    expression: Annotated[str, {"minLength": 1, "maxLength": 500}],
) -> str:
    """Calculate the value of an arithmetic expression exactly.

    Use it for every calculation instead of working it out yourself.

    Args:
        expression: For example (3 + 4) * 2 ** 10 or sqrt(2) * pi. Knows + - * / // % **,
            parentheses, pi, e, abs, ceil, cos, exp, floor, ln, log, max, min, round, sin, sqrt
            and tan.
    """
    try:
        return str(calculate(expression))
    except ArithmeticInvalid as error:
        raise ToolRetry(str(error)) from error


@tool(effect="read", timeout_s=5.0)
def current_time(timezone: Annotated[str, {"maxLength": 64}] = "UTC") -> dict[str, str]:
    """Return the current date, time and weekday in a time zone.

    Args:
        timezone: A name of the IANA time zone database, such as Europe/Berlin.
    """
    try:
        now = datetime.now(ZoneInfo(timezone))
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ToolRetry(
            f"The time zone {timezone!r} is unknown; use an IANA name such as Europe/Berlin."
        ) from error
    return {
        "time": now.isoformat(timespec="seconds"),
        "weekday": now.strftime("%A"),
        "timezone": timezone,
    }
