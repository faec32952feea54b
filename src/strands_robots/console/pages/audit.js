// Audit: what happened, with filters; whether the log is whole; and what is wrong with this machine.

import { h, say } from "./dom.js";
import { read } from "./graph.js";

export const title = "Audit";

const FILTERS = [["since", "Since (15m, 2h, 1d or a time)", "1h"], ["kind", "Kinds, between blanks", ""], ["robot", "Robots, between blanks", ""]];

export function open(main) {
  const words = h("p", { role: "status" });
  const whole = h("p", { role: "status" });
  const findings = h("ul", { class: "lines" });
  const rows = h("tbody", {});
  const inputs = Object.fromEntries(FILTERS.map(([name, , value]) => [name, h("input", { id: `audit-${name}`, value, maxlength: 64 })]));
  const form = h("form", { class: "card fields" },
    FILTERS.map(([name, text]) => h("div", {}, h("label", { for: `audit-${name}` }, text), inputs[name])),
    h("button", { type: "submit", class: "primary" }, "Show"),
    h("button", { type: "button", onclick: verify }, "Is the log whole?"));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    load();
  });
  const head = h("thead", {}, h("tr", {}, ["When (UTC)", "What", "Robot", "Who", "Details"].map((text) => h("th", { scope: "col" }, text))));
  const machine = h("tbody", {});
  const state = h("p", { role: "status" });
  const doctorHead = h("thead", {}, h("tr", {}, ["Check", "State", "Found", "What helps"].map((text) => h("th", { scope: "col" }, text))));
  const checks = h("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": "Checks", hidden: true }, h("table", {}, doctorHead, machine));
  main.append(form, whole, findings, words,
    h("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": "Records" }, h("table", {}, head, rows)),
    h("h2", {}, "This machine"), h("div", { class: "row" }, h("button", { type: "button", onclick: doctor }, "Examine it")), state,
    checks);

  async function load() {
    say(words, "Reading");
    try {
      const query = new URLSearchParams(Object.entries(inputs).map(([name, input]) => [name, input.value]));
      const found = await read(`/audit?${query}`);
      say(words, found.problem ?? `${found.records.length} records of ${found.log}, the newest first`);
      rows.replaceChildren(...found.records.map((record) =>
        h("tr", {}, h("td", {}, record.at.slice(0, 23).replace("T", " ")), h("th", { scope: "row" }, record.kind), h("td", {}, record.robot),
          h("td", {}, record.actor), h("td", {}, h("pre", {}, JSON.stringify(record.details))))));
    } catch (error) {
      say(words, error.message);
    }
  }

  async function verify() {
    say(whole, "Checking every record");
    try {
      const report = await read("/audit/verify");
      say(whole, `${report.verdict}: ${report.records} records, ${report.bytes} bytes`);
      whole.className = report.verdict === "WHOLE" ? "good" : "bad";
      findings.replaceChildren(...report.findings.map((entry) => h("li", {}, `${entry.severity}: ${entry.code}: ${entry.message}`)));
    } catch (error) {
      say(whole, error.message);
    }
  }

  async function doctor() {
    say(state, "Examining; this takes some seconds");
    try {
      const found = await read("/doctor");
      say(state, found.healthy ? "Nothing has failed." : "Something has failed.");
      checks.hidden = false;
      const tone = { ok: "good", warning: "warn", failed: "bad", absent: "dim" };
      machine.replaceChildren(...found.checks.map((check) =>
        h("tr", {}, h("th", { scope: "row" }, check.name), h("td", { class: tone[check.status] }, check.status), h("td", {}, check.found), h("td", {}, check.remedy.join(" ")))));
    } catch (error) {
      say(state, error.message);
    }
  }

  load();
  return { update() {}, end() {} };
}
