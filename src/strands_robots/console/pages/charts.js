// Curves and tables of the pages that look at files.

import { h } from "./dom.js";

const HEIGHT = 170; // Of a curve [px].

// uPlot is loaded when the first curve is drawn.
let loading = null;
export function plotter() {
  loading ??= new Promise((done, fail) => {
    document.head.append(h("link", { rel: "stylesheet", href: "/pages/vendor/uPlot.min.css" }));
    const script = h("script", { src: "/pages/vendor/uPlot.iife.min.js" });
    script.onload = done;
    script.onerror = fail;
    document.head.append(script);
  });
  return loading;
}

// Draws curves over x: each series is its name, its values and, where it is not the first or second, its colour's variable.
export function plot(parent, name, x, series, { label = "t [s]", range } = {}) {
  const style = getComputedStyle(document.documentElement);
  const colour = (variable) => style.getPropertyValue(variable).trim();
  const card = h("section", { class: "card", role: "img", "aria-label": name });
  parent.append(card);
  const axis = { stroke: colour("--ink"), grid: { stroke: colour("--line"), width: 1 }, ticks: { stroke: colour("--line") } };
  const width = () => Math.max(card.clientWidth - 26, 220);
  let watcher = null;
  const made = new window.uPlot(
    {
      title: name, width: width(), height: HEIGHT, scales: { x: { time: false }, y: range ? { range: () => range } : {} },
      series: [{ label }, ...series.map(([label, , tone], i) => ({ label, stroke: colour(tone ?? (i ? "--warn" : "--accent")), width: 1.5 }))],
      axes: [axis, { ...axis, size: 56 }], cursor: { drag: { x: false, y: false } },
      hooks: { destroy: [() => watcher?.disconnect()] },
    },
    [x, ...series.map(([, values]) => values)], card);
  // A card is narrower once the next one stands beside it.
  watcher = new ResizeObserver(() => made.width !== width() && made.setSize({ width: width(), height: HEIGHT }));
  watcher.observe(card);
  return made;
}

// A table that scrolls by itself; a column of numbers has its head above them.
export function table(label, head, rows) {
  const tone = (i) => (rows[0]?.children[i]?.classList.contains("number") ? "number" : "");
  return h("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": label },
    h("table", {}, h("thead", {}, h("tr", {}, head.map((text, i) => (text ? h("th", { scope: "col", class: tone(i) }, text) : h("td", {}))))), h("tbody", {}, rows)));
}
