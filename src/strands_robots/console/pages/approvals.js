// Approvals: what agents ask for, in words and as it is, and a person's signed decision about exactly that.

import { h, Kept, number, say } from "./dom.js";
import { order } from "./graph.js";
import { RobotScene } from "./scene3d.js";

export const title = "Approvals";

export function open(main) {
  const words = h("p", { role: "status" });
  const list = h("div", {});
  main.append(words, list);
  const kept = new Kept(list, (request) => new RequestCard(request));
  return {
    update({ approvals, robots = [] }) {
      const requests = approvals?.requests ?? [];
      if (!approvals) say(words, "No approval_node is heard. Start the graph with --approvals.");
      else if (!approvals.can_approve) say(words, "approval_node has no keyring: requests can be read here, and not approved.");
      else say(words, requests.length ? "" : "Nothing waits for a decision.");
      kept.update(requests, (request) => request.id, (card, request) => card.update(request, robots));
    },
    end() {
      kept.update([], () => "", () => {});
    },
  };
}

// Where a goal wants each joint; null for a request that says no such thing.
function targetOf(fields) {
  const { robot, joint_names: names, positions } = fields;
  const isOne = typeof robot === "string" && Array.isArray(names) && Array.isArray(positions) && names.length && names.length === positions.length && positions.every(Number.isFinite);
  return isOne ? { robot, names, positions } : null;
}

// The joints of a goal: now, and where they go; and the same in 3D, drawn while it is open.
class Target {
  constructor(target) {
    this.target = target;
    this.now = new Map(target.names.map((name) => [name, h("td", { class: "number" })]));
    const rows = target.names.map((name, i) => h("tr", {}, h("th", { scope: "row" }, name), this.now.get(name), h("td", { class: "number" }, number(target.positions[i], 3))));
    this.place = h("div", {});
    this.details = h("details", {}, h("summary", {}, "In 3D: where it goes, straight; the way itself may bend"), this.place);
    this.details.addEventListener("toggle", () => (this.details.open ? (this.scene ??= new RobotScene(this.place)) : this.end()));
    this.elements = [h("table", {}, h("thead", {}, h("tr", {}, ["Joint", "now", "goes to"].map((text, i) => h("th", { scope: "col", class: i ? "number" : "" }, text)))), h("tbody", {}, rows)), this.details];
  }

  update(robots) {
    const robot = robots.find((one) => one.name === this.target.robot);
    if (!robot) return;
    const at = new Map(robot.joints.map((joint) => [joint.name, joint.position]));
    for (const [name, cell] of this.now) say(cell, number(at.get(name), 3));
    this.scene?.update(robot);
    if (!this.scene || this.scene.plan) return;
    const { names, positions } = this.target;
    this.scene.showPlan({ names, rows: [names.map((name, i) => at.get(name) ?? positions[i]), positions], times: [0, 2] });
  }

  end() {
    this.scene?.end();
    this.scene = null;
    this.place.replaceChildren();
  }
}

class RequestCard {
  constructor(request) {
    this.left = h("p", { class: "dim" });
    this.said = h("p", { role: "status" });
    const id = `approval-${request.id}`;
    this.text = h("input", { id: `${id}-text`, maxlength: 1024, autocomplete: "off" });
    this.passphrase = h("input", { id: `${id}-passphrase`, type: "password", autocomplete: "off" });
    const decide = (approve) => async () => {
      const fields = { request_id: request.id, digest: request.digest, approve, text: this.text.value, passphrase: this.passphrase.value };
      this.passphrase.value = "";
      say(this.said, (await order("decide", fields)).message);
    };
    const fields = JSON.parse(request.fields);
    const target = targetOf(fields);
    this.target = target && new Target(target);
    this.element = h("section", { class: "card", "aria-label": `Request ${request.id}` },
      h("h2", {}, `${request.asker} asks for ${request.name}`), this.left,
      h("ul", {}, request.words.map((line) => h("li", {}, line))), this.target?.elements ?? null,
      h("details", {}, h("summary", {}, "Every field, and the hash that is signed"), h("pre", {}, JSON.stringify(fields, null, 1)), h("pre", {}, request.digest)),
      h("div", { class: "row" },
        h("div", {}, h("label", { for: `${id}-text` }, "Why, for the audit log"), this.text),
        h("div", {}, h("label", { for: `${id}-passphrase` }, "Passphrase of your key"), this.passphrase),
        h("button", { type: "button", class: "primary", onclick: decide(true) }, "Approve once"),
        h("button", { type: "button", onclick: decide(false) }, "Decline")),
      this.said);
  }

  update(request, robots) {
    this.target?.update(robots);
    say(this.left, `${request.type}; ${request.rule}; ${Math.max(request.left ?? 0, 0).toFixed(0)} s left`);
  }

  end() {
    this.target?.end();
  }
}
