// Record: a recording runs in the console, whatever pages are open; this page shows it and says what the person wants.

import { Cameras } from "./cameras.js";
import { bytes, h, say } from "./dom.js";
import { order } from "./graph.js";

export const title = "Record";

const FIELDS = [
  ["root", "Folder of the data set", "text", "~/datasets/", { required: true, maxlength: 1024 }],
  ["task", "Task, in words", "text", "", { required: true, maxlength: 1024 }],
  ["episodes", "Episodes", "number", 10, { min: 1, max: 10000 }],
  ["duration", "Length of an episode [s]", "number", 20, { min: 0.5, max: 3600, step: "any" }],
  ["countdown", "Countdown before the first one [s]", "number", 3, { min: 0, max: 3600, step: "any" }],
  ["reset_time", "Pause before the next one [s]", "number", 10, { min: 0, max: 3600, step: "any" }],
  ["fps", "Frames a second", "number", 30, { min: 1, max: 200 }],
];

export function open(main, [how, root, task, episodes]) {
  const cameras = h("section", { "aria-label": "Cameras" });
  const words = h("p", { role: "status" });
  const inputs = {};
  const form = h("form", { class: "card fields" });
  for (const [name, text, type, value, more] of FIELDS) {
    inputs[name] = h("input", { id: `record-${name}`, type, value, ...more });
    form.append(h("div", { class: type === "text" ? "wide" : "" }, h("label", { for: `record-${name}` }, text), inputs[name]));
  }
  const mode = h("select", { id: "record-mode" }, h("option", { value: "create" }, "a new data set"), h("option", { value: "resume" }, "go on with the one that is there"));
  form.append(h("div", {}, h("label", { for: "record-mode" }, "Data set"), mode), h("button", { type: "submit", class: "primary" }, "Start recording"));
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const fields = { mode: mode.value };
    for (const [name, , type] of FIELDS) fields[name] = type === "number" ? Number(inputs[name].value) : inputs[name].value;
    say(words, (await order("record", fields)).message);
  });
  if (how === "resume") {
    // Data sends a person here to record bad episodes again.
    mode.value = "resume";
    inputs.root.value = decodeURIComponent(root ?? "");
    inputs.task.value = decodeURIComponent(task ?? "");
    inputs.episodes.value = episodes ?? "1";
  }
  const running = new Running((text) => say(words, text));
  main.append(words, running.element, form, cameras);
  const shown = new Cameras(cameras);
  return {
    update(state) {
      shown.update(state.cameras ?? []);
      running.update(state);
      form.hidden = Boolean(state.recording && !state.recording.is_over);
    },
    end() {
      shown.end();
    },
  };
}

class Running {
  constructor(tell) {
    const wish = (name) => async () => tell((await order("record_wish", { wish: name })).message);
    this.headline = h("h2", { role: "status" });
    this.failure = h("p", { class: "bad", role: "alert" });
    this.progress = h("progress", { max: 1, value: 0, "aria-label": "The present episode" });
    this.numbers = h("p", {});
    this.next = h("button", { type: "button", class: "primary", onclick: wish("next") });
    this.again = h("button", { type: "button", onclick: wish("again") });
    this.hold = h("button", { type: "button", "aria-pressed": "false", onclick: wish("pause") });
    this.stop = h("button", { type: "button", onclick: wish("stop") });
    this.discard = h("button", { type: "button", onclick: wish("discard") }, "Discard it, then stop");
    this.buttons = h("div", { class: "row" }, this.next, this.again, this.hold, this.stop, this.discard);
    this.streams = h("tbody", {});
    this.lines = h("ul", { class: "lines", tabindex: 0, "aria-label": "What was said" });
    const head = ["Stream", "received", "lost", "gaps", "late", "stale"].map((text, i) => h("th", { scope: "col", class: i ? "number" : "" }, text));
    this.running = h("div", {}, this.progress, this.buttons);
    this.element = h("section", { class: "card", "aria-label": "Recording" }, this.headline, this.failure, this.running, this.numbers,
      (this.table = h("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": "Streams" }, h("table", {}, h("thead", {}, h("tr", {}, head)), this.streams))), this.lines);
    this.told = "";
  }

  update({ recorder, recording }) {
    const isRunning = recording && !recording.is_over;
    this.running.hidden = !isRunning;
    const isPause = isRunning && recording.pause_left !== null;
    say(this.next, isPause ? "Begin now" : "Keep, and go on");
    say(this.again, isPause ? "Record the last one again" : "Record it again");
    say(this.hold, recording?.is_held ? (isPause ? "Let the time go on" : "Do not pause after it") : isPause ? "Pause" : "Pause after it");
    this.hold.setAttribute("aria-pressed", String(Boolean(recording?.is_held)));
    say(this.stop, isPause ? "Stop" : "Save it, then stop");
    this.discard.hidden = isPause;
    this.again.disabled = isPause && recorder?.saved === recording.began_with;
    say(this.failure, recording?.failure ?? "");
    this.table.hidden = !recorder?.streams.length;
    this.lines.hidden = !recording?.lines.length;
    if (!recorder) {
      say(this.headline, "No recorder_node is heard");
      say(this.numbers, "Start the graph with --recorder. A recording that ran is lost only in its present episode; saved ones are on the disk.");
      return;
    }
    const length = recording ? recording.duration * recording.fps : 0;
    const left = recording ? Math.max(recording.duration - recorder.frames / (recording.fps || 30), 0) : 0;
    say(this.headline, isRunning ? headline(recorder, recording, left) : `recorder_node: ${recorder.state}`);
    this.progress.value = length ? Math.min(recorder.frames / length, 1) : 0;
    const parts = [];
    if (recording) {
      parts.push(`task "${recording.task}"`, `folder ${recording.root}`, `disk left ${bytes(recording.disk_left)}`);
      const kept = recording.began_with === null ? 0 : recorder.saved - recording.began_with;
      parts.push(`${Math.max(recording.episodes - kept, 0)} of ${recording.episodes} episodes left`);
    }
    parts.push(`${recorder.frames} frames, ${recorder.queued} wait for the writer, ${recorder.not_kept} episodes not kept`);
    say(this.numbers, `${parts.join("; ")}. ${recorder.message}`);
    const streams = recorder.streams.map((entry) =>
      h("tr", {}, h("th", { scope: "row" }, entry.topic), ...["received", "lost", "gaps", "late", "stale"].map((name) => h("td", { class: name !== "received" && entry[name] ? "warn number" : "number" }, String(entry[name])))));
    this.streams.replaceChildren(...streams);
    const key = JSON.stringify(recording?.lines ?? []);
    if (key === this.told) return;
    this.told = key;
    this.lines.replaceChildren(...(recording?.lines ?? []).map((line) => h("li", { class: line.is_trouble ? "warn" : "" }, line.words)).reverse());
  }
}

function headline(recorder, recording, left) {
  if (recorder.state === "recording") return `Episode ${recorder.episode} is recorded: ${left.toFixed(0)} s left`;
  if (recorder.state === "saving") return `Episode ${recorder.episode} is saved`;
  const next = `episode ${recorder.saved}`;
  if (recording.is_held && recording.pause_left !== null) return `Paused; ${next} waits until you let it go on`;
  if (recording.pause_left !== null) return `Put the scene back: ${next} begins in ${Math.ceil(recording.pause_left)} s`;
  return `recorder_node: ${recorder.state}`;
}
