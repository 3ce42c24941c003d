// Which part of a run took which time: the rows of the waterfall, computed from the events.
import type { EventFrame } from "./protocol.js";
import type { CallView, RunState } from "./run-state.js";

export interface Bar {
  kind: "queue" | "context" | "model" | "tool" | "waiting";
  label: string;
  detail: string;
  step: number;
  /** Milliseconds after the run was accepted. */
  from: number;
  to: number;
  isOpen: boolean;
  isError: boolean;
  call: CallView | null;
}

export interface Waterfall {
  bars: Bar[];
  totalMs: number;
}

/** `now` ends the bars that are still open. */
export function waterfall(run: RunState, now: number): Waterfall {
  const origin = run.queuedAt ?? run.startedAt ?? now;
  const bars: Bar[] = [];
  const until = run.finishedAt ?? Math.max(now, origin);
  const add = (
    kind: Bar["kind"],
    label: string,
    from: number | null,
    to: number | null,
    more: Partial<Bar> = {},
  ): void => {
    if (from === null) return;
    bars.push({
      kind,
      label,
      detail: "",
      step: 0,
      from: Math.max(0, from - origin),
      to: Math.max(0, (to ?? until) - origin),
      isOpen: to === null && run.finishedAt === null,
      isError: to === null && run.status === "failed",
      call: null,
      ...more,
    });
  };
  add("queue", "Waiting for a worker", run.queuedAt, run.startedAt);
  for (const event of run.events) {
    if (event.type === "context.retrieved") {
      const found = event.data.passages?.length ?? 0;
      add("context", "Passages", run.startedAt, Date.parse(event.at), { detail: `${found} found` });
    }
  }
  for (const step of run.steps) {
    add("model", "Model", step.startedAt, step.messageAt, {
      step: step.number,
      detail: step.restarts ? `${run.model} · restarted` : run.model,
    });
    for (const call of step.calls) {
      const ended =
        call.completedAt ??
        (call.calledAt !== null && call.durationMs !== null ? call.calledAt + call.durationMs : null);
      add("tool", call.name, call.calledAt ?? ended, ended, {
        step: step.number,
        detail: call.effect,
        isError: call.result?.is_error ?? false,
        call,
      });
    }
  }
  waits(run, add);
  bars.sort((a, b) => a.from - b.from || a.to - b.to);
  return { bars, totalMs: Math.max(1, until - origin) };
}

function waits(
  run: RunState,
  add: (kind: Bar["kind"], label: string, from: number, to: number | null) => void,
): void {
  run.events.forEach((event, index) => {
    if (event.type !== "run.waiting") return;
    const next = run.events[index + 1];
    add("waiting", "Waiting for a person", Date.parse(event.at), next ? Date.parse(next.at) : null);
  });
}

/** Round marks for the axis: at most six, at 1, 2 or 5 times a power of ten. */
export function ticks(totalMs: number): number[] {
  const raw = totalMs / 5;
  const power = 10 ** Math.floor(Math.log10(raw));
  const size = [1, 2, 5, 10].map((factor) => factor * power).find((step) => step >= raw) ?? raw;
  const marks: number[] = [];
  for (let mark = 0; mark <= totalMs; mark += size) marks.push(mark);
  return marks;
}

/** One line about an event, for the list. */
export function summary(event: EventFrame): string {
  switch (event.type) {
    case "run.queued":
      return `${event.data.agent} v${event.data.version}`;
    case "run.started":
      return event.data.model;
    case "step.started":
      return `step ${event.data.step}`;
    case "step.restarted":
      return `step ${event.data.step}: ${event.data.reason}`;
    case "context.retrieved":
      return `${event.data.passages?.length ?? 0} passages`;
    case "message.completed": {
      const message = event.data.message;
      const calls = message?.calls?.length ?? 0;
      return message?.text || (calls ? `asks for ${calls} tool ${calls === 1 ? "call" : "calls"}` : "");
    }
    case "tool.called":
      return `${event.data.name} ${event.data.arguments ?? ""}`;
    case "tool.completed":
      return `${event.data.result.name}: ${event.data.result.content ?? ""}`;
    case "step.completed":
      return `step ${event.data.step}, ${event.data.next === "final" ? "the last one" : "goes on"}`;
    case "run.waiting":
      return event.data.detail;
    case "run.completed":
      return event.data.output ?? "";
    case "run.failed":
      return `${event.data.code}: ${event.data.detail}`;
    case "run.cancelled":
      return "";
    default:
      return "";
  }
}
