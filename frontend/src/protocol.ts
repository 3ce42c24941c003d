// The frames of `/ws/runs/{id}/` and `/ws/sessions/{id}/`; docs/events.md is the catalogue.

export interface Passage {
  chunk_id: string;
  document_id: string;
  title: string;
  heading: string;
  text: string;
  start: number;
  end: number;
  score: number;
}

export interface Usage {
  input_tokens: number;
  cached_tokens: number;
  output_tokens: number;
  reasoning_tokens: number;
  model_calls: number;
}

export interface ToolCall {
  id: string;
  name: string;
  arguments: string;
}

export interface AssistantMessage {
  kind: "assistant";
  text: string;
  calls: ToolCall[];
  reasoning: string;
  finish: string;
  model: string;
  response_id: string;
  is_partial: boolean;
}

export interface ToolResult {
  kind: "tool_result";
  call_id: string;
  name: string;
  content: string;
  is_error: boolean;
  passages: Passage[];
}

export interface Shortened {
  is_truncated?: boolean;
  message_sequence?: number;
}

interface Payloads {
  "run.queued": { agent_id: string; agent: string; version: number; input: string };
  "run.started": { model: string };
  "step.started": { step: number };
  "step.restarted": { step: number; reason: string };
  "context.retrieved": { passages: Passage[] };
  "message.completed": { step: number; message: AssistantMessage; usage: Usage };
  "tool.called": {
    step: number;
    call_id: string;
    name: string;
    arguments: string;
    effect: string;
    idempotency_key: string;
  };
  "tool.completed": { step: number; result: ToolResult; duration_ms: number };
  "step.completed": { step: number; next: string };
  "run.waiting": { reason: string; detail: string; call_ids: string[] };
  "run.completed": { output: string; steps: number; usage: Usage };
  "run.failed": { code: string; detail: string; fault: string; usage: Usage };
  "run.cancelled": { step: number; message: AssistantMessage | null; usage: Usage };
}

export type EventType = keyof Payloads;

interface EventFrameOf<T extends EventType> {
  type: T;
  run: string;
  seq: number;
  attempt: number;
  at: string;
  data: Payloads[T] & Shortened;
}

export type EventFrame = { [T in EventType]: EventFrameOf<T> }[EventType];

export interface DeltaFrame {
  type: "message.delta";
  run: string;
  /** Of the last event before this text. */
  seq: number;
  step: number;
  attempt: number;
  /** Code points of the step's text before and after this piece. */
  offset: number;
  end: number;
  text: string;
}

export interface AcceptedFrame {
  type: "run.accepted";
  id?: string;
  run: string;
  session: string;
}

export interface ErrorFrame {
  type: "error";
  id?: string;
  code: string;
  detail: string;
  errors?: { field?: string; pointer?: string; code?: string; detail?: string }[];
}

export interface CancellingFrame {
  type: "run.cancelling";
  id?: string;
  run: string;
}

export interface PongFrame {
  type: "pong";
  id?: string;
}

export type ServerFrame =
  | EventFrame
  | DeltaFrame
  | AcceptedFrame
  | ErrorFrame
  | CancellingFrame
  | PongFrame;

export type Purpose = "production" | "playground";

export interface StartFrame {
  type: "run.start";
  id: string;
  agent: string;
  input: string;
  variables: Record<string, unknown>;
  purpose: Purpose;
  idempotency_key: string;
  session?: string;
}

/** What the server puts in a page about a run: its row and its events so far. */
export interface RunSnapshot {
  id: string;
  status: RunStatus;
  input: string;
  agent: string;
  agent_id: string;
  version: number;
  model: string;
  purpose: string;
  user: string;
  session: string;
  created_at: string;
  cancel_requested_at: string | null;
  events: EventFrame[];
}

export type RunStatus = "queued" | "running" | "waiting" | "completed" | "failed" | "cancelled";

const EVENT_TYPES: ReadonlySet<string> = new Set<EventType>([
  "run.queued",
  "run.started",
  "step.started",
  "step.restarted",
  "context.retrieved",
  "message.completed",
  "tool.called",
  "tool.completed",
  "step.completed",
  "run.waiting",
  "run.completed",
  "run.failed",
  "run.cancelled",
]);

export function isEvent(frame: { type: string }): frame is EventFrame {
  return EVENT_TYPES.has(frame.type) || ("seq" in frame && "data" in frame);
}
