import assert from "node:assert/strict";
import { test } from "node:test";
import {
  isSame,
  knownValues,
  missingVariables,
  readValue,
  showValue,
  withSetting,
  type Declaration,
  type Draft,
} from "../src/draft.js";

function declared(name: string, type: Declaration["type"], more: Partial<Declaration> = {}): Declaration {
  return {
    name,
    type,
    required: true,
    default: null,
    description: "",
    example: null,
    constraints: {},
    ...more,
  };
}

const draft: Draft = {
  title: "t",
  description: "",
  visibility: "private",
  instructions: null,
  variables: { a: 1, b: 2 },
  provider: null,
  model: "",
  model_settings: {},
  tools: ["x", "y"],
  knowledge_bases: [],
  first_tool: "",
  context_tokens: 0,
  max_steps: 25,
};

test("the order of keys and of chosen tools is no change", () => {
  assert.ok(isSame(draft, { ...draft, variables: { b: 2, a: 1 }, tools: ["y", "x"] }));
  assert.ok(!isSame(draft, { ...draft, max_steps: 24 }));
});

test("typed values become values of the declared type", () => {
  assert.equal(readValue(declared("n", "integer"), " 7 "), 7);
  assert.equal(readValue(declared("n", "number"), "seven"), "seven");
  assert.equal(readValue(declared("b", "boolean"), "false"), false);
  assert.deepEqual(readValue(declared("l", "list"), "a\n\n b "), ["a", "b"]);
  assert.equal(readValue(declared("t", "text"), " kept "), " kept ");
  assert.equal(readValue(declared("s", "string"), "  "), undefined);
});

test("values are shown as they are typed", () => {
  assert.equal(showValue(["a", "b"]), "a\nb");
  assert.equal(showValue(false), "false");
  assert.equal(showValue(null), "");
});

test("only needed variables without value and default are missing", () => {
  const declarations = [
    declared("a", "string"),
    declared("b", "string", { default: "x" }),
    declared("c", "string", { required: false }),
    declared("d", "string"),
  ];
  assert.deepEqual(missingVariables(declarations, { d: "y" }), ["a"]);
  assert.deepEqual(knownValues(declarations, { a: 1, z: 2 }), { a: 1 });
});

test("an empty setting is removed and a number stays a number", () => {
  assert.deepEqual(withSetting({ temperature: 1 }, "temperature", ""), {});
  assert.deepEqual(withSetting({}, "temperature", "0.2"), { temperature: 0.2 });
  assert.deepEqual(withSetting({}, "reasoning_effort", "low"), { reasoning_effort: "low" });
});
