import assert from "node:assert/strict";
import { test } from "node:test";
import { inline, parseMarkdown, safeHref } from "../src/markdown.js";

const text = (value: string) => ({ kind: "text", text: value });

test("a paragraph keeps its line breaks as text and ends at an empty line", () => {
  assert.deepEqual(parseMarkdown("one\ntwo\n\nthree"), [
    { kind: "paragraph", children: [text("one\ntwo")] },
    { kind: "paragraph", children: [text("three")] },
  ]);
});

test("strong, emphasis, strike, code and citations are found inside a line", () => {
  assert.deepEqual(inline("**a** *b* ~~c~~ `d` [2]"), [
    { kind: "strong", children: [text("a")] },
    text(" "),
    { kind: "emphasis", children: [text("b")] },
    text(" "),
    { kind: "strike", children: [text("c")] },
    text(" "),
    { kind: "code", text: "d" },
    text(" "),
    { kind: "citation", number: 2 },
  ]);
});

test("markup of HTML stays text", () => {
  const source = '<img src=x onerror="alert(1)"> <script>alert(1)</script>';
  assert.deepEqual(parseMarkdown(source), [{ kind: "paragraph", children: [text(source)] }]);
});

test("links to scripts and data stay text", () => {
  assert.deepEqual(inline("[click](javascript:alert(1))").map((item) => item.kind), ["text"]);
  assert.equal(safeHref("JavaScript:alert(1)"), null);
  assert.equal(safeHref("data:text/html,x"), null);
  assert.equal(safeHref("//example.org/x"), null);
  assert.equal(safeHref("https://example.org/a?b=c"), "https://example.org/a?b=c");
});

test("an image becomes a link, never a request", () => {
  assert.deepEqual(inline("![secret](https://example.org/x.png)"), [
    { kind: "link", href: "https://example.org/x.png", children: [text("secret")] },
  ]);
});

test("a bare address is a link without the full stop behind it", () => {
  assert.deepEqual(inline("See https://example.org/a."), [
    text("See "),
    { kind: "link", href: "https://example.org/a", children: [text("https://example.org/a")] },
    text("."),
  ]);
});

test("underscores inside words are text", () => {
  assert.deepEqual(inline("snake_case_name"), [text("snake_case_name")]);
});

test("a fence keeps its text and its language, even when it is not closed yet", () => {
  assert.deepEqual(parseMarkdown("```python\nprint('**')\n"), [
    { kind: "code", language: "python", text: "print('**')\n" },
  ]);
  assert.deepEqual(parseMarkdown("```\na\n```\nb"), [
    { kind: "code", language: "", text: "a" },
    { kind: "paragraph", children: [text("b")] },
  ]);
});

test("lists nest, keep their first number and take lazy lines", () => {
  assert.deepEqual(parseMarkdown("3. a\n   - b\n   - c\n4. d\ne"), [
    {
      kind: "list",
      isOrdered: true,
      start: 3,
      items: [
        [
          { kind: "paragraph", children: [text("a")] },
          {
            kind: "list",
            isOrdered: false,
            start: 1,
            items: [
              [{ kind: "paragraph", children: [text("b")] }],
              [{ kind: "paragraph", children: [text("c")] }],
            ],
          },
        ],
        [{ kind: "paragraph", children: [text("d\ne")] }],
      ],
    },
  ]);
});

test("a table needs its divider and pads short rows", () => {
  assert.deepEqual(parseMarkdown("|a|b|\n|-|:-:|\n|1|"), [
    { kind: "table", head: [[text("a")], [text("b")]], rows: [[[text("1")], []]] },
  ]);
  assert.equal(parseMarkdown("a | b\nc | d")[0]?.kind, "paragraph");
});

test("headings, quotes and rules are blocks", () => {
  assert.deepEqual(
    parseMarkdown("## T ##\n> q\n\n---").map((block) => block.kind),
    ["heading", "quote", "rule"],
  );
});

test("hostile nesting ends and stays within its time", () => {
  const started = performance.now();
  parseMarkdown(">".repeat(20_000));
  parseMarkdown("*".repeat(20_000));
  parseMarkdown("[".repeat(20_000));
  parseMarkdown("- ".repeat(5_000));
  parseMarkdown("**a ".repeat(2_000));
  parseMarkdown("`".repeat(4_000) + "a");
  assert.ok(performance.now() - started < 5_000);
});
