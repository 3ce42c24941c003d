"""A calculator: reads arithmetic with a parser of its own and never evaluates code."""

import math
import re
from collections.abc import Callable

MAX_CHARS = 500
MAX_DEPTH = 50
MAX_BITS = 4096
"""Of an intermediate integer, so that no power takes long or fills memory."""

Number = int | float

_TOKEN = re.compile(r"\s*(?:(\d+(?:\.\d*)?(?:[eE][+-]?\d+)?|\.\d+)|([a-z]+)|(\*\*|//|[-+*/%(),^]))")
_CONSTANTS: dict[str, float] = {"pi": math.pi, "e": math.e}
_FUNCTIONS: dict[str, tuple[int, int, Callable[..., Number]]] = {
    "abs": (1, 1, abs),
    "ceil": (1, 1, math.ceil),
    "cos": (1, 1, math.cos),
    "exp": (1, 1, math.exp),
    "floor": (1, 1, math.floor),
    "ln": (1, 1, math.log),
    "log": (1, 2, math.log),
    "max": (1, 50, max),
    "min": (1, 50, min),
    "round": (1, 2, lambda value, digits=0: round(value, int(digits)) if digits else round(value)),
    "sin": (1, 1, math.sin),
    "sqrt": (1, 1, math.sqrt),
    "tan": (1, 1, math.tan),
}
"""Name to least and most number of arguments and the function; `log(x, base)` is to base e."""


class ArithmeticInvalid(ValueError):
    """The expression cannot be read or has no value; the text says why."""


def calculate(expression: str) -> Number:
    """Return the value of an arithmetic expression.

    Knows + - * / // % ** (also written ^), parentheses, the constants pi and e, and the functions
    abs ceil cos exp floor ln log max min round sin sqrt tan. `**` binds tighter than a sign
    before it and groups to the right, as in Python.

    Raises:
        ArithmeticInvalid: it cannot be read, divides by zero, or leaves the range of numbers.
    """
    if len(expression) > MAX_CHARS:
        raise ArithmeticInvalid(f"The expression is longer than {MAX_CHARS} characters.")
    parser = _Parser(expression)
    try:
        value = parser.read_sum()
        parser.expect_end()
    except ZeroDivisionError:
        raise ArithmeticInvalid("The expression divides by zero.") from None
    except OverflowError:
        raise ArithmeticInvalid("The result is too large.") from None
    except ValueError as error:
        if isinstance(error, ArithmeticInvalid):
            raise
        raise ArithmeticInvalid("A function got a value outside its domain.") from None
    if isinstance(value, complex) or not math.isfinite(value):
        raise ArithmeticInvalid("The result is not a real number.")
    return value


class _Parser:
    """Recursive descent: sum, product, sign, power, atom."""

    def __init__(self, text: str) -> None:
        self._tokens = _tokens(text)
        self._next = 0
        self._depth = 0

    def read_sum(self) -> Number:
        value = self._read_product()
        while (operator := self._take("+", "-")) is not None:
            right = self._read_product()
            value = _bounded(value + right if operator == "+" else value - right)
        return value

    def expect_end(self) -> None:
        if self._next < len(self._tokens):
            raise ArithmeticInvalid(f"{self._tokens[self._next]!r} is out of place.")

    def _read_product(self) -> Number:
        value = self._read_signed()
        while (operator := self._take("*", "/", "//", "%")) is not None:
            right = self._read_signed()
            match operator:
                case "*":
                    value = value * right
                case "/":
                    value = value / right
                case "//":
                    value = value // right
                case _:
                    value = value % right
            value = _bounded(value)
        return value

    def _read_signed(self) -> Number:
        sign = self._take("-", "+")
        if sign is None:
            return self._read_power()
        self._descend()
        value = self._read_signed()
        self._depth -= 1
        return -value if sign == "-" else value

    def _read_power(self) -> Number:
        base = self._read_atom()
        if self._take("**", "^") is None:
            return base
        self._descend()
        exponent = self._read_signed()
        self._depth -= 1
        return _power(base, exponent)

    def _read_atom(self) -> Number:
        if self._next == len(self._tokens):
            raise ArithmeticInvalid("The expression ends too early.")
        found = self._tokens[self._next]
        self._next += 1
        if found[0].isdigit() or found[0] == ".":
            return int(found) if found.isdigit() else float(found)
        if found == "(":
            value = self._read_inside()
            self._expect(")")
            return value
        if found in _CONSTANTS:
            return _CONSTANTS[found]
        if found in _FUNCTIONS:
            return self._read_call(found)
        known = ", ".join([*_CONSTANTS, *_FUNCTIONS])
        if found.isalpha():
            raise ArithmeticInvalid(f"The name {found!r} is unknown; known are {known}.")
        raise ArithmeticInvalid(f"{found!r} is out of place.")

    def _read_call(self, name: str) -> Number:
        least, most, function = _FUNCTIONS[name]
        self._expect("(")
        values = [self._read_inside()]
        while self._take(",") is not None:
            values.append(self._read_inside())
        self._expect(")")
        if not least <= len(values) <= most:
            raise ArithmeticInvalid(f"{name} takes {least} to {most} values, not {len(values)}.")
        return _bounded(function(*values))

    def _read_inside(self) -> Number:
        self._descend()
        value = self.read_sum()
        self._depth -= 1
        return value

    def _descend(self) -> None:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise ArithmeticInvalid(f"The expression is nested more than {MAX_DEPTH} deep.")

    def _take(self, *wanted: str) -> str | None:
        if self._next < len(self._tokens) and self._tokens[self._next] in wanted:
            self._next += 1
            return self._tokens[self._next - 1]
        return None

    def _expect(self, wanted: str) -> None:
        if self._take(wanted) is None:
            raise ArithmeticInvalid(f"{wanted!r} is missing.")


def _tokens(text: str) -> list[str]:
    tokens: list[str] = []
    position = 0
    text = text.rstrip()
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None:
            raise ArithmeticInvalid(f"{text[position:].strip()[:1]!r} is not arithmetic.")
        tokens.append(match[1] or match[2] or match[3])
        position = match.end()
    return tokens


def _power(base: Number, exponent: Number) -> Number:
    if isinstance(base, int) and isinstance(exponent, int):
        if abs(exponent) * max(base.bit_length(), 1) > MAX_BITS:
            raise ArithmeticInvalid("The result is too large.")
    elif base < 0 and not float(exponent).is_integer():
        raise ArithmeticInvalid("A root of a negative number is not a real number.")
    value: Number = base**exponent
    return _bounded(value)


def _bounded(value: Number) -> Number:
    if isinstance(value, int) and value.bit_length() > MAX_BITS:
        raise ArithmeticInvalid("The result is too large.")
    return value
