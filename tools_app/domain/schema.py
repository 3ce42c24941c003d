"""The parameters schema of a tool: which schemas are accepted, and checking arguments fast."""

from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import jsonschema_rs
import orjson
from typing_extensions import override

MAX_SCHEMA_BYTES = 65_536
MAX_SCHEMA_DEPTH = 32
MAX_ERRORS = 10
MAX_MESSAGE_CHARS = 300
MAX_PATTERN_BYTES = 1_048_576
DIALECT = "https://json-schema.org/draft/2020-12/schema"
KEPT_VALIDATORS = 1024

_IN_PLACE = ("$ref", "$dynamicRef", "not", "if", "then", "else")
_IN_PLACE_LISTS = ("allOf", "anyOf", "oneOf")


class SchemaInvalid(ValueError):
    """A parameters schema that is not accepted; `pointer` is a JSON pointer to the place."""

    def __init__(self, detail: str, pointer: str = "") -> None:
        super().__init__(detail)
        self.detail = detail
        self.pointer = pointer


@dataclass(frozen=True, slots=True, kw_only=True)
class ArgumentError:
    """One way in which arguments break a schema."""

    pointer: str
    """JSON pointer into the arguments; empty for the arguments as a whole."""
    message: str

    @override
    def __str__(self) -> str:
        return f"{self.pointer}: {self.message}" if self.pointer else self.message


class ArgumentsValidator:
    """A compiled parameters schema. Checking valid arguments takes about a microsecond."""

    def __init__(self, schema: Mapping[str, Any]) -> None:
        """Compile; raises SchemaInvalid."""
        # `regex` runs in linear time, so no pattern of a user can hold a worker up.
        try:
            self._validator = jsonschema_rs.Draft202012Validator(
                dict(schema),
                validate_formats=True,
                offline=True,
                pattern_options=jsonschema_rs.RegexOptions(size_limit=MAX_PATTERN_BYTES),
            )
        except jsonschema_rs.ValidationError as error:
            message = _shortened(error.message)
            raise SchemaInvalid(
                f"The schema is not valid JSON Schema 2020-12: {message}.",
                _pointer(error.instance_path),
            ) from None

    def errors(self, arguments: Mapping[str, Any]) -> list[ArgumentError]:
        """Return at most MAX_ERRORS errors; empty for valid arguments."""
        if self._validator.is_valid(arguments):
            return []
        found: list[ArgumentError] = []
        for error in self._validator.iter_errors(arguments):
            found.append(
                ArgumentError(
                    pointer=_pointer(error.instance_path), message=_shortened(error.message)
                )
            )
            if len(found) == MAX_ERRORS:
                break
        return found


_validators: OrderedDict[str, ArgumentsValidator] = OrderedDict()


def validator_for(schema: Mapping[str, Any], *, key: str = "") -> ArgumentsValidator:
    """Return the compiled form of a schema, kept for later calls.

    Args:
        schema: An accepted parameters schema.
        key: A hash of content that includes the schema; by default it is computed, which costs
            more than checking arguments.
    """
    key = key or sha256(orjson.dumps(schema, option=orjson.OPT_SORT_KEYS)).hexdigest()
    kept = _validators.get(key)
    if kept is None:
        kept = ArgumentsValidator(schema)
        _validators[key] = kept
        while len(_validators) > KEPT_VALIDATORS:
            _validators.popitem(last=False)
    return kept


def validator_of(
    schema: Mapping[str, Any], key: str = ""
) -> Callable[[Mapping[str, Any]], list[str]]:
    """Return a function that lists, in sentences, how arguments break the schema."""
    validator = validator_for(schema, key=key)
    return lambda arguments: [str(error) for error in validator.errors(arguments)]


def validate_arguments(
    schema: Mapping[str, Any] | ArgumentsValidator, arguments: Mapping[str, Any]
) -> list[ArgumentError]:
    """Return the ways in which `arguments` break the schema, at most MAX_ERRORS."""
    validator = schema if isinstance(schema, ArgumentsValidator) else validator_for(schema)
    return validator.errors(arguments)


def check_parameters(schema: object) -> None:
    """Raise SchemaInvalid unless `schema` may describe the arguments of a tool.

    It must be a JSON Schema 2020-12 whose root has the type object, at most 64 KiB and 32 levels
    large. References stay inside the schema (`#/...`) and must not lead in a circle without
    stepping into a value. Patterns must do without look-around and back-references.
    """
    if not isinstance(schema, Mapping):
        raise SchemaInvalid("The parameters must be a JSON object that holds a JSON Schema.")
    if schema.get("type") != "object":
        raise SchemaInvalid('The schema must have "type": "object" at its root.', "/type")
    if schema.get("$schema", DIALECT) != DIALECT:
        raise SchemaInvalid(f'Leave "$schema" out or set it to {DIALECT}.', "/$schema")
    try:
        size = len(orjson.dumps(schema))
    except (TypeError, ValueError) as error:
        raise SchemaInvalid(f"The schema is not plain JSON: {error}.") from None
    if size > MAX_SCHEMA_BYTES:
        raise SchemaInvalid(f"The schema has {size} bytes; at most {MAX_SCHEMA_BYTES} are kept.")
    for node, pointer, depth in _nodes(schema):
        if depth > MAX_SCHEMA_DEPTH:
            raise SchemaInvalid(
                f"The schema is nested more than {MAX_SCHEMA_DEPTH} levels deep.", pointer
            )
        if isinstance(node, Mapping):
            _check_references(schema, node, pointer)
    ArgumentsValidator(schema)


def _nodes(value: object) -> Iterator[tuple[object, str, int]]:
    """Yield every list and object with its JSON pointer and depth, the root first."""
    waiting: list[tuple[object, str, int]] = [(value, "", 1)]
    while waiting:
        node, pointer, depth = waiting.pop()
        yield node, pointer, depth
        inner: list[tuple[object, object]] = []
        if isinstance(node, Mapping):
            inner = list(node.items())
        elif isinstance(node, list):
            inner = list(enumerate(node))
        waiting += [
            (item, f"{pointer}/{_escaped(str(key))}", depth + 1)
            for key, item in inner
            if isinstance(item, Mapping | list)
        ]


def _check_references(schema: Mapping[str, Any], node: Mapping[str, Any], pointer: str) -> None:
    for keyword in ("$ref", "$dynamicRef"):
        reference = node.get(keyword)
        if isinstance(reference, str) and reference != "#" and not reference.startswith("#/"):
            raise SchemaInvalid(
                f"The reference {reference[:80]!r} leaves the schema; define it under $defs and"
                " write #/$defs/name.",
                f"{pointer}/{keyword}",
            )
    # A property may be called $id; the keyword of that name would change what references mean.
    if isinstance(node.get("$id"), str):
        raise SchemaInvalid("Leave $id out; references stay inside the schema.", f"{pointer}/$id")
    if "$ref" in node and _leads_in_a_circle(schema, node):
        raise SchemaInvalid("The reference leads in a circle.", f"{pointer}/$ref")


def _leads_in_a_circle(schema: Mapping[str, Any], start: Mapping[str, Any]) -> bool:
    """Whether checking one value against `start` would check the same value against it again."""
    waiting = _applied_in_place(schema, start)
    seen: set[int] = set()
    while waiting:
        node = waiting.pop()
        if node is start:
            return True
        if id(node) not in seen:
            seen.add(id(node))
            waiting += _applied_in_place(schema, node)
    return False


def _applied_in_place(
    schema: Mapping[str, Any], node: Mapping[str, Any]
) -> list[Mapping[str, Any]]:
    applied: list[object] = []
    for keyword in _IN_PLACE:
        value = node.get(keyword)
        applied.append(_resolve(schema, value) if isinstance(value, str) else value)
    for keyword in _IN_PLACE_LISTS:
        value = node.get(keyword)
        applied += value if isinstance(value, list) else []
    return [item for item in applied if isinstance(item, Mapping)]


def _resolve(schema: Mapping[str, Any], reference: str) -> object:
    found: object = schema
    for step in reference.removeprefix("#").split("/")[1:]:
        name = step.replace("~1", "/").replace("~0", "~")
        if isinstance(found, Mapping):
            found = found.get(name)
        elif isinstance(found, list) and name.isdigit() and int(name) < len(found):
            found = found[int(name)]
        else:
            return None
    return found


def _pointer(path: Sequence[str | int]) -> str:
    return "".join(f"/{_escaped(str(step))}" for step in path)


def _escaped(step: str) -> str:
    return step.replace("~", "~0").replace("/", "~1")


def _shortened(message: str) -> str:
    text = message.rstrip(".")
    return text if len(text) <= MAX_MESSAGE_CHARS else f"{text[:MAX_MESSAGE_CHARS]}…"
