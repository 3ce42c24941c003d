import assert from "node:assert/strict";
import { test } from "node:test";
import type { EventFrame } from "../src/protocol.js";
import { RunState } from "../src/run-state.js";
import { ticks, waterfall } from "../src/waterfall.js";

const ZERO = Date.parse("2026-01-01T00:00:00.000Z");

function runOf(...events: [number, string, object][]): RunState {
  const run = new RunState("r");
  events.forEach(([ms, type, data], index) => {
    const at = new Date(ZERO + ms).toISOString();
    run.apply({ type, run: "r", seq: index + 1, attempt: 1, at, data } as unknown as EventFrame);
  });
  return run;
}

const QUEUED = { agent: "default/a", version: 1, input: "" };
const CALL = { step: 1, call_id: "c", name: "add", arguments: "{}", effect: "read" };
const RESULT = { kind: "tool_result", call_id: "c", name: "add", content: "3", is_error: false };

test("the bars follow each other from acceptance to the end", () => {
  const run = runOf(
    [0, "run.queued", QUEUED],
    [40, "run.started", { model: "m" }],
    [50, "step.started", { step: 1 }],
    [250, "message.completed", { step: 1, message: { text: "", calls: [] } }],
    [260, "tool.called", CALL],
    [300, "tool.completed", { step: 1, result: RESULT, duration_ms: 38 }],
    [310, "run.completed", { output: "", steps: 1, usage: {} }],
  );
  const { bars, totalMs } = waterfall(run, ZERO + 9_999);
  assert.equal(totalMs, 310);
  assert.deepEqual(
    bars.map((bar) => [bar.kind, bar.from, bar.to, bar.isOpen]),
    [
      ["queue", 0, 40, false],
      ["model", 50, 250, false],
      ["tool", 260, 300, false],
    ],
  );
});

test("an open bar reaches to now", () => {
  const run = runOf([0, "run.queued", QUEUED], [10, "run.started", { model: "m" }], [20, "step.started", { step: 1 }]);
  const { bars } = waterfall(run, ZERO + 500);
  assert.deepEqual([bars[1]?.to, bars[1]?.isOpen], [500, true]);
});

test("a model call that failed ends with the run and is an error", () => {
  const run = runOf(
    [0, "run.queued", QUEUED],
    [10, "run.started", { model: "m" }],
    [20, "step.started", { step: 1 }],
    [90, "run.failed", { code: "model.unreachable", detail: "", fault: "provider", usage: {} }],
  );
  const model = waterfall(run, ZERO + 500).bars[1];
  assert.deepEqual([model?.to, model?.isOpen, model?.isError], [90, false, true]);
});

test("the axis has at most six round marks", () => {
  assert.deepEqual(ticks(310), [0, 100, 200, 300]);
  assert.deepEqual(ticks(1), [0, 0.2, 0.4, 0.6000000000000001, 0.8, 1]);
  assert.equal(ticks(86_400_000).length, 5);
});
