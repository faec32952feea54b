// Data: local data sets, their episodes, and one episode's videos and curves on one time axis.

import { plot, plotter, table } from "./charts.js";
import { h, say } from "./dom.js";
import { order, read } from "./graph.js";

export const title = "Data";

const STEP = 1 / 30;

export function open(main, [id, episode]) {
  const words = h("p", { role: "status" }, "Reading");
  const body = h("div", {});
  main.append(words, body);
  let ended = false;
  let page = null;
  const load = id === undefined ? sets : episode === undefined ? () => episodes(id) : () => oneEpisode(id, Number(episode));
  load().then((made) => {
    if (ended) return made.end?.();
    page = made;
    say(words, made.words);
    body.append(...made.elements);
    made.begin?.();
  }).catch((error) => say(words, error.message));
  return {
    update() {},
    end() {
      ended = true;
      page?.end?.();
    },
  };
}

async function sets() {
  const found = await read("/data");
  const rows = found.sets.map((set) =>
    h("tr", {}, h("th", { scope: "row" }, h("a", { href: `#data/${set.id}` }, set.name)),
      h("td", {}, set.problem ?? `${set.episodes} episodes, ${set.frames} frames, ${set.fps} Hz`), h("td", {}, set.robot ?? ""),
      h("td", {}, new Date(1000 * set.changed).toLocaleString()), h("td", { class: "dim" }, set.path)));
  return {
    words: rows.length ? "" : `No data set lies in ${found.folders.join(", ")}. The console's parameter data_folders names where they are.`,
    elements: rows.length ? [table("Data sets", ["Name", "Holds", "Robot", "Changed", "Folder"], rows)] : [],
  };
}

async function episodes(id) {
  const set = await read(`/data/${id}`);
  const said = h("p", { role: "status" });
  const findings = h("ul", { class: "lines" });
  const again = () => window.dispatchEvent(new HashChangeEvent("hashchange"));
  const rows = new Map(set.episodes.map((row) => [row.index, new EpisodeRow(id, set, row, () => choice.show())]));
  const check = h("button", { type: "button", onclick: async () => {
    say(said, "Checking");
    try {
      placeFindings(await read(`/data/${id}/verify`), rows, findings, said);
    } catch (error) {
      say(said, error.message);
    }
  } }, "Verify");
  const choice = new Choice(id, set, rows, said, again);
  return {
    words: `${set.path}: ${set.episodes.length} episodes, ${set.frames} frames, ${set.fps} Hz, robot ${set.robot}`,
    elements: [h("p", {}, h("a", { href: "#data" }, "All data sets")), h("div", { class: "row" }, check, choice.remove, choice.redo), said, findings,
      table("Episodes", ["Episode", "First picture", "Length", "Task", "Found", ""], [...rows.values()].map((row) => row.element)),
      h("div", { class: "grid" }, splitForm(id, set, said), pushForm(id, said))],
  };
}

class EpisodeRow {
  constructor(id, set, row, changed) {
    this.row = row;
    this.isChosen = false;
    this.found = h("ul", { class: "found" });
    const choose = h("button", { type: "button", "aria-pressed": "false", "aria-label": `Choose episode ${row.index}`, onclick: () => {
      this.isChosen = !this.isChosen;
      choose.setAttribute("aria-pressed", String(this.isChosen));
      changed();
    } }, "Choose");
    const picture = set.cameras.length ? h("img", { src: `/data/${id}/episode/${row.index}/thumb`, alt: `First picture of episode ${row.index}`, width: 120, loading: "lazy" }) : "no video";
    if (set.cameras.length) picture.addEventListener("error", () => picture.replaceWith("its video is missing"));
    this.element = h("tr", {}, h("th", { scope: "row" }, h("a", { href: `#data/${id}/${row.index}` }, `Episode ${row.index}`)), h("td", {}, picture),
      h("td", {}, `${(row.frames / set.fps).toFixed(1)} s, ${row.frames} frames`), h("td", {}, row.tasks.join("; ")), h("td", {}, this.found), h("td", {}, choose));
  }
}

// Puts what verify says of an episode beside the episode, and the rest above the table.
function placeFindings(verdict, rows, findings, said) {
  for (const row of rows.values()) row.found.replaceChildren();
  findings.replaceChildren();
  for (const [texts, tone] of [[verdict.errors, "bad"], [verdict.warnings, "warn"]]) {
    for (const text of texts) {
      const [, index, words] = /^episode (\d+):? (.*)$/s.exec(text) ?? [];
      const row = rows.get(Number(index));
      (row?.found ?? findings).append(h("li", { class: tone }, row ? words : text));
    }
  }
  const warnings = verdict.warnings.length ? `, ${verdict.warnings.length} warnings` : "";
  say(said, verdict.good ? `Every check holds${warnings} (videos are not decoded here).` : `${verdict.errors.length} errors${warnings}`);
}

// What is done with the chosen episodes.
class Choice {
  constructor(id, set, rows, said, again) {
    Object.assign(this, { id, set, rows, said });
    this.remove = h("button", { type: "button", disabled: true, onclick: async () => (await this.take("")) && again() }, "Delete the chosen");
    this.redo = h("button", { type: "button", disabled: true, onclick: async () => {
      const chosen = this.chosen();
      const address = ["#record", "resume", encodeURIComponent(set.path), encodeURIComponent(chosen[0].row.tasks[0] ?? ""), chosen.length].join("/");
      if (await this.take(" Record opens, and goes on with this data set.")) location.hash = address;
    } }, "Record the chosen again");
  }

  chosen() {
    return [...this.rows.values()].filter((row) => row.isChosen);
  }

  show() {
    this.remove.disabled = this.redo.disabled = !this.chosen().length;
  }

  async take(more) {
    const names = this.chosen().map((row) => row.row.index);
    if (!window.confirm(`Take ${names.length} episodes (${names.join(", ")}) out of ${this.set.path}? The others are numbered anew.${more}`)) return false;
    say(this.said, "Deleting");
    const answer = await order("delete_episodes", { dataset: this.id, episodes: names });
    say(this.said, answer.message);
    return answer.is_done;
  }
}

function splitForm(id, set, said) {
  const half = Math.max(Math.floor(0.8 * set.episodes.length), 1);
  const parts = h("input", { id: "split-parts", required: true, autocomplete: "off", value: `train=0:${half} validation=${half}:${set.episodes.length}` });
  return orderForm("Split", "New data sets beside this one, which stays as it is. A part is name=first:end, or name=0,2,5.", said, [["split-parts", "Parts", parts]],
    "Split", "Splitting", () => ["split_dataset", { dataset: id, parts: parts.value.split(/\s+/).filter(Boolean) }]);
}

function pushForm(id, said) {
  const name = h("input", { id: "push-name", required: true, autocomplete: "off", placeholder: "owner/name" });
  const open = h("input", { id: "push-open", type: "checkbox" });
  return orderForm("Push", "To the Hugging Face Hub, with the token of this machine (`hf auth login`).", said, [["push-name", "Repository", name], ["push-open", "Public: every person may read it", open]],
    "Push", "Pushing; this page may be closed meanwhile", () => ["push_dataset", { dataset: id, repo_id: name.value, private: !open.checked }]);
}

function orderForm(name, words, said, fields, button, during, made) {
  const submit = h("button", { type: "submit" }, button);
  const form = h("form", { class: "card fields", "aria-label": name }, h("h2", { class: "wide" }, name), h("p", { class: "wide dim" }, words),
    fields.map(([id, label, input]) => h("div", {}, h("label", { for: id }, label), input)), submit);
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    submit.disabled = true;
    say(said, during);
    const answer = await order(...made());
    say(said, answer.message);
    submit.disabled = false;
  });
  return form;
}

async function oneEpisode(id, index) {
  const data = await read(`/data/${id}/episode/${index}`);
  const plots = [];
  const videos = data.videos.map((part) => {
    const video = h("video", { src: `/data/${id}/episode/${index}/video/${encodeURIComponent(part.key)}`, preload: "auto", muted: true, playsinline: true, "aria-label": part.key });
    video.muted = true;
    return { video, part };
  });
  const length = data.frames / data.fps;
  const slider = h("input", { id: "episode-time", type: "range", min: 0, max: length, step: 1 / data.fps, value: 0 });
  const clock = h("span", { class: "number" });
  const play = h("button", { type: "button", class: "primary" }, "Play");
  const charts = h("div", { class: "grid" });
  let [timer, isEnded] = [0, false];

  function at(time, seek = true) {
    slider.value = time;
    say(clock, `${time.toFixed(2)} of ${length.toFixed(2)} s, frame ${Math.min(Math.round(time * data.fps), data.frames - 1)}`);
    for (const { video, part } of videos) if (seek) video.currentTime = part.start + time;
    for (const plot of plots) plot.setCursor({ left: plot.valToPos(time, "x"), top: 0 }, false);
  }
  function pause() {
    clearInterval(timer);
    timer = 0;
    say(play, "Play");
    for (const { video } of videos) video.pause();
  }
  play.addEventListener("click", () => {
    if (timer) return pause();
    const from = Number(slider.value) >= length - STEP ? 0 : Number(slider.value);
    at(from);
    for (const { video } of videos) video.play().catch(() => {});
    say(play, "Pause");
    const began = performance.now();
    timer = setInterval(() => {
      const lead = videos.find(({ video }) => !video.error);
      const time = lead ? lead.video.currentTime - lead.part.start : from + (performance.now() - began) / 1000;
      if (time >= length - STEP) pause();
      at(Math.min(Math.max(time, 0), length), time >= length - STEP);
    }, 1000 * STEP);
  });
  slider.addEventListener("input", () => {
    pause();
    at(Number(slider.value));
  });
  const around = h("p", { class: "row" }, h("a", { href: `#data/${id}` }, "All episodes"), index > 0 ? h("a", { href: `#data/${id}/${index - 1}` }, "Previous") : null, h("a", { href: `#data/${id}/${index + 1}` }, "Next"));
  const missing = data.missing.map((key) => h("p", { class: "bad" }, `${key}: this episode has no video of it; verify says more.`));
  return {
    words: `Episode ${index}: ${data.tasks.join("; ")}`,
    elements: [around, missing, h("div", { class: "grid" }, videos.map(({ video, part }) => h("figure", { class: "card" }, video, h("figcaption", {}, part.key)))),
      h("div", { class: "row" }, play, h("div", {}, h("label", { for: "episode-time" }, "Time"), slider), clock), charts].flat(),
    async begin() {
      await plotter();
      if (isEnded) return;
      for (const curve of data.curves) plots.push(plot(charts, curve.name, data.time, [["state", curve.state], ["action", curve.action]]));
      for (const [name, values] of Object.entries(data.single)) plots.push(plot(charts, name, data.time, [[name, values]]));
      at(0);
    },
    end() {
      isEnded = true;
      pause();
      plots.forEach((made) => made.destroy());
    },
  };
}
