// The console: one document, whose page follows the address after "#". The stop and the connection outlive every page.

import * as agent from "./agent.js";
import * as approvals from "./approvals.js";
import * as audit from "./audit.js";
import * as calibrate from "./calibrate.js";
import * as data from "./data.js";
import { h } from "./dom.js";
import * as drive from "./drive.js";
import { connect, graph, onState } from "./graph.js";
import * as live from "./live.js";
import * as record from "./record.js";
import * as runs from "./runs.js";
import { startStop } from "./stop.js";

const pages = { live, drive, record, data, runs, agent, approvals, calibrate, audit };
let shown = null;

function open() {
  const name = location.hash.slice(1).split("/")[0] in pages ? location.hash.slice(1).split("/")[0] : "live";
  shown?.end();
  const main = document.getElementById("main");
  main.replaceChildren(h("h1", {}, pages[name].title));
  document.title = `${pages[name].title} - Console`;
  for (const link of document.querySelectorAll("#nav a")) {
    if (link.hash === `#${name}`) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  shown = pages[name].open(main, location.hash.slice(1).split("/").slice(1));
  if (graph.state) shown.update(graph.state);
}

document.getElementById("nav").append(...Object.entries(pages).map(([name, page]) => h("a", { href: `#${name}` }, page.title)));
window.addEventListener("hashchange", () => location.hash !== "#main" && open());
onState((state, message) => {
  document.getElementById("graph").textContent = graph.session?.graph ?? "";
  document.getElementById("looking-on").hidden = graph.session?.is_signed_in !== false;
  shown?.update(state, message);
});
startStop();
open();
connect();
