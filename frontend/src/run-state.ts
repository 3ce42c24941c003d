// What a run looks like after the frames that have arrived. No network, no document: the socket
// store feeds it, the elements draw it.
import type {
  DeltaFrame,
  EventFrame,
  Passage,
  RunSnapshot,
  RunStatus,
  ToolResult,
  Usage,
} from "./protocol.js";

export interface CallView {
  id: string;
  name: string;
  arguments: string;
  effect: string;
  calledAt: number | null;
  completedAt: number | null;
  durationMs: number | null;
  result: ToolResult | null;
}

export interface StepView {
  number: number;
  attempt: number;
  startedAt: number | null;
  textAt: number | null;
  messageAt: number | null;
  text: string;
  /** Code points of `text`. */
  length: number;
  reasoning: string;
  isComplete: boolean;
  isPartial: boolean;
  isShortened: boolean;
  restarts: number;
  calls: CallView[];
  usage: Usage | null;
  /** The newest passages when the step began: what its `[1]` counts from. */
  found: readonly Passage[];
}

export interface Source {
  number: number;
  passage: Passage;
}

/** `gap`: something is missing before this frame; ask again from `seq` and `offset`. */
export type Outcome = "applied" | "duplicate" | "gap";

export function codePoints(text: string): number {
  let count = 0;
  for (const _ of text) count += 1;
  return count;
}

function withoutFirst(text: string, count: number): string {
  return count <= 0 ? text : Array.from(text).slice(count).join("");
}

export class RunState {
  status: RunStatus = "queued";
  input = "";
  agent = "";
  version = 0;
  model = "";
  seq = 0;
  offset = 0;
  attempt = 0;
  queuedAt: number | null = null;
  startedAt: number | null = null;
  finishedAt: number | null = null;
  isCancelling = false;
  output = "";
  error: { code: string; detail: string; fault: string } | null = null;
  waiting: { reason: string; detail: string } | null = null;
  usage: Usage | null = null;
  private found: readonly Passage[] = [];
  readonly steps: StepView[] = [];
  readonly sources: Source[] = [];
  readonly events: EventFrame[] = [];

  constructor(readonly id: string) {}

  static from(snapshot: RunSnapshot): RunState {
    const run = new RunState(snapshot.id);
    run.input = snapshot.input;
    run.agent = snapshot.agent;
    run.version = snapshot.version;
    run.model = snapshot.model;
    run.isCancelling = snapshot.cancel_requested_at !== null;
    for (const event of snapshot.events) run.apply(event);
    if (run.seq === 0) run.status = snapshot.status;
    return run;
  }

  get isOver(): boolean {
    return this.status === "completed" || this.status === "failed" || this.status === "cancelled";
  }

  get durationMs(): number | null {
    const from = this.startedAt ?? this.queuedAt;
    return from !== null && this.finishedAt !== null ? this.finishedAt - from : null;
  }

  apply(frame: EventFrame | DeltaFrame): Outcome {
    return frame.type === "message.delta" ? this.applyDelta(frame) : this.applyEvent(frame);
  }

  private applyDelta(frame: DeltaFrame): Outcome {
    if (frame.seq > this.seq) return "gap";
    const step = this.step(frame.step);
    if (step.isComplete || frame.attempt < step.attempt || frame.seq < this.seq) return "duplicate";
    if (frame.attempt > step.attempt) this.discard(step, frame.attempt);
    if (frame.offset > step.length) return "gap";
    if (frame.end <= step.length) return "duplicate";
    if (step.textAt === null) step.textAt = Date.now();
    step.text += withoutFirst(frame.text, step.length - frame.offset);
    step.length = frame.end;
    this.offset = frame.end;
    return "applied";
  }

  private applyEvent(frame: EventFrame): Outcome {
    if (frame.seq <= this.seq) return "duplicate";
    if (frame.seq > this.seq + 1) return "gap";
    this.seq = frame.seq;
    this.offset = 0;
    this.attempt = Math.max(this.attempt, frame.attempt);
    this.events.push(frame);
    this.reduce(frame, Date.parse(frame.at));
    return "applied";
  }

  private reduce(frame: EventFrame, at: number): void {
    switch (frame.type) {
      case "run.queued":
        this.queuedAt = at;
        this.input = frame.data.input ?? this.input;
        this.agent = frame.data.agent;
        this.version = frame.data.version;
        break;
      case "run.started":
        this.status = "running";
        this.startedAt = at;
        this.model = frame.data.model;
        break;
      case "step.started": {
        this.status = "running";
        this.waiting = null;
        const step = this.step(frame.data.step);
        step.startedAt = at;
        step.attempt = frame.attempt;
        step.found = this.found;
        break;
      }
      case "step.restarted": {
        const step = this.step(frame.data.step);
        step.restarts += 1;
        this.discard(step, frame.attempt);
        break;
      }
      case "context.retrieved":
        this.cite(frame.data.passages);
        break;
      case "message.completed": {
        const step = this.step(frame.data.step);
        const message = frame.data.message;
        step.text = message?.text ?? step.text;
        step.length = codePoints(step.text);
        step.reasoning = message?.reasoning ?? "";
        step.isComplete = true;
        step.isShortened = frame.data.is_truncated === true;
        step.messageAt = at;
        step.usage = frame.data.usage;
        break;
      }
      case "tool.called": {
        const { call_id, name, arguments: args, effect } = frame.data;
        const call = this.call(this.step(frame.data.step), call_id, name);
        call.arguments = args ?? "";
        call.effect = effect;
        call.calledAt ??= at;
        break;
      }
      case "tool.completed": {
        const result = frame.data.result;
        const call = this.call(this.step(frame.data.step), result.call_id, result.name);
        call.result = result;
        call.durationMs = frame.data.duration_ms;
        call.completedAt = at;
        this.cite(result.passages);
        break;
      }
      case "step.completed":
        break;
      case "run.waiting":
        this.status = "waiting";
        this.waiting = { reason: frame.data.reason, detail: frame.data.detail };
        break;
      case "run.completed":
        this.output = frame.data.output ?? "";
        this.end("completed", at, frame.data.usage);
        break;
      case "run.failed":
        this.error = {
          code: frame.data.code,
          detail: frame.data.detail,
          fault: frame.data.fault,
        };
        this.end("failed", at, frame.data.usage);
        break;
      case "run.cancelled": {
        const message = frame.data.message;
        if (message) {
          const step = this.step(frame.data.step);
          step.text = message.text;
          step.length = codePoints(step.text);
          step.isComplete = true;
          step.isPartial = true;
        }
        this.end("cancelled", at, frame.data.usage);
        break;
      }
    }
  }

  private end(status: RunStatus, at: number, usage: Usage): void {
    this.status = status;
    this.finishedAt = at;
    this.usage = usage;
    this.isCancelling = false;
    this.waiting = null;
  }

  private discard(step: StepView, attempt: number): void {
    step.attempt = attempt;
    step.text = "";
    step.length = 0;
    step.textAt = null;
    this.offset = 0;
  }

  private step(number: number): StepView {
    const found = this.steps.find((step) => step.number === number);
    if (found) return found;
    const step: StepView = {
      number,
      attempt: 0,
      startedAt: null,
      textAt: null,
      messageAt: null,
      text: "",
      length: 0,
      reasoning: "",
      isComplete: false,
      isPartial: false,
      isShortened: false,
      restarts: 0,
      calls: [],
      usage: null,
      found: this.found,
    };
    this.steps.push(step);
    return step;
  }

  private call(step: StepView, id: string, name: string): CallView {
    const found = step.calls.find((call) => call.id === id);
    if (found) return found;
    const call: CallView = {
      id,
      name,
      arguments: "",
      effect: "",
      calledAt: null,
      completedAt: null,
      durationMs: null,
      result: null,
    };
    step.calls.push(call);
    return call;
  }

  /** The source that `[number]` in the text of a step stands for. */
  sourceOf(step: StepView, number: number): Source | undefined {
    const chunk = step.found[number - 1]?.chunk_id;
    return this.sources.find((source) => source.passage.chunk_id === chunk);
  }

  private cite(passages: Passage[] | undefined): void {
    if (!passages || passages.length === 0) return;
    this.found = passages;
    for (const passage of passages) {
      const isKnown = this.sources.some((source) => source.passage.chunk_id === passage.chunk_id);
      if (!isKnown) this.sources.push({ number: this.sources.length + 1, passage });
    }
  }
}
