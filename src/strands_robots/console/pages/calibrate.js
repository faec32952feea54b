// Calibrate: LeRobot's own calibration of an arm, step by step, with each joint's travel against the model's while it is turned.

import { h, Kept, number, say } from "./dom.js";
import { order, read } from "./graph.js";

export const title = "Calibrate";

const STEPS = [["file", "Which calibration"], ["middle", "Middle"], ["ranges", "Travels"], ["saved", "Saved"]];

const WHAT = {
  starting: "LeRobot is at work. It takes the torque of every servo away: support the arm.",
  file: "LeRobot has a calibration of this arm. Write it to the servos, or calibrate anew.",
  middle: "No servo has torque. Move every joint by hand to the middle of its travel, then say so: the servos take it as their zero.",
  ranges: "Turn every joint slowly from one end of its travel to the other, one after another. Nothing more is written until you save.",
  saved: "What was recorded is in the servos and in LeRobot's file.",
};

export function open(main) {
  const words = h("p", { role: "status" });
  const form = new Form((text) => say(words, text));
  const running = new Running((text) => say(words, text));
  main.append(words, running.element, form.element);
  return {
    update({ calibration }) {
      const isRunning = Boolean(calibration && !calibration.is_over);
      form.element.hidden = isRunning;
      running.update(calibration ?? null);
    },
    end() {},
  };
}

class Form {
  constructor(tell) {
    this.robot = h("select", { id: "calibrate-robot" });
    this.ports = h("datalist", { id: "calibrate-ports" });
    this.port = h("input", { id: "calibrate-port", list: "calibrate-ports", required: true, maxlength: 256, autocomplete: "off" });
    this.arm = h("input", { id: "calibrate-arm", required: true, maxlength: 64, autocomplete: "off" });
    this.element = h("form", { class: "card fields" },
      h("p", { class: "wide" }, "The arm loses its torque and falls unless it is supported. Its port must be free: end the graph that drives it, or its driver_node. Nothing here moves the arm."),
      h("div", {}, h("label", { for: "calibrate-robot" }, "Arm"), this.robot),
      h("div", {}, h("label", { for: "calibrate-port" }, "Serial port"), this.port, this.ports),
      h("div", {}, h("label", { for: "calibrate-arm" }, "Id of the arm; names its file"), this.arm),
      h("button", { type: "submit", class: "primary" }, "Begin"));
    this.element.addEventListener("submit", async (event) => {
      event.preventDefault();
      const [kind, name] = this.robot.value.split("/");
      tell("Asked");
      tell((await order("calibrate", { [kind]: name, port: this.port.value, arm: this.arm.value })).message);
    });
    this.load(tell);
  }

  async load(tell) {
    try {
      const found = await read("/calibrate/choices");
      this.robot.replaceChildren(
        h("optgroup", { label: "Robots" }, found.robots.map((name) => h("option", { value: `robot/${name}` }, name))),
        h("optgroup", { label: "Leader arms" }, found.leaders.map((name) => h("option", { value: `leader/${name}` }, name))));
      if (found.robots.includes("so101")) this.robot.value = "robot/so101";
      this.ports.replaceChildren(...found.ports.map((port) => h("option", { value: port })));
      if (found.ports.length === 1) this.port.value = found.ports[0];
      if (found.problem) tell(found.problem);
    } catch (error) {
      tell(error.message);
    }
  }
}

class Running {
  constructor(tell) {
    const button = (wish, text, primary) => h("button", { type: "button", class: primary ? "primary" : "", onclick: async () => tell((await order("calibrate_wish", { wish })).message) }, text);
    this.headline = h("h2", {});
    this.what = h("p", { role: "status" });
    this.failure = h("p", { class: "bad", role: "alert" });
    this.steps = h("ol", { class: "steps" }, STEPS.map(([, text]) => h("li", {}, text)));
    this.buttons = {
      file: [button("use_file", "Write the file's to the servos", true), button("anew", "Calibrate anew")],
      middle: [button("middle", "Every joint is in its middle", true)],
      ranges: [(this.save = button("save", "Save these travels", true))],
    };
    this.cancel = button("cancel", "End without saving");
    this.row = h("div", { class: "row" }, ...Object.values(this.buttons).flat(), this.cancel);
    this.joints = h("tbody", {});
    this.kept = new Kept(this.joints, (joint) => new TravelRow(joint));
    const head = ["Joint", "Recorded travel, and where it is", "Travel", "Model", "State"].map((text, i) => h("th", { scope: "col", class: i === 2 || i === 3 ? "number" : "" }, text));
    this.table = h("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": "Travels" }, h("table", {}, h("thead", {}, h("tr", {}, head)), this.joints));
    this.lines = h("ul", { class: "lines", tabindex: 0, "aria-label": "What LeRobot said" });
    this.element = h("section", { class: "card", "aria-label": "Calibration", hidden: true }, this.headline, this.steps, this.what, this.failure, this.row, this.table, this.lines);
    this.told = "";
  }

  update(calibration) {
    this.element.hidden = !calibration;
    if (!calibration) return;
    const { step, is_over: isOver, joints, failure } = calibration;
    say(this.headline, `${calibration.robot || calibration.leader} '${calibration.arm}' on ${calibration.port}`);
    const place = STEPS.findIndex(([name]) => name === step);
    [...this.steps.children].forEach((item, i) => (i === place ? item.setAttribute("aria-current", "step") : item.removeAttribute("aria-current")));
    say(this.what, isOver ? (failure ? "It has ended." : `${WHAT.saved} ${calibration.path}`) : WHAT[step]);
    say(this.failure, failure);
    for (const [name, buttons] of Object.entries(this.buttons)) for (const one of buttons) one.hidden = isOver || name !== step;
    this.cancel.hidden = isOver;
    const impossible = joints.some((joint) => joint.state === "impossible");
    say(this.save, impossible ? "It cannot be saved: see the joints" : "Save these travels");
    this.save.disabled = impossible;
    this.table.hidden = !joints.length;
    this.kept.update(joints, (joint) => joint.joint, (row, joint) => row.update(joint));
    const key = JSON.stringify(calibration.lines);
    if (key === this.told) return;
    this.told = key;
    this.lines.hidden = !calibration.lines.length;
    this.lines.replaceChildren(...calibration.lines.map((line) => h("li", {}, line)).reverse());
  }
}

const WORDS = { short: ["go on turning", "warn"], whole: ["whole", "good"], impossible: ["impossible", "bad"] };

// A joint's recorded travel on a turn of its servo, from half a turn on one side to half a turn on the other.
class TravelRow {
  constructor(joint) {
    this.range = h("div", { class: "range" });
    this.mark = h("div", { class: "mark" });
    this.travel = h("td", { class: "number" });
    this.model = h("td", { class: "number" });
    this.state = h("td", {});
    this.element = h("tr", {}, h("th", { scope: "row" }, joint.joint), h("td", {}, h("div", { class: "rate" }, h("div", { class: "track" }, this.range, this.mark))), this.travel, this.model, this.state);
  }

  update({ low, position, high, model, state, words }) {
    const part = (angle) => 100 * Math.min(Math.max((angle + Math.PI) / (2 * Math.PI), 0), 1);
    this.range.style.left = `${part(low)}%`;
    this.range.style.width = `${part(high) - part(low)}%`;
    this.mark.style.left = `${part(position)}%`;
    say(this.travel, `${number(high - low)} rad`);
    say(this.model, model === null ? "not judged" : `${number(model)} rad`);
    const [text, tone] = WORDS[state];
    say(this.state, words ? `${text}: ${words}` : text);
    this.state.className = tone;
  }
}
