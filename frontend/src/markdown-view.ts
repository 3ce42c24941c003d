// Draws parsed Markdown. Every piece of text goes through Lit as a text node.
import { html, nothing, type TemplateResult } from "lit";
import { parseMarkdown, type Block, type Inline } from "./markdown.js";

/** Draws `[n]`; returns null where no such source exists, which leaves the text as it is. */
export type DrawCitation = (number: number) => TemplateResult | null;

type Drawn = TemplateResult | string;

export function drawMarkdown(text: string, cite: DrawCitation = () => null): Drawn[] {
  return parseMarkdown(text).map((block) => drawBlock(block, cite));
}

function drawBlock(block: Block, cite: DrawCitation): Drawn {
  switch (block.kind) {
    case "paragraph":
      return html`<p>${drawInline(block.children, cite)}</p>`;
    case "heading":
      return block.level <= 2
        ? html`<h3>${drawInline(block.children, cite)}</h3>`
        : html`<h4>${drawInline(block.children, cite)}</h4>`;
    case "code":
      return html`<pre tabindex="0"><code data-language=${block.language || nothing}>${block.text}</code></pre>`;
    case "quote":
      return html`<blockquote>${block.children.map((child) => drawBlock(child, cite))}</blockquote>`;
    case "list": {
      const items = block.items.map((item) => html`<li>${drawItem(item, cite)}</li>`);
      return block.isOrdered
        ? html`<ol start=${block.start}>${items}</ol>`
        : html`<ul>${items}</ul>`;
    }
    case "table":
      return html`<div class="ab-table-scroll" tabindex="0"><table>
        <thead><tr>${block.head.map((cell) => html`<th>${drawInline(cell, cite)}</th>`)}</tr></thead>
        <tbody>${block.rows.map(
          (row) => html`<tr>${row.map((cell) => html`<td>${drawInline(cell, cite)}</td>`)}</tr>`,
        )}</tbody>
      </table></div>`;
    case "rule":
      return html`<hr />`;
  }
}

/** A list item of one paragraph needs no paragraph around it. */
function drawItem(item: Block[], cite: DrawCitation): Drawn[] {
  const [first, ...rest] = item;
  if (first?.kind !== "paragraph") return item.map((block) => drawBlock(block, cite));
  return [
    html`${drawInline(first.children, cite)}`,
    ...rest.map((block) => drawBlock(block, cite)),
  ];
}

function drawInline(items: Inline[], cite: DrawCitation): Drawn[] {
  return items.map((item): Drawn => {
    switch (item.kind) {
      case "text":
        return item.text;
      case "code":
        return html`<code>${item.text}</code>`;
      case "strong":
        return html`<strong>${drawInline(item.children, cite)}</strong>`;
      case "emphasis":
        return html`<em>${drawInline(item.children, cite)}</em>`;
      case "strike":
        return html`<del>${drawInline(item.children, cite)}</del>`;
      case "link":
        return html`<a href=${item.href} target="_blank" rel="noopener noreferrer nofollow"
          >${drawInline(item.children, cite)}</a>`;
      case "citation":
        return cite(item.number) ?? `[${item.number}]`;
      case "break":
        return html`<br />`;
    }
  });
}
