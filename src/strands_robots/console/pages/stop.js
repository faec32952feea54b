// The stop: three ways at once with one number, the space bar on every page, and what the robots themselves say of it.

import { h, say } from "./dom.js";
import { graph, order, send, SOCKETS } from "./graph.js";

const SILENCE = 500; // Without a word of the graph for this long the page says that the button may not work [ms].
const LINE_SILENCE = 2000; // The stop's own way says every 250 ms that it is open.

let line = null;
let lineHeardAt = performance.now(); // A page that was opened just now waits as long as one that lost the way.
let pressedAt = -Infinity;
let pressed = "";

export function press(reason) {
  pressed = [...crypto.getRandomValues(new Uint32Array(3))].map((part) => part.toString(16)).join("");
  pressedAt = performance.now();
  const message = JSON.stringify({ type: "stop", number: pressed, reason });
  if (line?.readyState === WebSocket.OPEN) line.send(message);
  send(message);
  fetch(`/stop?${new URLSearchParams({ number: pressed, reason })}`, { method: "POST", keepalive: true }).catch(() => {});
  update();
}

export function startStop() {
  const button = document.getElementById("stop-button");
  button.addEventListener("pointerdown", () => press("stop button of the console"));
  // A click that no pointer made is one of the keyboard, or of a screen reader.
  button.addEventListener("click", (event) => event.detail === 0 && press("stop button of the console"));
  window.addEventListener("keydown", onKey, { capture: true });
  document.getElementById("resume-button").addEventListener("click", openResume);
  openLine();
  setInterval(update, 100);
}

function onKey(event) {
  if (event.key !== " " && event.code !== "Space") return;
  if (isTyping(event.target)) return;
  event.preventDefault(); // A space does nothing else: buttons are pressed with Enter.
  event.stopPropagation();
  if (!event.repeat) press("space bar in the console");
}

function isTyping(element) {
  return element instanceof HTMLElement && element.matches("input:not([type=range]), textarea, [contenteditable]");
}

function openLine() {
  const port = graph.session?.stop_port;
  if (!port) {
    setTimeout(openLine, 200);
    return;
  }
  line = new WebSocket(`${SOCKETS}://${location.hostname}:${port}/`);
  line.onmessage = () => (lineHeardAt = performance.now());
  line.onclose = () => setTimeout(openLine, 500);
}

function robotsOf(state) {
  return state?.robots ?? [];
}

// What is known, from the robots' own words; the worst first.
function verdict() {
  const state = graph.state;
  const robots = robotsOf(state);
  const age = performance.now() - graph.heardAt;
  if (!state || age > SILENCE) {
    const asked = performance.now() - pressedAt < 10000 ? "STOP ASKED, NOT CONFIRMED" : "NOT HEARD";
    return ["bad", asked, graph.problem || `nothing is heard for ${(age / 1000).toFixed(1)} s`];
  }
  const silent = robots.filter((robot) => !robot.is_heard);
  const loose = robots.filter((robot) => robot.is_heard && !robot.is_latched);
  const moving = robots.filter((robot) => robot.is_heard && robot.is_latched && !robot.is_at_rest);
  const why = state.safety?.reason || robots.find((robot) => robot.is_latched)?.reason || "";
  const names = (list) => list.map((robot) => robot.name).join(", ");
  if (!robots.length) return ["warn", "No robot is heard", graph.problem || "Start a graph, or give the console its namespace."];
  if (silent.length) return ["bad", `${names(silent)}: SILENT`, "Nothing says whether it moves."];
  if (!loose.length && !moving.length) return ["warn", "STOPPED, at rest", why];
  if (!loose.length) return ["bad", `STOPPED, NOT AT REST: ${names(moving)}`, why];
  if (pressedAt > -Infinity && performance.now() - pressedAt < 3000 && state.safety?.state === "ARMED") {
    return ["bad", `STOP ASKED; not stopped yet: ${names(loose)}`, ""];
  }
  if (state.safety && state.safety.state !== "ARMED") return ["bad", `NOT STOPPED: ${names(loose)}`, why];
  return ["good", "Armed: robots may move", moving.length ? names(moving) : ""];
}

function warning() {
  const age = performance.now() - graph.heardAt;
  const where = graph.session?.stop_button;
  const button = where ? `The stop button beside the robots: ${where}.` : "Use the stop button beside the robots, or take their power away.";
  if (age > SILENCE) {
    const since = Number.isFinite(age) ? `for ${(age / 1000).toFixed(0)} s` : "yet";
    return `Nothing is heard of the graph ${since}. The button of this page may not work. ${button}`;
  }
  if (!graph.state.safety) return `safety_node is not heard. The button of this page may not work. ${button}`;
  if (performance.now() - lineHeardAt > LINE_SILENCE && graph.session) {
    const way = SOCKETS === "wss" ? `let it through the firewall, and open https://${location.hostname}:${graph.session.stop_port} once to trust the certificate there` : "forward this port";
    return `The stop's own way, port ${graph.session.stop_port}, is not open. The button works over the pages' way only; ${way}, too.`;
  }
  return "";
}

function update() {
  const [tone, words, detail] = verdict();
  document.getElementById("stop").dataset.tone = tone;
  say(document.getElementById("stop-state"), words);
  say(document.getElementById("stop-detail"), detail);
  const text = warning();
  const box = document.getElementById("warning");
  box.hidden = !text;
  say(box, text);
  const canResume = graph.state?.safety && graph.state.safety.state !== "ARMED";
  document.getElementById("resume-button").hidden = !canResume;
}

function openResume() {
  const dialog = document.getElementById("resume-dialog");
  const stop = graph.state?.safety ?? {};
  const words = h("p", { role: "status" });
  const reason = h("input", { id: "resume-reason", required: true, maxlength: 256, autocomplete: "off" });
  const passphrase = h("input", { id: "resume-passphrase", type: "password", autocomplete: "off" });
  const form = h(
    "form", { class: "fields" },
    h("p", { class: "wide" }, `Stop ${stop.stop_id}: ${stop.reason || "no reason given"} (${stop.source || "unknown"})`),
    h("div", { class: "wide" }, h("label", { for: "resume-reason" }, "Why it is safe to go on"), reason),
    h("div", { class: "wide" }, h("label", { for: "resume-passphrase" }, "Passphrase of your operator key; empty where it has none, or where the graph asks for no key"), passphrase),
    h("button", { class: "primary", type: "submit" }, "Arm the robots"),
    h("button", { type: "button", onclick: () => dialog.close() }, "Leave them stopped"),
    words,
  );
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    say(words, "Asked");
    const answer = await order("resume", { stop_id: stop.stop_id, reason: reason.value, passphrase: passphrase.value });
    passphrase.value = "";
    say(words, answer.message);
    if (answer.is_done) dialog.close();
  });
  dialog.replaceChildren(h("h2", { id: "resume-title" }, "Resume"), form);
  dialog.showModal();
  reason.focus();
}
