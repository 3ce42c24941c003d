// One websocket that survives lost connections: it resumes every unfinished run at its cursor,
// asks again when a frame is missing, and repeats a start that was not answered under the same
// idempotency key, so that nothing runs twice and every character arrives once.
import {
  isEvent,
  type AcceptedFrame,
  type ErrorFrame,
  type Purpose,
  type ServerFrame,
  type StartFrame,
} from "./protocol.js";
import { RunState } from "./run-state.js";

export type Connection = "idle" | "connecting" | "open" | "waiting" | "refused";

export interface SocketLike {
  readyState: number;
  onopen: ((event: unknown) => void) | null;
  onmessage: ((event: { data: unknown }) => void) | null;
  onclose: ((event: { code: number }) => void) | null;
  onerror: ((event: unknown) => void) | null;
  send(text: string): void;
  close(code?: number): void;
}

export interface Environment {
  open(path: string): SocketLike;
  /** Calls back after a time; returns a function that forgets it. */
  after(delayMs: number, callback: () => void): () => void;
  random(): number;
  id(): string;
}

export type Target =
  | { kind: "run"; id: string }
  | { kind: "session"; id: string | null; workspace: string };

export interface StartOptions {
  agent: string;
  input: string;
  variables: Record<string, unknown>;
  purpose: Purpose;
}

export class Refused extends Error {
  constructor(
    readonly code: string,
    detail: string,
    readonly errors: NonNullable<ErrorFrame["errors"]> = [],
  ) {
    super(detail);
  }
}

interface PendingStart {
  frame: StartFrame;
  resolve: (frame: AcceptedFrame) => void;
  reject: (error: Refused) => void;
}

const REFUSALS: Record<number, string> = {
  4401: "You are signed out. Sign in again to go on.",
  4403: "This address may not open live connections. Add it to CSRF_TRUSTED_ORIGINS.",
  4404: "This conversation does not exist, or it belongs to somebody else.",
};
const TOO_MANY_FRAMES = 4429;
const SLOW_READER = 4408;

export const FIRST_RETRY_MS = 400;
export const LONGEST_RETRY_MS = 15_000;
export const PING_EVERY_MS = 25_000;
export const PONG_WITHIN_MS = 10_000;

export class SocketStore {
  connection: Connection = "idle";
  /** Why the server refused; set when `connection` is `refused`. */
  refusal = "";
  /** Of the last connection loss; null while none has happened. */
  lostAt: number | null = null;
  readonly runs = new Map<string, RunState>();

  private socket: SocketLike | null = null;
  private readonly starts = new Map<string, PendingStart>();
  private readonly asked = new Map<string, string>();
  private readonly listeners = new Set<() => void>();
  private failures = 0;
  private forgetRetry: () => void = () => undefined;
  private forgetPing: () => void = () => undefined;

  constructor(
    readonly target: Target,
    private readonly environment: Environment,
  ) {}

  /** Calls `listener` after every change; returns a function that stops it. */
  subscribe(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  connect(): void {
    if (this.socket || this.connection === "refused") return;
    this.forgetRetry();
    const socket = this.environment.open(this.path());
    this.socket = socket;
    this.connection = "connecting";
    socket.onopen = () => this.opened(socket);
    socket.onmessage = (event) => this.received(socket, event.data);
    socket.onclose = (event) => this.closed(socket, event.code);
    socket.onerror = null;
    this.changed();
  }

  disconnect(): void {
    this.forgetRetry();
    this.forgetPing();
    const socket = this.socket;
    this.socket = null;
    this.connection = "idle";
    socket?.close(1000);
  }

  /** Tries again at once when a retry is being waited for (the network came back). */
  retryNow(): void {
    if (this.connection === "waiting") this.connect();
  }

  /** Adds a run that is known from elsewhere; an unfinished one is followed from its cursor. */
  adopt(run: RunState): void {
    this.runs.set(run.id, run);
    if (this.connection === "open" && !run.isOver) this.follow(run);
  }

  start(options: StartOptions): Promise<AcceptedFrame> {
    const id = this.environment.id();
    const frame: StartFrame = { type: "run.start", id, idempotency_key: id, ...options };
    if (this.target.kind === "session" && this.target.id) frame.session = this.target.id;
    return new Promise((resolve, reject) => {
      this.starts.set(id, { frame, resolve, reject });
      if (this.connection === "open") this.send(frame);
      else this.connect();
    });
  }

  cancel(run: RunState): void {
    run.isCancelling = true;
    if (this.connection === "open") {
      this.send({ type: "run.cancel", id: this.environment.id(), run: run.id });
    }
    this.changed();
  }

  private path(): string {
    const { target } = this;
    if (target.kind === "run") {
      const run = this.runs.get(target.id);
      return `/ws/runs/${target.id}/?last_seq=${run?.seq ?? 0}&offset=${run?.offset ?? 0}`;
    }
    return target.id
      ? `/ws/sessions/${target.id}/`
      : `/ws/sessions/new/?workspace=${encodeURIComponent(target.workspace)}`;
  }

  private opened(socket: SocketLike): void {
    if (socket !== this.socket) return;
    this.connection = "open";
    this.asked.clear();
    for (const run of this.runs.values()) {
      if (run.isOver) continue;
      if (this.target.kind === "session") this.follow(run);
      if (run.isCancelling) {
        this.send({ type: "run.cancel", id: this.environment.id(), run: run.id });
      }
    }
    for (const { frame } of this.starts.values()) this.send(frame);
    this.schedulePing();
    this.changed();
  }

  private received(socket: SocketLike, data: unknown): void {
    if (socket !== this.socket || typeof data !== "string") return;
    this.failures = 0;
    this.schedulePing();
    const frame = JSON.parse(data) as ServerFrame;
    if (frame.type === "run.accepted") this.accepted(frame);
    else if (frame.type === "error") this.refused(frame);
    else if (frame.type === "message.delta" || isEvent(frame)) {
      const run = this.known(frame.run);
      const outcome = run.apply(frame);
      if (outcome === "applied") this.asked.delete(run.id);
      if (outcome === "gap") this.follow(run);
      if (outcome === "duplicate") return;
    } else if (frame.type === "run.cancelling") {
      this.known(frame.run).isCancelling = true;
    } else return;
    this.changed();
  }

  private accepted(frame: AcceptedFrame): void {
    if (this.target.kind === "session") this.target.id = frame.session;
    this.known(frame.run);
    const pending = frame.id ? this.starts.get(frame.id) : undefined;
    if (!pending || !frame.id) return;
    this.starts.delete(frame.id);
    pending.resolve(frame);
  }

  private refused(frame: ErrorFrame): void {
    const pending = frame.id ? this.starts.get(frame.id) : undefined;
    if (!pending || !frame.id) return;
    this.starts.delete(frame.id);
    pending.reject(new Refused(frame.code, frame.detail, frame.errors));
  }

  private closed(socket: SocketLike, code: number): void {
    if (socket !== this.socket) return;
    this.socket = null;
    this.forgetPing();
    this.lostAt = Date.now();
    const refusal = REFUSALS[code];
    if (refusal) {
      this.connection = "refused";
      this.refusal = refusal;
      for (const { reject } of this.starts.values()) {
        reject(new Refused("connection.refused", refusal));
      }
      this.starts.clear();
      this.changed();
      return;
    }
    const isDone = [...this.runs.values()].every((run) => run.isOver) && this.starts.size === 0;
    if (this.target.kind === "run" && isDone && this.runs.size > 0) {
      this.connection = "idle";
      this.changed();
      return;
    }
    this.connection = "waiting";
    this.forgetRetry = this.environment.after(this.retryDelay(code), () => this.connect());
    this.failures += 1;
    this.changed();
  }

  private retryDelay(code: number): number {
    if (code === SLOW_READER && this.failures === 0) return 0;
    const base = code === TOO_MANY_FRAMES ? 5_000 : FIRST_RETRY_MS;
    const longest = Math.min(LONGEST_RETRY_MS, base * 2 ** this.failures);
    return longest * (0.5 + this.environment.random() / 2);
  }

  /** Asks for everything after the run's cursor, once until something arrives. */
  private follow(run: RunState): void {
    const cursor = `${run.seq}:${run.offset}`;
    if (this.asked.get(run.id) === cursor) return;
    this.asked.set(run.id, cursor);
    this.send({ type: "run.follow", run: run.id, last_seq: run.seq, offset: run.offset });
  }

  private known(id: string): RunState {
    let run = this.runs.get(id);
    if (!run) {
      run = new RunState(id);
      this.runs.set(id, run);
    }
    return run;
  }

  private schedulePing(): void {
    this.forgetPing();
    this.forgetPing = this.environment.after(PING_EVERY_MS, () => {
      this.send({ type: "ping", id: this.environment.id() });
      this.forgetPing = this.environment.after(PONG_WITHIN_MS, () => {
        const socket = this.socket;
        if (!socket) return;
        // A half-open connection may never report its end: act as if it had.
        this.closed(socket, 1006);
        socket.close();
      });
    });
  }

  private send(frame: object): void {
    if (this.socket?.readyState === 1) this.socket.send(JSON.stringify(frame));
  }

  private changed(): void {
    for (const listener of this.listeners) listener();
  }
}

/** The browser's own sockets, timers and random numbers. */
export function browserEnvironment(): Environment {
  return {
    open: (path) => {
      const scheme = location.protocol === "https:" ? "wss:" : "ws:";
      return new WebSocket(`${scheme}//${location.host}${path}`) as unknown as SocketLike;
    },
    after: (delayMs, callback) => {
      const timer = setTimeout(callback, delayMs);
      return () => clearTimeout(timer);
    },
    random: Math.random,
    // `crypto.randomUUID` exists only on secure origins; the console may be served on a plain LAN.
    id: () => Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) =>
      byte.toString(16).padStart(2, "0")).join(""),
  };
}
