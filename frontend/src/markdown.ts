// A small Markdown parser for text that models write. It gives values, never HTML: the view makes
// text nodes of them, so nothing in the text can become an element, a script or an image request.

export type Inline =
  | { kind: "text"; text: string }
  | { kind: "code"; text: string }
  | { kind: "strong"; children: Inline[] }
  | { kind: "emphasis"; children: Inline[] }
  | { kind: "strike"; children: Inline[] }
  | { kind: "link"; href: string; children: Inline[] }
  | { kind: "citation"; number: number }
  | { kind: "break" };

export type Block =
  | { kind: "paragraph"; children: Inline[] }
  | { kind: "heading"; level: number; children: Inline[] }
  | { kind: "code"; language: string; text: string }
  | { kind: "quote"; children: Block[] }
  | { kind: "list"; isOrdered: boolean; start: number; items: Block[][] }
  | { kind: "table"; head: Inline[][]; rows: Inline[][][] }
  | { kind: "rule" };

const FENCE = /^ {0,3}(`{3,}|~{3,})\s*([\w+#.-]*)[^`]*$/;
const HEADING = /^ {0,3}(#{1,6})\s+(.*?)\s*#*\s*$/;
const RULE = /^ {0,3}([-*_])(?:\s*\1){2,}\s*$/;
const ITEM = /^( {0,3})(?:([-*+])|(\d{1,9})[.)])(\s+|$)(.*)$/;
const QUOTE = /^ {0,3}> ?(.*)$/;
const DIVIDER = /^ {0,3}\|?\s*:?-+:?\s*(\|\s*:?-+:?\s*)*\|?\s*$/;
const DEEPEST = 8;

export function parseMarkdown(text: string): Block[] {
  return blocks(text.replace(/\r\n?/g, "\n").split("\n"), 0);
}

/** Only addresses that open a page or a mail; everything else stays text. */
export function safeHref(href: string): string | null {
  const trimmed = href.trim();
  return /^(https?:\/\/|mailto:)[^\s<>"]+$/i.test(trimmed) ? trimmed : null;
}

function blocks(lines: string[], depth: number): Block[] {
  const found: Block[] = [];
  let at = 0;
  while (at < lines.length) {
    const line = lines[at] ?? "";
    if (line.trim() === "") {
      at += 1;
      continue;
    }
    const taken =
      fence(lines, at, found) ||
      heading(line, found) ||
      rule(line, found) ||
      (depth < DEEPEST && quote(lines, at, found, depth)) ||
      (depth < DEEPEST && list(lines, at, found, depth)) ||
      table(lines, at, found) ||
      paragraph(lines, at, found);
    at += taken;
  }
  return found;
}

function fence(lines: string[], at: number, found: Block[]): number {
  const match = FENCE.exec(lines[at] ?? "");
  if (!match) return 0;
  const mark = match[1] ?? "```";
  const body: string[] = [];
  let next = at + 1;
  while (next < lines.length) {
    const line = lines[next] ?? "";
    const isEnd = line.trim().startsWith(mark) && line.trim().replaceAll(mark[0] ?? "`", "") === "";
    next += 1;
    if (isEnd) break;
    body.push(line);
  }
  found.push({ kind: "code", language: match[2] ?? "", text: body.join("\n") });
  return next - at;
}

function heading(line: string, found: Block[]): number {
  const match = HEADING.exec(line);
  if (!match) return 0;
  found.push({ kind: "heading", level: match[1]?.length ?? 1, children: inline(match[2] ?? "") });
  return 1;
}

function rule(line: string, found: Block[]): number {
  if (!RULE.test(line)) return 0;
  found.push({ kind: "rule" });
  return 1;
}

function quote(lines: string[], at: number, found: Block[], depth: number): number {
  const body: string[] = [];
  let next = at;
  while (next < lines.length) {
    const match = QUOTE.exec(lines[next] ?? "");
    if (!match) break;
    body.push(match[1] ?? "");
    next += 1;
  }
  if (next === at) return 0;
  found.push({ kind: "quote", children: blocks(body, depth + 1) });
  return next - at;
}

function list(lines: string[], at: number, found: Block[], depth: number): number {
  const first = ITEM.exec(lines[at] ?? "");
  if (!first) return 0;
  const isOrdered = first[3] !== undefined;
  const items: string[][] = [];
  let indent = 0;
  let next = at;
  while (next < lines.length) {
    const line = lines[next] ?? "";
    const match = ITEM.exec(line);
    const isDeeper = line.startsWith(" ".repeat(Math.max(indent, 2))) && items.length > 0;
    if (match && !(isDeeper && indent > 0 && (match[1]?.length ?? 0) >= indent)) {
      if ((match[3] !== undefined) !== isOrdered) break;
      indent = line.length - (match[5] ?? "").length;
      items.push([match[5] ?? ""]);
    } else if (line.trim() === "") {
      const after = lines[next + 1] ?? "";
      const goesOn = after.startsWith("  ") || ITEM.test(after);
      if (!goesOn) break;
      items.at(-1)?.push("");
    } else if (isDeeper) {
      items.at(-1)?.push(line.slice(Math.min(indent, line.length - line.trimStart().length)));
    } else if (!interrupts(line) && (lines[next - 1] ?? "").trim() !== "") {
      items.at(-1)?.push(line);
    } else break;
    next += 1;
  }
  found.push({
    kind: "list",
    isOrdered,
    start: Number(first[3] ?? 1),
    items: items.map((item) => blocks(item, depth + 1)),
  });
  return next - at;
}

function table(lines: string[], at: number, found: Block[]): number {
  const head = lines[at] ?? "";
  const divider = lines[at + 1] ?? "";
  if (!head.includes("|") || !divider.includes("-") || !DIVIDER.test(divider)) return 0;
  const columns = cells(head);
  if (columns.length !== cells(divider).length) return 0;
  const rows: Inline[][][] = [];
  let next = at + 2;
  while (next < lines.length && (lines[next] ?? "").includes("|")) {
    const row = cells(lines[next] ?? "");
    rows.push(columns.map((_, column) => inline(row[column] ?? "")));
    next += 1;
  }
  found.push({ kind: "table", head: columns.map((cell) => inline(cell)), rows });
  return next - at;
}

function cells(line: string): string[] {
  const inner = line.trim().replace(/^\|/, "").replace(/\|$/, "");
  return inner.split(/(?<!\\)\|/).map((cell) => cell.trim().replaceAll("\\|", "|"));
}

function interrupts(line: string): boolean {
  return FENCE.test(line) || HEADING.test(line) || RULE.test(line) || QUOTE.test(line);
}

function paragraph(lines: string[], at: number, found: Block[]): number {
  const body: string[] = [lines[at] ?? ""];
  let next = at + 1;
  while (next < lines.length) {
    const line = lines[next] ?? "";
    if (line.trim() === "" || interrupts(line) || ITEM.test(line)) break;
    body.push(line);
    next += 1;
  }
  found.push({ kind: "paragraph", children: inline(body.join("\n").trim()) });
  return next - at;
}

// Ordered by what wins at one place: an escape, code, a link, then emphasis.
const MARKS: [RegExp, (match: RegExpExecArray, depth: number) => Inline[]][] = [
  [/^\\([\\`*_{}[\]()#+\-.!|~>])/, (match) => [{ kind: "text", text: match[1] ?? "" }]],
  [/^(`+)(?!`)([\s\S]*?[^`])\1(?!`)/, (match) => [{ kind: "code", text: codeText(match[2] ?? "") }]],
  [/^!?\[([^\]\n]*)\]\(\s*([^)\s]+)(?:\s+"[^"]*")?\s*\)/, link],
  [/^\[(\d{1,2})\](?!\()/, (match) => [{ kind: "citation", number: Number(match[1]) }]],
  [/^<((?:https?:\/\/|mailto:)[^\s<>]+)>/i, bareLink],
  [/^https?:\/\/[^\s<>"'`)\]]*[^\s<>"'`)\].,;:!?*_]/i, bareLink],
  [/^(\*\*|__)(?=\S)([\s\S]*?\S)\1/, (match, depth) => [
    { kind: "strong", children: inline(match[2] ?? "", depth + 1) },
  ]],
  [/^(\*|_)(?=\S)((?:(?!\1)[\s\S])*?\S)\1(?!\w)/, (match, depth) => [
    { kind: "emphasis", children: inline(match[2] ?? "", depth + 1) },
  ]],
  [/^~~(?=\S)([\s\S]*?\S)~~/, (match, depth) => [
    { kind: "strike", children: inline(match[1] ?? "", depth + 1) },
  ]],
  [/^(?: {2,}|\\)\n/, () => [{ kind: "break" }]],
];
const SPECIAL = /[\\`![<*_~]|https?:| {2,}\n/i;

function codeText(text: string): string {
  return /^ .* $/s.test(text) && text.trim() !== "" ? text.slice(1, -1) : text;
}

function link(match: RegExpExecArray, depth: number): Inline[] {
  const href = safeHref(match[2] ?? "");
  const label = match[1] || (match[2] ?? "");
  if (href === null) return [{ kind: "text", text: label }];
  return [{ kind: "link", href, children: inline(label, depth + 1) }];
}

function bareLink(match: RegExpExecArray): Inline[] {
  const address = match[1] ?? match[0];
  const href = safeHref(address);
  const text: Inline = { kind: "text", text: address };
  return href === null ? [text] : [{ kind: "link", href, children: [text] }];
}

export function inline(text: string, depth = 0): Inline[] {
  const found: Inline[] = [];
  let rest = text;
  let before = "";
  const push = (item: Inline): void => {
    const last = found.at(-1);
    if (item.kind === "text" && last?.kind === "text") last.text += item.text;
    else found.push(item);
  };
  while (rest !== "") {
    const skip = rest.search(SPECIAL);
    const plain = skip === -1 ? rest.length : skip;
    if (plain > 0) {
      push({ kind: "text", text: rest.slice(0, plain) });
      before = rest[plain - 1] ?? "";
      rest = rest.slice(plain);
      continue;
    }
    const match = depth < DEEPEST ? firstMark(rest, before) : null;
    if (match) {
      for (const item of match.make(match.result, depth)) push(item);
      before = match.result[0].at(-1) ?? "";
      rest = rest.slice(match.result[0].length);
    } else {
      push({ kind: "text", text: rest[0] ?? "" });
      before = rest[0] ?? "";
      rest = rest.slice(1);
    }
  }
  return found;
}

function firstMark(
  rest: string,
  before: string,
): { result: RegExpExecArray; make: (match: RegExpExecArray, depth: number) => Inline[] } | null {
  const isInWord = /\w/.test(before);
  for (const [pattern, make] of MARKS) {
    if (isInWord && (rest.startsWith("_") || rest.startsWith("http"))) continue;
    const result = pattern.exec(rest);
    if (result) return { result, make };
  }
  return null;
}
