"""The engine's cost: `python -m benchmarks.engine`; benchmarks/README.md says what is measured.

Every contestant works in a process of its own against a fake model server in another; contestants
take turns, figures are medians over the turns, and ratios are to the floor of the same call.
"""

import argparse
import json
import platform
import statistics
import subprocess
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from types import TracebackType
from typing import Any

from tests.fake_openai.process import FakeOpenAI

ROOT = Path(__file__).resolve().parents[1]
CONCURRENCIES = {1: 150, 10: 300, 100: 600}
"""Runs of one turn at each concurrency."""
TOKENS = 200
PACE_MS = 20
STREAMS = (100, 200, 400, 800)
HELD_AT = 1.1
"""Streams are held if 95 % of them take at most this multiple of the server's time."""
MEMORY_RUNS = 200
TARGETS = {"engine": 8.0, "journalled": 16.0}
"""CPU per run at concurrency 100, as a multiple of the floor's."""
PACKAGES = ("aiohttp", "openai", "orjson", "uvloop", "psycopg")


class Worker:
    """The process of one contestant."""

    def __init__(self, contestant: str, base_url: str, api: str) -> None:
        command = ["-m", "benchmarks.worker", "--contestant", contestant]
        self._process = subprocess.Popen(
            [sys.executable, *command, "--base-url", base_url, "--api", api],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def __enter__(self) -> "Worker":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._process.communicate()

    def measure(
        self,
        *,
        runs: int,
        concurrency: int,
        tokens: int = TOKENS,
        pace_ms: int = 0,
        spread_s: float = 0.0,
        watches_memory: bool = False,
    ) -> dict[str, Any]:
        """Do so many runs, the first ones begun over `spread_s`; return the process's figures."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        command = {
            "model": f"fake-run:{tokens}:{pace_ms}" if pace_ms else f"fake-run:{tokens}",
            "runs": runs,
            "concurrency": concurrency,
            "tokens": tokens,
            "spread_s": spread_s,
            "watches_memory": watches_memory,
        }
        self._process.stdin.write(json.dumps(command) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise SystemExit("A contestant's process ended; its error is above.")
        figures: dict[str, Any] = json.loads(line)
        return figures


def quantile(values: Sequence[float], share: float) -> float:
    """Return the value below which `share` of the sorted values lie."""
    return values[min(int(len(values) * share), len(values) - 1)]


def measure_runs(workers: dict[str, Worker], turns: int) -> dict[str, dict[str, float]]:
    """Return CPU per run and runs per second at each concurrency."""
    figures: dict[str, dict[str, float]] = {name: {} for name in workers}
    for concurrency, runs in CONCURRENCIES.items():
        seen: dict[str, list[dict[str, Any]]] = {name: [] for name in workers}
        for _ in range(turns):
            for name, worker in workers.items():
                seen[name].append(worker.measure(runs=runs, concurrency=concurrency))
        for name, measured in seen.items():
            cpu_ms = statistics.median(one["cpu_s"] / runs * 1000 for one in measured)
            rate = statistics.median(runs / one["wall_s"] for one in measured)
            figures[name][f"cpu_ms_per_run_c{concurrency}"] = round(cpu_ms, 3)
            figures[name][f"runs_per_s_c{concurrency}"] = round(rate, 1)
    return figures


def measure_first_text(worker: Worker) -> dict[str, float]:
    """Return the time to the first text less what the server takes for it, in milliseconds."""
    measured = worker.measure(runs=60, concurrency=1, tokens=3, pace_ms=PACE_MS)
    if not measured["first_text_s"]:
        return {}  # Its text goes to readers, not through the contestant.
    added = [seconds * 1000 - PACE_MS for seconds in measured["first_text_s"]]
    return {
        "added_ttft_p50_ms": round(quantile(added, 0.5), 2),
        "added_ttft_p95_ms": round(quantile(added, 0.95), 2),
    }


def measure_paced(worker: Worker, turns: int) -> dict[str, float]:
    """Return the CPU of one token when 100 streams write one each 20 ms, runs included."""
    spent = [
        worker.measure(runs=100, concurrency=100, pace_ms=PACE_MS)["cpu_s"] for _ in range(turns)
    ]
    return {"cpu_us_per_paced_token": round(statistics.median(spent) / (100 * TOKENS) * 1e6, 1)}


def measure_streams(worker: Worker) -> dict[str, float]:
    """Return the greatest number of paced streams tried that one process holds.

    Streams begin one after another over the length of one, as they do in use.
    """
    held = 0
    length_s = TOKENS * PACE_MS / 1000
    for streams in STREAMS:
        measured = worker.measure(
            runs=2 * streams, concurrency=streams, pace_ms=PACE_MS, spread_s=length_s
        )
        if quantile(measured["whole_s"], 0.95) > HELD_AT * length_s:
            break
        held = streams
    return {"paced_streams_held": held}


def measure_memory(contestant: str, base_url: str, api: str) -> dict[str, float]:
    """Return the memory that one run in flight adds to a fresh process, in KB."""
    with Worker(contestant, base_url, api) as worker:
        measured = worker.measure(
            runs=MEMORY_RUNS,
            concurrency=MEMORY_RUNS,
            tokens=100,
            pace_ms=PACE_MS,
            watches_memory=True,
        )
    return {"kb_per_concurrent_run": round(measured["grown_bytes"] / MEMORY_RUNS / 1000, 1)}


def measure_all(names: Sequence[str], api: str, turns: int) -> dict[str, dict[str, float]]:
    """Return the figures of each contestant."""
    with FakeOpenAI(is_recording=False) as fake:
        workers = {name: Worker(name, fake.base_url, api) for name in names}
        figures = measure_runs(workers, turns)
        for name, worker in workers.items():
            with worker:
                figures[name] |= measure_first_text(worker)
                figures[name] |= measure_paced(worker, turns)
                figures[name] |= measure_streams(worker)
            figures[name] |= measure_memory(name, fake.base_url, api)
    floor = figures["floor"]
    for own in figures.values():
        for label in ("cpu_ms_per_run_c1", "cpu_ms_per_run_c10", "cpu_ms_per_run_c100"):
            own[label.replace("cpu_ms_per_run", "x_floor")] = round(own[label] / floor[label], 2)
    return figures


def print_table(figures: dict[str, dict[str, float]]) -> None:
    """Print contestants side by side."""
    names = list(figures)
    print(f"{'figure':<26}" + "".join(f"{name:>14}" for name in names))
    for label in figures["floor"]:
        row = "".join(f"{figures[name].get(label, float('nan')):>14g}" for name in names)
        print(f"{label:<26}{row}")


def missed_targets(figures: dict[str, dict[str, float]]) -> list[str]:
    """Return a sentence for every target that was missed."""
    missed = [
        f"{name} takes {figures[name]['x_floor_c100']} x the floor; the target is {target:g} x."
        for name, target in TARGETS.items()
        if name in figures and figures[name]["x_floor_c100"] > target
    ]
    for name in TARGETS:
        if name in figures and figures[name]["paced_streams_held"] < 100:
            missed.append(f"{name} does not hold 100 streams of {PACE_MS} ms per token.")
    return missed


def main() -> None:
    parser = argparse.ArgumentParser(description="Measures the engine against a floor.")
    parser.add_argument("--api", choices=("responses", "chat"), default="responses")
    parser.add_argument("--turns", type=int, default=3, help="repetitions, whose median counts")
    parser.add_argument(
        "--contestants", default="floor,engine,journalled", help="separated by commas"
    )
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    parser.add_argument("--check", action="store_true", help="fail if a target is missed")
    options = parser.parse_args()
    names = options.contestants.split(",")
    if "floor" not in names:
        parser.error("Ratios need the floor among the contestants.")
    figures = measure_all(names, options.api, options.turns)
    print_table(figures)
    missed = missed_targets(figures)
    for sentence in missed:
        print(sentence)
    if options.json:
        result = {
            "measured_at": datetime.now(UTC).isoformat(timespec="seconds"),
            "python": platform.python_version(),
            "machine": f"{platform.system()} {platform.machine()}",
            "versions": {name: version(name) for name in PACKAGES},
            "api": options.api,
            "turns": options.turns,
            "figures": figures,
            "missed": missed,
        }
        options.json.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    if options.check and missed:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
