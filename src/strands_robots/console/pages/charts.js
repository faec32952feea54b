// Curves and tables of the pages that look at files.

import { h } from "./dom.js";

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
  return new window.uPlot(
    {
      title: name, width: Math.max(card.clientWidth - 26, 220), height: 170, scales: { x: { time: false }, y: range ? { range: () => range } : {} },
      series: [{ label }, ...series.map(([label, , tone], i) => ({ label, stroke: colour(tone ?? (i ? "--warn" : "--accent")), width: 1.5 }))],
      axes: [axis, { ...axis, size: 56 }], cursor: { drag: { x: false, y: false } },
    },
    [x, ...series.map(([, values]) => values)], card);
}

export function table(label, head, rows) {
  return h("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": label },
    h("table", {}, h("thead", {}, h("tr", {}, head.map((text) => (text ? h("th", { scope: "col" }, text) : h("td", {}))))), h("tbody", {}, rows)));
}
