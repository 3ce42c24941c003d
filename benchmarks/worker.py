"""The process of one contestant: takes commands as JSON lines and answers with figures.

A command is `{"model": ..., "runs": 200, "concurrency": 10, "tokens": 200}`; figures are CPU and
wall seconds of this process alone, times of the first text and of whole runs, and memory.
"""

import argparse
import asyncio
import gc
import json
import sys
import time
from pathlib import Path
from typing import Any

import uvloop

from benchmarks.contestants import Contestant, Team
from benchmarks.job import Timing

PAGE_BYTES = 4096
WARM_UP = 4


def resident_bytes() -> int:
    """Return the memory of this process that is in RAM."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * PAGE_BYTES


async def measure(contestant: Contestant, command: dict[str, Any]) -> dict[str, Any]:
    """Carry out one command."""
    try:
        for _ in range(WARM_UP):
            await contestant.run(Timing())
        return await _measured(contestant, command)
    finally:
        await contestant.close()


async def _measured(contestant: Contestant, command: dict[str, Any]) -> dict[str, Any]:
    left, concurrency = command["runs"], command["concurrency"]
    first_text_s: list[float] = []
    whole_s: list[float] = []

    async def one_after_another(begin_after_s: float) -> None:
        nonlocal left
        await asyncio.sleep(begin_after_s)
        while left > 0:
            left -= 1
            timing = Timing()
            output = await contestant.run(timing)
            if output is not None:
                check(output, command["tokens"])
            if timing.first_text_at:
                first_text_s.append(timing.first_text_at - timing.began)
            whole_s.append(time.perf_counter() - timing.began)

    gc.collect()
    resident_before = resident_bytes()
    peak = resident_before
    cpu, wall = time.process_time(), time.perf_counter()
    apart_s = command["spread_s"] / concurrency
    tasks = [
        asyncio.ensure_future(one_after_another(number * apart_s)) for number in range(concurrency)
    ]
    while command["watches_memory"] and not all(task.done() for task in tasks):
        peak = max(peak, resident_bytes())
        await asyncio.sleep(0.2)
    await asyncio.gather(*tasks)
    return {
        "cpu_s": time.process_time() - cpu,
        "wall_s": time.perf_counter() - wall,
        "first_text_s": sorted(first_text_s),
        "whole_s": sorted(whole_s),
        "grown_bytes": peak - resident_before,
    }


def check(output: str, tokens: int) -> None:
    """Refuse an answer that is not whole: a wrong answer has no price."""
    if output.count("tok") != tokens:
        raise SystemExit(f"An answer is wrong: {output[:200]!r}")


def open_team(name: str, base_url: str, api: str) -> Team:
    """Return the team of a contestant."""
    if name == "journalled":
        # Needs Django and a database, which the others must not load.
        from benchmarks.journalled import JournalledTeam

        return JournalledTeam(name, base_url, api)
    return Team(name, base_url, api)


async def _perform(team: Team, command: dict[str, Any]) -> dict[str, Any]:
    return await measure(team.make(command["model"]), command)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--contestant", required=True)
    parser.add_argument("--base-url", required=True)
    parser.add_argument("--api", required=True)
    options = parser.parse_args()
    team = open_team(options.contestant, options.base_url, options.api)
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            for line in sys.stdin:
                command = json.loads(line)
                team.prepare(command["model"], command["runs"] + WARM_UP)
                figures = runner.run(_perform(team, command))
                for output in team.outputs():
                    check(output, command["tokens"])
                print(json.dumps(figures), flush=True)
    finally:
        team.drop()


if __name__ == "__main__":
    main()
