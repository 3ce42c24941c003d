"""The render child: the one process in which template text is parsed and rendered.

It runs as a plain script with an empty environment, imports neither Django nor this project, and
talks over its standard streams: four bytes of length, then JSON. It assumes that its
input is hostile. What bounds a template: fuel (a count of instructions) and a deadline that is
looked at whenever something is printed, a cap on the output, `RLIMIT_AS` (Rust ends the process
when memory runs out), and the pool, which kills a child that does not answer.

Filters that can blow up a text (`replace`, `join`, `indent`, `format`, `batch`, `*`) are left to
the memory limit: Python twins that count first would change results, since the binding turns 1.0
into 1 on the way.
"""

import gc
import os
import re
import resource
import struct
import sys
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, BinaryIO, TypeVar

import minijinja
import orjson

F = TypeVar("F")
if TYPE_CHECKING:
    from typing_extensions import override
else:

    def override(method: F) -> F:
        """Stand in for the real one, whose module the child need not load."""
        return method


MEMORY_BYTES = 128 * 1024 * 1024
"""Address space; a fresh child has 20 MB. The published limit is 256 MB."""
FUEL = 1_000_000
"""Instructions of one render; about 20 ms of an empty loop, measured in November 2026."""
MAX_OUTPUT_BYTES = 262_144
RENDER_CPU_S = 0.25
"""Processor time of one render; a busy machine must not fail an innocent template."""
PRINTS_PER_LOOK = 16
"""The processor clock costs as much as some prints, so it is read at every sixteenth."""
_CAUSE = re.compile(
    r"^(?:caused by: )?(?P<detail>.+) \(in (?P<key>[0-9a-f]{64}):(?P<line>\d+)\)$", re.M
)
"""One cause in the engine's description, which shows sources between the causes."""


_UNSHOWN = re.compile(r"[0-9a-f]{64}|\w*__\w*")
"""Keys of ours, and dunder names, which messages to strangers do not repeat."""


class OutputTooLarge(Exception):
    """The template prints more than the cap."""


class OutOfTime(Exception):
    """The template has used up its time."""


class SealedList(list[Any]):
    """A list without reachable methods: the binding would let a template call Python's own."""

    __slots__ = ()

    @override
    def __getattribute__(self, name: str) -> Any:
        """Hide everything but the protocol that the engine itself uses."""
        if name.startswith("__"):
            return super().__getattribute__(name)
        raise AttributeError(name)


class Method:
    """A reachable method of a mapping, which prints without an address."""

    __slots__ = ("_call", "_name")

    def __init__(self, name: str, call: Callable[..., Any]) -> None:
        self._name = name
        self._call = call

    def __call__(self, *arguments: Any) -> Any:
        """Call the method and seal what it returns."""
        return seal(self._call(*arguments))

    @override
    def __repr__(self) -> str:
        return f"<method {self._name}>"


class SealedDict(dict[str, Any]):
    """A mapping of which a template can call the reading methods only."""

    __slots__ = ()
    readable = frozenset({"items", "keys", "values", "get"})

    @override
    def __getattribute__(self, name: str) -> Any:
        """Hide everything but the engine's protocol and four reading methods."""
        if name.startswith("__"):
            return super().__getattribute__(name)
        if name in SealedDict.readable:
            return Method(name, super().__getattribute__(name))
        raise AttributeError(name)


def seal(value: Any) -> Any:
    """Return a copy of parsed JSON in which containers are sealed."""
    if isinstance(value, dict):
        return SealedDict({key: seal(item) for key, item in value.items()})
    if isinstance(value, str) or not hasattr(value, "__iter__"):
        return value
    return SealedList([seal(item) for item in value])


class Renderer:
    """Keeps one environment with the compiled templates that the pool has sent."""

    def __init__(self) -> None:
        self._bodies: dict[str, str] = {}
        self._links: dict[str, dict[str, str]] = {}
        self._printed = 0
        self._prints = 0
        self._deadline = 0.0
        self._environment = self._fresh_environment()
        self._parser = self._fresh_environment()

    def handle(self, request: dict[str, Any]) -> dict[str, Any]:
        """Answer one request: `{"op": "render" | "inspect", ...}`."""
        if request["op"] == "inspect":
            return self._inspect(request["body"])
        if request["forget"]:
            self._bodies.clear()
            self._links.clear()
            self._environment = self._fresh_environment()
        for key, body, links in request["templates"]:
            self._bodies[key] = body
            self._links[key] = links
        return self._render(request["entry"], request["values"])

    def _render(self, entry: str, values: dict[str, Any]) -> dict[str, Any]:
        sealed = {name: seal(value) for name, value in values.items()}
        self._printed = 0
        self._prints = 0
        self._deadline = time.process_time() + RENDER_CPU_S
        try:
            text = self._environment.render_template(entry, **sealed)
        except minijinja.TemplateError as error:
            return _failure(error)
        except OutputTooLarge:
            return {"error": "output"}
        except OutOfTime:
            return {"error": "time"}
        except MemoryError:
            return {"error": "memory"}
        except Exception:  # noqa: BLE001 (a Python error that the template provoked)
            return {"error": "failed", "detail": "a value was used in a way that it does not allow"}
        if len(text.encode()) > MAX_OUTPUT_BYTES:
            return {"error": "output"}
        return {"text": text}

    def _inspect(self, body: str) -> dict[str, Any]:
        try:
            return {"undeclared": sorted(self._parser.undeclared_variables_in_str(body))}
        except minijinja.TemplateError as error:
            start = error.range[0] if error.range else 0
            return {
                "error": "syntax",
                "detail": error.detail or error.message,
                "offset": len(body.encode()[:start].decode(errors="ignore")),
            }

    def _fresh_environment(self) -> minijinja.Environment:
        environment = minijinja.Environment(
            loader=self._bodies.get,
            path_join_callback=self._target,
            finalizer=self._watch,
            auto_escape_callback=lambda _name: False,
            undefined_behavior="strict",
            fuel=FUEL,
            debug=True,  # error messages then name the variable
            pycompat=False,
        )
        environment.remove_global("debug")
        return environment

    def _target(self, written: str, parent: str) -> str:
        return self._links.get(parent, {}).get(written, "unresolved reference")

    def _watch(self, value: Any) -> Any:
        """Stop a template that prints too much or for too long; leave the printing to the engine.

        The engine calls this for every expression it prints.
        """
        if type(value) is str:
            self._printed += len(value)
            if self._printed > MAX_OUTPUT_BYTES:
                raise OutputTooLarge
        self._prints += 1
        if self._prints % PRINTS_PER_LOOK == 0 and time.process_time() > self._deadline:
            raise OutOfTime
        return NotImplemented


def _failure(error: minijinja.TemplateError) -> dict[str, Any]:
    """Describe the innermost cause; the engine writes the causes one below the other."""
    description = str(error)
    causes = list(_CAUSE.finditer(description))
    detail = causes[-1]["detail"] if causes else error.message
    if error.kind == "OutOfFuel" or "engine ran out of fuel" in detail:
        return {"error": "time"}
    return {
        "error": "undefined" if detail.startswith("undefined value") else "failed",
        "detail": _UNSHOWN.sub("…", detail)[:500],
        "template": causes[-1]["key"] if causes else error.name,
        "line": int(causes[-1]["line"]) if causes else error.line,
    }


def limit_this_process() -> None:
    """Give up what a render does not need; the limits cannot be raised again.

    Only Linux enforces `RLIMIT_AS`; elsewhere the hard stop of the pool is all that bounds memory.
    """
    if sys.platform == "linux":
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_NOFILE, (16, 16))


def allow_cpu_seconds(seconds: int) -> None:
    """End this process once it has worked so long again; a guard if the pool is gone."""
    limit = int(time.process_time()) + 1 + seconds
    resource.setrlimit(resource.RLIMIT_CPU, (limit, resource.RLIM_INFINITY))


def serve(source: BinaryIO, sink: BinaryIO) -> None:
    """Answer requests until the pool closes the stream."""
    renderer = Renderer()
    while len(header := source.read(4)) == 4:
        request = orjson.loads(source.read(struct.unpack(">I", header)[0]))
        allow_cpu_seconds(2)
        answer = orjson.dumps(renderer.handle(request))
        sink.write(struct.pack(">I", len(answer)) + answer)
        sink.flush()


if __name__ == "__main__":
    limit_this_process()
    gc.freeze()  # what is loaded by now stays; collections need not visit it
    with os.fdopen(0, "rb") as requests, os.fdopen(1, "wb") as answers:
        # Nothing but answers may reach the stream, whatever a library prints.
        sys.stdout = sys.stderr
        serve(requests, answers)
