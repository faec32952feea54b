// Drive: buttons and sliders that move a robot while they are held, and MoveTo. One page has a robot's seat; the others look on.

import { Cameras } from "./cameras.js";
import { h, Kept, number, say } from "./dom.js";
import { graph, order, send } from "./graph.js";
import { RobotScene } from "./scene3d.js";

export const title = "Drive";

const BEAT = 50; // A held button says so this often [ms]; console/drive_leader.py lets go after 150 ms without.

let press = 0;

// The one button that is held. A second finger, a hidden tab or a lost window lets go.
class Held {
  constructor() {
    this.timer = 0;
    this.button = null;
    this.letGo = () => this.end();
    this.hide = () => document.hidden && this.end();
    window.addEventListener("blur", this.letGo);
    window.addEventListener("pagehide", this.letGo);
    document.addEventListener("visibilitychange", this.hide);
  }

  // Beats until it is let go; `motion` is asked at each beat, for a slider changes how fast.
  begin(button, motion) {
    this.end();
    this.button = button;
    button.dataset.held = "true";
    const name = `${graph.tab}:${++press}`;
    const beat = () => {
      if (!send({ type: "hold", press: name, motion: motion() })) this.end();
    };
    beat();
    this.timer = setInterval(beat, BEAT);
  }

  end() {
    if (!this.button) return;
    clearInterval(this.timer);
    delete this.button.dataset.held;
    if (this.button.type === "range") this.button.value = 0;
    this.button = null;
    send({ type: "release" });
  }

  close() {
    this.end();
    window.removeEventListener("blur", this.letGo);
    window.removeEventListener("pagehide", this.letGo);
    document.removeEventListener("visibilitychange", this.hide);
  }
}

function holdButton(held, text, label, motion) {
  const button = h("button", { type: "button", class: "hold", "aria-label": label }, text);
  button.addEventListener("pointerdown", (event) => {
    if (button.disabled) return;
    button.setPointerCapture(event.pointerId);
    held.begin(button, motion);
  });
  for (const end of ["pointerup", "pointercancel", "lostpointercapture", "blur"]) button.addEventListener(end, () => held.button === button && held.end());
  button.addEventListener("keydown", (event) => {
    if (event.key !== "Enter") return;
    event.preventDefault();
    if (!event.repeat && !button.disabled) held.begin(button, motion);
  });
  button.addEventListener("keyup", (event) => event.key === "Enter" && held.button === button && held.end());
  button.addEventListener("contextmenu", (event) => event.preventDefault());
  return button;
}

const ARROWS = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1 };
const LEAVES_DRAWN = ["Home", "End", "PageUp", "PageDown"]; // A browser would put a slider somewhere with these, and leave it there.

// A slider that stands in its middle: drawn to a side it moves that way, the farther the faster, and let go it springs back.
function holdSlider(held, label, motion) {
  const slider = h("input", { type: "range", class: "hold", min: -1, max: 1, step: 0.05, value: 0, "aria-label": label, title: label });
  const moved = () => motion(Number(slider.value));
  slider.addEventListener("pointerdown", (event) => {
    if (slider.disabled) return;
    slider.setPointerCapture(event.pointerId);
    held.begin(slider, moved);
  });
  for (const end of ["pointerup", "pointercancel", "lostpointercapture", "blur"]) {
    slider.addEventListener(end, () => (held.button === slider ? held.end() : (slider.value = 0)));
  }
  slider.addEventListener("change", () => held.button === slider || (slider.value = 0));
  slider.addEventListener("keydown", (event) => {
    if (event.key in ARROWS || LEAVES_DRAWN.includes(event.key)) event.preventDefault();
    if (!(event.key in ARROWS) || event.repeat || slider.disabled) return;
    held.begin(slider, moved);
    slider.value = ARROWS[event.key];
  });
  slider.addEventListener("keyup", (event) => event.key in ARROWS && held.button === slider && held.end());
  return slider;
}

export function open(main) {
  const held = new Held();
  const cameras = h("section", { class: "beside", "aria-label": "Cameras" });
  const choose = h("select", { id: "drive-robot" });
  const seat = h("button", { type: "button", class: "primary" }, "Take the robot");
  const words = h("p", { role: "status" });
  const speed = h("input", { id: "drive-speed", type: "range", min: 0.1, max: 1, step: 0.1, value: 0.5 });
  const pad = h("div", {});
  const target = h("form", { class: "card" });
  main.append(
    h("div", { class: "row" }, h("div", {}, h("label", { for: "drive-robot" }, "Robot"), choose), seat,
      h("div", {}, h("label", { for: "drive-speed" }, "Part of the speed"), speed)),
    words,
    h("div", { class: "grid" }, pad, h("div", {}, cameras, target)),
  );
  const shown = new Cameras(cameras);
  let [robot, built, said] = ["", "", ""];
  const motion = (fields) => () => ({ robot, ...fields(Number(speed.value)) });
  const mover = new Mover(target);

  seat.addEventListener("click", () => {
    said = "";
    send(isMine() ? { type: "leave" } : { type: "take", robot });
  });
  choose.addEventListener("change", () => {
    held.end();
    send({ type: "leave" });
    robot = choose.value;
    built = "";
    if (graph.state) update(graph.state);
  });

  function driver() {
    return graph.state?.driving?.[robot] ?? null;
  }
  function isMine() {
    return Boolean(graph.tab) && driver()?.tab === graph.tab;
  }

  function build(known) {
    const row = (name, label, fields) =>
      h("div", { class: "pair" },
        holdButton(held, "\u2212", label("down"), motion((rate) => fields(-rate))),
        h("div", {}, h("span", {}, name), holdSlider(held, label("slide"), (part) => motion((rate) => fields(rate * part))())),
        holdButton(held, "+", label("up"), motion((rate) => fields(rate))));
    const rows = known.joints.map((joint) => row(joint.name, (way) => `${joint.name} ${way}`, (rate) => ({ joint: joint.name, rate })));
    const ways = { down: ", backwards", up: "", slide: ", slide" };
    const tool = ["x", "y", "z"].flatMap((axis) => [["axis", "Tool along", axis], ["turn", "Tool about", axis]]).sort().map(([kind, text, axis]) =>
      row(`${text} ${axis}`, (way) => `${text} ${axis}${ways[way]}`, (rate) => ({ [kind]: axis, rate })));
    pad.replaceChildren(
      h("p", { class: "hint" }, "Hold a button, or Enter on it, to move; or draw a slider to a side, or hold an arrow key on it. Let go and the robot holds."),
      h("section", { class: "card" }, h("h2", {}, "Joints"), rows), h("section", { class: "card" }, h("h2", {}, "Tool"), tool));
    mover.build(known);
  }

  function update(state, message) {
    shown.update(state.cameras ?? []);
    const names = (state.robots ?? []).map((entry) => entry.name);
    if ([...choose.options].map((option) => option.value).join() !== names.join()) {
      choose.replaceChildren(...names.map((name) => h("option", { value: name }, name)));
      robot = names.includes(robot) ? robot : names[0] ?? "";
      choose.value = robot;
    }
    const known = (state.robots ?? []).find((entry) => entry.name === robot);
    const shape = known ? robot + known.joints.map((joint) => joint.name).join() : "";
    if (known && shape !== built) {
      held.end();
      built = shape;
      build(known);
    }
    if (message?.type === "seat") said = message.refusal;
    const who = driver();
    const isReady = isMine() && who.is_ready;
    say(seat, isMine() ? "Leave the robot" : "Take the robot");
    seat.disabled = !known || (Boolean(who?.tab) && !isMine());
    for (const button of pad.querySelectorAll(".hold")) button.disabled = !isReady || !graph.tab;
    if (!isReady) held.end();
    say(words, said || spoken(known, who, isMine()));
    if (known) mover.update(known, state.moves?.[robot], who?.poses ?? {});
  }

  return {
    update,
    end() {
      held.close();
      send({ type: "leave" });
      shown.end();
      mover.end();
    },
  };
}

function spoken(known, who, isMine) {
  if (!known) return "No robot is heard.";
  if (!who) return "This console was started without this robot: it can be looked at, and moved with Move to.";
  const holder = known.holder ? `${known.holder} holds it` : "no source holds it";
  if (who.tab && !isMine) return `Another page drives it; you look on. ${holder}.`;
  if (!who.tab) return `No page drives it; ${holder}.`;
  return who.is_engaged ? "It moves." : `You drive it. ${who.message || "Ready."}`;
}

// MoveTo: where each joint goes from and to, shown before it is asked for.
class Mover {
  constructor(form) {
    this.form = form;
    this.space = h("details", {}, h("summary", {}, "In 3D"));
    this.space.addEventListener("toggle", () => (this.space.open ? this.begin() : this.end()));
    this.place = h("div", {});
    this.scene = null;
    this.plan = null;
    this.poses = h("div", { class: "row", role: "group", "aria-label": "Named poses" });
    this.named = new Kept(this.poses, ([name]) => ({ element: h("button", { type: "button", onclick: () => this.fill(name) }, `To ${name}`) }));
    this.words = h("p", { role: "status" });
    this.inputs = new Map();
    this.from = new Map();
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.move();
    });
  }

  build(robot) {
    this.robot = robot.name;
    this.inputs.clear();
    this.from.clear();
    const rows = robot.joints.map((joint) => {
      const input = h("input", { type: "number", step: "any", min: joint.low, max: joint.high, "aria-label": `${joint.name} goes to`, value: number(joint.position, 3) });
      const from = h("td", { class: "number" }, number(joint.position, 3));
      this.inputs.set(joint.name, input);
      this.from.set(joint.name, from);
      const range = joint.low === null ? "" : `${number(joint.low)} to ${number(joint.high)}`;
      return h("tr", {}, h("th", { scope: "row" }, joint.name), from, h("td", {}, input), h("td", { class: "dim" }, range));
    });
    const speed = (this.speed = h("input", { id: "move-speed", type: "number", min: 0.01, max: 1, step: 0.01, value: 0.3 }));
    this.form.replaceChildren(
      h("h2", {}, "Move to"),
      h("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": "Joints of the motion" }, h("table", {}, h("thead", {}, h("tr", {}, ...["Joint", "now", "goes to", "limits"].map((text) => h("th", { scope: "col", class: text === "now" ? "number" : "" }, text)))), h("tbody", {}, rows))),
      h("div", { class: "row" },
        h("div", {}, h("label", { for: "move-speed" }, "Part of the speed"), speed),
        h("button", { type: "button", class: "primary", onclick: () => this.show() }, "Show the plan"),
        (this.play = h("button", { type: "button", disabled: true, onclick: () => this.follow() }, "Move on this plan")),
        h("button", { type: "submit" }, "Move without a plan"),
        h("button", { type: "button", onclick: () => this.cancel() }, "End the motion"),
        h("button", { type: "button", onclick: () => this.take() }, "Take present positions")),
      this.poses,
      this.words, this.space);
    this.forget();
  }

  update(robot, job, poses) {
    this.now = robot.joints;
    this.known = poses;
    this.named.update(Object.entries(poses), ([name]) => name, () => {});
    this.robotNow = robot;
    this.scene?.update(robot);
    for (const joint of robot.joints) {
      const cell = this.from.get(joint.name);
      if (cell) say(cell, number(joint.position, 3));
    }
    if (job && this.told !== JSON.stringify(job)) say(this.words, `${job.is_over ? "Ended" : "Moving"}: ${job.message}`);
    this.told = JSON.stringify(job);
  }

  // Takes the numbers of a named pose; nothing moves yet.
  fill(name) {
    for (const [joint, position] of Object.entries(this.known[name])) {
      if (this.inputs.has(joint)) this.inputs.get(joint).value = number(position, 3);
    }
    say(this.words, `The numbers of ${name} are in the table.`);
  }

  take() {
    for (const joint of this.now ?? []) this.inputs.get(joint.name).value = number(joint.position, 3);
  }

  // Where the joints that change go; null, and said, where none does, or one has no number: an empty field is not 0.
  goal() {
    const positions = {};
    for (const joint of this.now ?? []) {
      const { value } = this.inputs.get(joint.name);
      const goal = value.trim() ? Number(value) : NaN;
      if (!Number.isFinite(goal)) {
        say(this.words, `${joint.name} goes to no number; valid: a number, or the one of where it is now.`);
        return null;
      }
      if (Math.abs(goal - joint.position) > 0.002) positions[joint.name] = goal;
    }
    if (Object.keys(positions).length) return positions;
    say(this.words, "No joint goes anywhere: change a number first.");
    return null;
  }

  // Plans through the scene, and shows the way as a ghost; nothing moves.
  async show() {
    const positions = this.goal();
    if (!positions) return;
    this.forget();
    const asked = (this.asked = {});
    say(this.words, "Planning");
    const answer = await order("plan", { robot: this.robot, positions, speed: Number(this.speed.value) });
    if (this.asked !== asked) return; // Another plan, another robot or a motion was asked for meanwhile.
    say(this.words, answer.message);
    if (!answer.is_done) return;
    this.plan = answer.details;
    this.play.disabled = false;
    this.space.open = true;
    this.scene?.showPlan(this.plan);
  }

  async follow() {
    const { digest } = this.plan;
    this.forget();
    say(this.words, (await order("play_plan", { robot: this.robot, digest })).message);
  }

  forget() {
    this.plan = this.asked = null;
    if (this.play) this.play.disabled = true;
    this.scene?.showPlan(null);
  }

  begin() {
    this.space.append(this.place);
    this.scene ??= new RobotScene(this.place);
    if (this.robotNow) this.scene.update(this.robotNow);
    this.scene.showPlan(this.plan);
  }

  end() {
    this.scene?.end();
    this.scene = null;
    this.place.replaceChildren();
  }

  async move() {
    const positions = this.goal();
    if (!positions) return;
    this.forget();
    say(this.words, (await order("move", { robot: this.robot, positions, speed: Number(this.speed.value) })).message);
  }

  async cancel() {
    say(this.words, (await order("cancel_move", { robot: this.robot })).message);
  }
}
