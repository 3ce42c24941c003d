// Entry of the bundle: defines the elements of the console.
import { AgentBuilder } from "./agent-builder.js";
import { AgentChat } from "./agent-chat.js";
import { RunTimeline } from "./run-timeline.js";

declare global {
  interface HTMLElementTagNameMap {
    "agent-chat": AgentChat;
    "agent-builder": AgentBuilder;
    "run-timeline": RunTimeline;
  }
}

customElements.define("agent-chat", AgentChat);
customElements.define("agent-builder", AgentBuilder);
customElements.define("run-timeline", RunTimeline);
