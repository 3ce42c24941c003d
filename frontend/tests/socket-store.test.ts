import assert from "node:assert/strict";
import { test } from "node:test";
import type { DeltaFrame, EventFrame } from "../src/protocol.js";
import { RunState } from "../src/run-state.js";
import {
  FIRST_RETRY_MS,
  PING_EVERY_MS,
  PONG_WITHIN_MS,
  Refused,
  SocketStore,
  type Environment,
  type SocketLike,
  type Target,
} from "../src/socket-store.js";

class Wire implements SocketLike {
  readyState = 0;
  onopen: SocketLike["onopen"] = null;
  onmessage: SocketLike["onmessage"] = null;
  onclose: SocketLike["onclose"] = null;
  onerror: SocketLike["onerror"] = null;
  readonly sent: Record<string, unknown>[] = [];

  constructor(readonly path: string) {}

  send(text: string): void {
    this.sent.push(JSON.parse(text) as Record<string, unknown>);
  }

  close(): void {
    this.readyState = 3;
  }

  accept(): void {
    this.readyState = 1;
    this.onopen?.({});
  }

  say(...frames: object[]): void {
    for (const frame of frames) this.onmessage?.({ data: JSON.stringify(frame) });
  }

  lose(code: number): void {
    this.readyState = 3;
    this.onclose?.({ code });
  }
}

class World implements Environment {
  readonly wires: Wire[] = [];
  timers: { at: number; callback: () => void }[] = [];
  now = 0;
  private ids = 0;

  open(path: string): Wire {
    const wire = new Wire(path);
    this.wires.push(wire);
    return wire;
  }

  after(delayMs: number, callback: () => void): () => void {
    const timer = { at: this.now + delayMs, callback };
    this.timers.push(timer);
    return () => {
      this.timers = this.timers.filter((other) => other !== timer);
    };
  }

  random(): number {
    return 1;
  }

  id(): string {
    this.ids += 1;
    return `c${this.ids}`;
  }

  pass(ms: number): void {
    this.now += ms;
    const due = this.timers.filter((timer) => timer.at <= this.now);
    this.timers = this.timers.filter((timer) => timer.at > this.now);
    for (const { callback } of due) callback();
  }

  get wire(): Wire {
    const wire = this.wires.at(-1);
    assert.ok(wire);
    return wire;
  }
}

const AT = "2026-01-01T00:00:00.000Z";
const usage = {
  input_tokens: 1,
  cached_tokens: 0,
  output_tokens: 1,
  reasoning_tokens: 0,
  model_calls: 1,
};
let seqOf: number;

function event(seq: number, type: string, data: object, attempt = 1): EventFrame {
  return { type, run: "r", seq, attempt, at: AT, data } as unknown as EventFrame;
}

function delta(seq: number, offset: number, text: string, attempt = 1): DeltaFrame {
  const end = offset + Array.from(text).length;
  return { type: "message.delta", run: "r", seq, step: 1, attempt, offset, end, text };
}

function begun(): EventFrame[] {
  seqOf = 3;
  return [
    event(1, "run.queued", { agent_id: "a", agent: "default/a", version: 1, input: "hi" }),
    event(2, "run.started", { model: "m" }),
    event(3, "step.started", { step: 1 }),
  ];
}

function answer(text: string): object {
  return {
    step: 1,
    usage,
    message: { kind: "assistant", text, calls: [], reasoning: "", is_partial: false },
  };
}

function store(target: Target = { kind: "run", id: "r" }): { world: World; store: SocketStore } {
  const world = new World();
  return { world, store: new SocketStore(target, world) };
}

const options = { agent: "a", input: "hi", variables: {}, purpose: "playground" as const };

test("text streams in order and the whole message replaces it", () => {
  const run = new RunState("r");
  for (const frame of begun()) run.apply(frame);
  assert.equal(run.apply(delta(seqOf, 0, "Hel")), "applied");
  assert.equal(run.apply(delta(seqOf, 3, "lo")), "applied");
  assert.equal(run.steps[0]?.text, "Hello");
  assert.deepEqual([run.seq, run.offset], [3, 5]);
  run.apply(event(4, "message.completed", answer("Hello!")));
  assert.equal(run.steps[0]?.text, "Hello!");
  assert.deepEqual([run.seq, run.offset], [4, 0]);
});

test("offsets count code points, so that emoji neither double nor vanish", () => {
  const run = new RunState("r");
  for (const frame of begun()) run.apply(frame);
  run.apply(delta(3, 0, "👍🏽a"));
  assert.equal(run.offset, 3);
  assert.equal(run.apply(delta(3, 2, "ab")), "applied");
  assert.equal(run.steps[0]?.text, "👍🏽ab");
});

test("an overlapping piece adds only what is new and an old one adds nothing", () => {
  const run = new RunState("r");
  for (const frame of begun()) run.apply(frame);
  run.apply(delta(3, 0, "abc"));
  assert.equal(run.apply(delta(3, 1, "bcde")), "applied");
  assert.equal(run.apply(delta(3, 0, "ab")), "duplicate");
  assert.equal(run.steps[0]?.text, "abcde");
});

test("a missing piece and a missing event are gaps and change nothing", () => {
  const run = new RunState("r");
  for (const frame of begun()) run.apply(frame);
  assert.equal(run.apply(delta(3, 4, "x")), "gap");
  assert.equal(run.apply(event(5, "step.completed", { step: 1, next: "final" })), "gap");
  assert.equal(run.apply(delta(4, 0, "x")), "gap");
  assert.equal(run.steps[0]?.text, "");
  assert.deepEqual([run.seq, run.offset], [3, 0]);
});

test("a later attempt voids the unfinished text and earlier attempts are ignored", () => {
  const run = new RunState("r");
  for (const frame of begun()) run.apply(frame);
  run.apply(delta(3, 0, "lost words"));
  run.apply(event(4, "step.restarted", { step: 1, reason: "worker lost" }, 2));
  assert.equal(run.steps[0]?.text, "");
  assert.equal(run.apply(delta(4, 0, "old", 1)), "duplicate");
  assert.equal(run.apply(delta(4, 0, "new", 2)), "applied");
  assert.equal(run.steps[0]?.text, "new");
});

test("a delta of a higher attempt alone also voids the text", () => {
  const run = new RunState("r");
  for (const frame of begun()) run.apply(frame);
  run.apply(delta(3, 0, "lost"));
  assert.equal(run.apply(delta(3, 0, "kept", 2)), "applied");
  assert.equal(run.steps[0]?.text, "kept");
});

test("a cancelled run keeps what was said", () => {
  const run = new RunState("r");
  for (const frame of begun()) run.apply(frame);
  const { message } = answer("half an ans") as { message: object };
  run.apply(event(4, "run.cancelled", { step: 1, message, usage }));
  assert.equal(run.status, "cancelled");
  assert.equal(run.steps[0]?.text, "half an ans");
  assert.equal(run.steps[0]?.isPartial, true);
});

test("sources are numbered once each, in the order in which they were found", () => {
  const run = new RunState("r");
  for (const frame of begun()) run.apply(frame);
  const passage = (chunk_id: string) => ({ chunk_id, document_id: "d", title: chunk_id });
  run.apply(event(4, "context.retrieved", { passages: [passage("x")] }));
  const result = { call_id: "1", name: "search", content: "", passages: [passage("y"), passage("x")] };
  run.apply(event(5, "tool.completed", { step: 1, result, duration_ms: 5 }));
  assert.deepEqual(
    run.sources.map((source) => [source.number, source.passage.chunk_id]),
    [[1, "x"], [2, "y"]],
  );
});

test("a number in a text counts from the newest passages before its step", () => {
  const run = new RunState("r");
  for (const frame of begun()) run.apply(frame);
  const passage = (chunk_id: string) => ({ chunk_id, document_id: "d", title: chunk_id });
  const found = (seq: number, ...names: string[]) => {
    const result = { call_id: `c${seq}`, name: "search", content: "", passages: names.map(passage) };
    run.apply(event(seq, "tool.completed", { step: 1, result, duration_ms: 5 }));
  };
  found(4, "x", "y");
  run.apply(event(5, "step.started", { step: 2 }));
  found(6, "z");
  run.apply(event(7, "step.started", { step: 3 }));
  const [, second, third] = run.steps;
  assert.ok(second && third);
  assert.equal(run.sourceOf(second, 2)?.number, 2);
  assert.equal(run.sourceOf(third, 1)?.number, 3);
  assert.equal(run.sourceOf(third, 2), undefined);
});

test("a run socket comes back at its cursor and loses no character", () => {
  const { world, store: sockets } = store();
  sockets.connect();
  assert.equal(world.wire.path, "/ws/runs/r/?last_seq=0&offset=0");
  world.wire.accept();
  world.wire.say(...begun(), delta(3, 0, "Hello"));
  world.wire.lose(1006);
  assert.equal(sockets.connection, "waiting");
  world.pass(FIRST_RETRY_MS);
  assert.equal(world.wires.length, 2);
  assert.equal(world.wire.path, "/ws/runs/r/?last_seq=3&offset=5");
  world.wire.accept();
  world.wire.say(delta(3, 5, " you"));
  assert.equal(sockets.runs.get("r")?.steps[0]?.text, "Hello you");
});

test("a session socket follows every unfinished run again after a loss", () => {
  const { world, store: sockets } = store({ kind: "session", id: "s", workspace: "default" });
  sockets.connect();
  world.wire.accept();
  world.wire.say(...begun(), delta(3, 0, "ab"));
  world.wire.lose(4408);
  world.pass(0);
  world.wire.accept();
  assert.equal(world.wire.path, "/ws/sessions/s/");
  assert.deepEqual(world.wire.sent, [{ type: "run.follow", run: "r", last_seq: 3, offset: 2 }]);
});

test("a gap is asked for once, from the cursor", () => {
  const { world, store: sockets } = store({ kind: "session", id: "s", workspace: "default" });
  sockets.connect();
  world.wire.accept();
  world.wire.say(...begun(), delta(3, 7, "later"), delta(3, 12, "still later"));
  assert.deepEqual(world.wire.sent, [{ type: "run.follow", run: "r", last_seq: 3, offset: 0 }]);
  world.wire.say(delta(3, 0, "missing"), delta(3, 9, "x"));
  assert.equal(world.wire.sent.length, 2);
});

test("a start that was not answered is repeated under the same key", async () => {
  const { world, store: sockets } = store({ kind: "session", id: null, workspace: "my team" });
  const accepted = sockets.start(options);
  assert.equal(world.wire.path, "/ws/sessions/new/?workspace=my%20team");
  world.wire.accept();
  const first = world.wire.sent[0];
  world.wire.lose(1006);
  world.pass(FIRST_RETRY_MS);
  world.wire.accept();
  assert.deepEqual(world.wire.sent[0], first);
  world.wire.say({ type: "run.accepted", id: first?.["id"], run: "r", session: "s" });
  assert.equal((await accepted).run, "r");
  world.wire.lose(1006);
  world.pass(60_000);
  assert.equal(world.wire.path, "/ws/sessions/s/");
});

test("a refused start rejects with the server's code and words", async () => {
  const { world, store: sockets } = store({ kind: "session", id: null, workspace: "default" });
  const accepted = sockets.start(options);
  world.wire.accept();
  world.wire.say({ type: "error", id: "c1", code: "agent.not_published", detail: "Publish it." });
  await assert.rejects(accepted, (error: unknown) => {
    assert.ok(error instanceof Refused);
    assert.deepEqual([error.code, error.message], ["agent.not_published", "Publish it."]);
    return true;
  });
});

test("a refusal for good is not tried again", () => {
  const { world, store: sockets } = store();
  sockets.connect();
  world.wire.lose(4404);
  assert.equal(sockets.connection, "refused");
  world.pass(1_000_000);
  assert.equal(world.wires.length, 1);
});

test("retries wait longer each time until a frame arrives", () => {
  const { world, store: sockets } = store();
  sockets.connect();
  const opened: number[] = [];
  for (let round = 0; round < 4; round += 1) {
    world.wire.lose(1006);
    const before = world.now;
    while (world.wires.length === round + 1) world.pass(100);
    opened.push(world.now - before);
  }
  assert.deepEqual(opened, [400, 800, 1600, 3200]);
});

test("a silent connection is replaced when no pong comes", () => {
  const { world, store: sockets } = store();
  sockets.connect();
  world.wire.accept();
  world.pass(PING_EVERY_MS);
  assert.equal(world.wire.sent[0]?.["type"], "ping");
  world.pass(PONG_WITHIN_MS);
  assert.equal(sockets.connection, "waiting");
});

test("a run socket that closes after the end stays closed", () => {
  const { world, store: sockets } = store();
  sockets.connect();
  world.wire.accept();
  world.wire.say(...begun(), event(4, "run.completed", { output: "x", steps: 1, usage }));
  world.wire.lose(1000);
  world.pass(1_000_000);
  assert.equal(sockets.connection, "idle");
  assert.equal(world.wires.length, 1);
});

test("cancelling while the connection is lost is sent when it is back", () => {
  const { world, store: sockets } = store({ kind: "session", id: "s", workspace: "default" });
  sockets.connect();
  world.wire.accept();
  world.wire.say(...begun());
  world.wire.lose(1006);
  const run = sockets.runs.get("r");
  assert.ok(run);
  sockets.cancel(run);
  world.pass(FIRST_RETRY_MS);
  world.wire.accept();
  assert.deepEqual(world.wire.sent.map((frame) => frame["type"]), ["run.follow", "run.cancel"]);
});
