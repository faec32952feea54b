// Live: cameras, each robot's joints within their limits, gates, refusals and the log.

import { Cameras } from "./cameras.js";
import { h, Kept, number, say } from "./dom.js";
import { RobotScene } from "./scene3d.js";

export const title = "Live";

export function open(main) {
  const cameras = h("section", { "aria-label": "Cameras" });
  const robots = h("div", { class: "grid" });
  const facts = h("p", { class: "dim" });
  const spatial = h("details", { class: "card" }, h("summary", {}, "In 3D"));
  const space = h("div", {}, spatial);
  const scene = new RobotChoice(spatial);
  const refusals = h("ul", { class: "lines", tabindex: 0, "aria-label": "Refusals" });
  const log = h("ul", { class: "lines", tabindex: 0, "aria-label": "Log" });
  main.append(
    cameras, h("h2", {}, "Robots"), facts, robots, space,
    h("div", { class: "grid" },
      h("section", { class: "card" }, h("h2", {}, "Refused"), refusals),
      h("section", { class: "card" }, h("h2", {}, "Log"), log)),
  );
  const shown = new Cameras(cameras);
  const kept = new Kept(robots, (robot) => new RobotCard(robot));
  let [told, logged] = ["", ""];
  return {
    update(state) {
      shown.update(state.cameras ?? []);
      kept.update(state.robots ?? [], (robot) => robot.name, (card, robot) => card.update(robot));
      scene.update(state.robots ?? []);
      say(facts, factsOf(state));
      told = list(refusals, state.refusals ?? [], told, (entry) => `${entry.at} ${entry.robot}: ${entry.words}`, () => "warn");
      logged = list(log, state.log ?? [], logged, (entry) => `${entry.at} ${entry.name}: ${entry.words}`,
        (entry) => ({ warning: "warn", error: "bad", fatal: "bad" })[entry.level] ?? "");
    },
    end() {
      shown.end();
      scene.end();
    },
  };
}

// The robot in 3D, drawn while its part of the page is open; which one, where there are several.
class RobotChoice {
  constructor(details) {
    this.details = details;
    this.choose = h("select", { id: "scene-robot" });
    this.row = h("div", { class: "row" }, h("label", { for: "scene-robot" }, "Robot"), this.choose);
    details.append(this.row);
    details.addEventListener("toggle", () => (details.open ? this.begin() : this.end()));
    this.scene = null;
  }

  begin() {
    this.scene ??= new RobotScene((this.place = h("div", {})));
    this.details.append(this.place);
  }

  update(robots) {
    const names = robots.map((robot) => robot.name);
    if ([...this.choose.options].map((option) => option.value).join() !== names.join()) {
      this.choose.replaceChildren(...names.map((name) => h("option", { value: name }, name)));
    }
    this.row.hidden = names.length < 2;
    this.scene?.update(robots.find((robot) => robot.name === this.choose.value));
  }

  end() {
    this.scene?.end();
    this.place?.remove();
    this.scene = null;
  }
}

function factsOf(state) {
  const words = [];
  if (state.safety) words.push(`safety_node ${state.safety.state}, ${state.safety.rate.toFixed(0)} Hz`);
  if (state.sim_time !== null && state.sim_time !== undefined) words.push(`simulated time ${state.sim_time.toFixed(1)} s, factor ${state.factor.toFixed(2)}`);
  for (const button of state.buttons ?? []) words.push(`stop button ${button.name}: ${button.problem || "ready"}`);
  return words.join("; ");
}

function list(parent, entries, before, text, tone) {
  const key = JSON.stringify(entries);
  if (key === before) return before;
  const items = entries.map((entry) => h("li", { class: tone(entry) }, text(entry))).reverse();
  parent.replaceChildren(...(items.length ? items : [h("li", { class: "dim" }, "nothing")]));
  return key;
}

export class RobotCard {
  constructor(robot) {
    this.gate = h("span", { class: "chip" });
    this.holder = h("span", { class: "dim" });
    this.reason = h("p", {});
    this.joints = h("div", {});
    this.element = h("section", { class: "card", "aria-label": `Robot ${robot.name}` },
      h("div", { class: "row" }, h("h3", { class: "graph" }, robot.name), this.gate, this.holder), this.reason, this.joints);
    this.bars = new Kept(this.joints, (joint) => new JointBar(joint));
  }

  update(robot) {
    const words = !robot.is_heard ? "silent" : !robot.is_latched ? "armed" : robot.is_at_rest ? "stopped, at rest" : "stopped, moving";
    say(this.gate, words);
    this.gate.className = `chip ${!robot.is_heard || words === "stopped, moving" ? "bad" : robot.is_latched ? "warn" : "good"}`;
    say(this.holder, robot.holder ? `held by ${robot.holder}` : "no source holds it");
    say(this.reason, robot.is_latched ? robot.reason : "");
    this.bars.update(robot.joints, (joint) => joint.name, (bar, joint) => bar.update(joint));
  }
}

class JointBar {
  constructor(joint) {
    this.mark = h("div", { class: "mark" });
    this.value = h("span", { class: "number" });
    this.track = h("div", { class: "track", role: "meter", "aria-label": joint.name, "aria-valuemin": 0, "aria-valuemax": 1, "aria-valuenow": 0 }, this.mark);
    this.element = h("div", { class: "joint" }, h("span", {}, joint.name), this.track, this.value);
  }

  update(joint) {
    const { position, low, high } = joint;
    say(this.value, number(position, 3));
    const hasRange = low !== null && high !== null && high > low && position !== null;
    this.mark.hidden = !hasRange;
    if (!hasRange) return;
    const part = Math.min(Math.max((position - low) / (high - low), 0), 1);
    this.mark.style.left = `${(100 * part).toFixed(1)}%`;
    this.element.classList.toggle("near", part < 0.02 || part > 0.98);
    this.track.setAttribute("aria-valuemin", low.toFixed(3));
    this.track.setAttribute("aria-valuemax", high.toFixed(3));
    this.track.setAttribute("aria-valuenow", position.toFixed(3));
  }
}
