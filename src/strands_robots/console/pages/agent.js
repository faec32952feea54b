// Agent: chat with an agent of the graph; the tools that it calls are folded in. The turn runs in the console, whatever pages are open.

import { h, say } from "./dom.js";
import { graph, LOOKING_ON, order, read } from "./graph.js";

export const title = "Agent";

const RUNNING = "thinking";

export function open(main) {
  const words = h("p", { role: "status" });
  const turns = h("div", { "aria-live": "polite", class: "turns" });
  const choose = h("select", { id: "agent-name" });
  const text = h("textarea", { id: "agent-text", rows: 3, maxlength: 16384, required: true });
  const submit = h("button", { type: "submit", class: "primary" }, "Send");
  const cancel = h("button", { type: "button", onclick: async () => say(words, (await order("cancel_prompt", {})).message) }, "End the turn");
  const form = h("form", { class: "card" }, h("div", {}, h("label", { for: "agent-text" }, "What shall it do? Ctrl and Enter send it."), text),
    h("div", { class: "row" }, h("div", {}, h("label", { for: "agent-name" }, "Agent"), choose), submit, cancel));
  main.append(turns, form, words);
  let [revision, reading] = [-1, false];

  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const answer = await order("prompt", { agent: choose.value, text: text.value });
    say(words, answer.is_done ? "" : answer.message);
    if (answer.is_done) text.value = "";
  });
  text.addEventListener("keydown", (event) => event.key === "Enter" && event.ctrlKey && form.requestSubmit());

  async function load() {
    if (graph.session?.is_signed_in === false) return say(words, LOOKING_ON);
    reading = true;
    try {
      const found = await read("/chat");
      revision = found.revision;
      const open = new Set([...turns.querySelectorAll("details[open]")].map((entry) => entry.dataset.place));
      turns.replaceChildren(...found.turns.map((turn, i) => turnCard(turn, i, open)));
      turns.lastElementChild?.scrollIntoView({ block: "nearest" });
    } catch (error) {
      say(words, error.message);
    }
    reading = false;
  }

  return {
    update({ agents = [], chat }) {
      if ([...choose.options].map((option) => option.value).join() !== agents.join()) choose.replaceChildren(...agents.map((name) => h("option", { value: name }, name)));
      form.hidden = !agents.length;
      if (!agents.length) say(words, "No agent is on the graph. Start it with --agent.");
      else if (words.textContent.startsWith("No agent")) say(words, "");
      submit.disabled = Boolean(chat?.is_running);
      cancel.disabled = !chat?.is_running;
      if (chat && chat.revision !== revision && !reading) load();
    },
    end() {},
  };
}

function turnCard(turn, number, open) {
  const steps = [];
  turn.steps.forEach((step, i) => {
    const place = `${number}.${turn.left_out + i}`;
    if (step.kind === "TEXT") steps.push(h("p", { class: "said" }, step.text));
    else if (step.kind === "TOOL_CALL") steps.push(folded(`calls ${step.name}`, step.text, place, open, ""));
    else if (step.kind === "TOOL_RESULT") steps.push(folded(`${step.name} ${step.is_error ? "failed" : "answered"}`, step.text, place, open, step.is_error ? "bad" : ""));
    else if (step.kind === "APPROVAL_WAITING") steps.push(h("p", { class: "warn" }, `A person has to decide about ${step.name}: `, h("a", { href: "#approvals" }, "Approvals")));
    else steps.push(h("p", { class: step.is_error ? "bad" : "good" }, `${step.name}: ${step.text}`));
  });
  const end = !turn.is_over ? RUNNING : turn.reason === "answered" ? "" : `${turn.reason}: ${turn.message}`;
  return h("section", { class: "card", "aria-label": `Turn ${number + 1}` }, h("h2", {}, turn.prompt), h("p", { class: "dim" }, `to ${turn.agent}, ${new Date(1000 * turn.began).toLocaleTimeString()}`),
    turn.left_out ? h("p", { class: "dim" }, `${turn.left_out} earlier steps are not kept here.`) : null, steps,
    end ? h("p", { class: turn.is_over ? "bad" : "dim" }, end) : null);
}

function folded(summary, text, place, open, tone) {
  return h("details", { "data-place": place, open: open.has(place) }, h("summary", { class: tone }, summary), h("pre", {}, pretty(text)));
}

function pretty(text) {
  try {
    return JSON.stringify(JSON.parse(text), null, 1);
  } catch {
    return text;
  }
}
