// Data: local data sets, their episodes, and one episode's videos and curves on one time axis.

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
    elements: [table("Data sets", ["Name", "Holds", "Robot", "Changed", "Folder"], rows)],
  };
}

async function episodes(id) {
  const set = await read(`/data/${id}`);
  const said = h("p", { role: "status" });
  const findings = h("ul", { class: "lines" });
  const check = h("button", { type: "button", onclick: async () => {
    say(said, "Checking");
    try {
      const verdict = await read(`/data/${id}/verify`);
      say(said, verdict.good ? "Every check holds (videos are not decoded here)." : `${verdict.errors.length} errors`);
      findings.replaceChildren(...verdict.errors.map((text) => h("li", { class: "bad" }, text)), ...verdict.warnings.map((text) => h("li", { class: "warn" }, text)));
    } catch (error) {
      say(said, error.message);
    }
  } }, "Verify");
  const chosen = new Set();
  const remove = h("button", { type: "button", disabled: true, onclick: async () => {
    const names = [...chosen].sort((a, b) => a - b);
    if (!window.confirm(`Take ${names.length} episodes (${names.join(", ")}) out of ${set.path}? The others are numbered anew.`)) return;
    say(said, "Deleting");
    const answer = await order("delete_episodes", { dataset: id, episodes: names });
    say(said, answer.message);
    if (answer.is_done) window.dispatchEvent(new HashChangeEvent("hashchange"));
  } }, "Delete the chosen");
  const rows = set.episodes.map((row) => {
    const choose = h("button", { type: "button", "aria-pressed": "false", onclick: () => {
      if (!chosen.delete(row.index)) chosen.add(row.index);
      choose.setAttribute("aria-pressed", String(chosen.has(row.index)));
      remove.disabled = !chosen.size;
    } }, "Choose");
    return h("tr", {}, h("th", { scope: "row" }, h("a", { href: `#data/${id}/${row.index}` }, `Episode ${row.index}`)),
      h("td", {}, set.cameras.length ? h("img", { src: `/data/${id}/episode/${row.index}/thumb`, alt: `First picture of episode ${row.index}`, width: 120, loading: "lazy" }) : "no video"),
      h("td", {}, `${(row.frames / set.fps).toFixed(1)} s, ${row.frames} frames`), h("td", {}, row.tasks.join("; ")), h("td", {}, choose));
  });
  return {
    words: `${set.path}: ${set.episodes.length} episodes, ${set.frames} frames, ${set.fps} Hz, robot ${set.robot}`,
    elements: [h("p", {}, h("a", { href: "#data" }, "All data sets")), h("div", { class: "row" }, check, remove), said, findings,
      table("Episodes", ["Episode", "First picture", "Length", "Task", ""], rows)],
  };
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

// uPlot is loaded when the first curve is drawn.
let loading = null;
function plotter() {
  loading ??= new Promise((done, fail) => {
    document.head.append(h("link", { rel: "stylesheet", href: "/pages/vendor/uPlot.min.css" }));
    const script = h("script", { src: "/pages/vendor/uPlot.iife.min.js" });
    script.onload = done;
    script.onerror = fail;
    document.head.append(script);
  });
  return loading;
}

function plot(parent, name, time, series) {
  const style = getComputedStyle(document.documentElement);
  const colour = (variable) => style.getPropertyValue(variable).trim();
  const card = h("section", { class: "card", role: "img", "aria-label": `${name} over time` });
  parent.append(card);
  const axis = { stroke: colour("--ink"), grid: { stroke: colour("--line"), width: 1 }, ticks: { stroke: colour("--line") } };
  return new window.uPlot(
    {
      title: name, width: Math.max(card.clientWidth - 26, 220), height: 170, scales: { x: { time: false } },
      series: [{ label: "t [s]" }, ...series.map(([label], i) => ({ label, stroke: colour(i ? "--warn" : "--accent"), width: 1.5 }))],
      axes: [axis, { ...axis, size: 56 }], cursor: { drag: { x: false, y: false } },
    },
    [time, ...series.map(([, values]) => values)], card);
}

function table(label, head, rows) {
  return h("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": label },
    h("table", {}, h("thead", {}, h("tr", {}, head.map((text) => (text ? h("th", { scope: "col" }, text) : h("td", {}))))), h("tbody", {}, rows)));
}
