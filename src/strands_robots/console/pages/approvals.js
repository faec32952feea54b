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

// Kinds of requests that can be planned before a person decides; nodes/console/request_plan.py has the same.
const EXECUTE = "strands_robots/action/ExecutePlan";
const PLANNED = ["strands_robots/action/MoveTo", "strands_robots/action/PlanMotion", EXECUTE];

// The robots that a request moves, the first first: PlanMotion has a goal for each of the others, ExecutePlan their names.
function robotsOf({ robot, others }) {
  const names = [robot, ...(Array.isArray(others) ? others : []).map((one) => one?.robot ?? one)];
  return names.filter((name) => typeof name === "string");
}

// A joint's name where robots are told apart, as in a plan for several.
const jointName = (robots, robot, joint) => (robots.length > 1 ? `${robot}/${joint}` : joint);

// Where a goal wants each joint of each robot; null for a request that says no such thing.
function targetOf(fields) {
  const robots = robotsOf(fields);
  const [names, positions] = [[], []];
  for (const goal of [fields, ...(Array.isArray(fields.others) ? fields.others : [])]) {
    const { robot, joint_names: joints, positions: wanted } = goal ?? {};
    const isOne = typeof robot === "string" && Array.isArray(joints) && Array.isArray(wanted) && joints.length && joints.length === wanted.length && wanted.every(Number.isFinite);
    if (!isOne) return null;
    names.push(...joints.map((joint) => jointName(robots, robot, joint)));
    positions.push(...wanted);
  }
  return { names, positions };
}

// The joints of a goal, of all robots that it moves, where they are and go; the way there as it is planned now, its duration and its hash, and the same in 3D.
class Target {
  constructor(request, fields) {
    this.request = request;
    this.robots = robotsOf(fields);
    this.plan = null;
    this.target = targetOf(fields);
    this.rows = h("tbody", {});
    this.table = h("table", { hidden: true }, h("thead", {}, h("tr", {}, ["Joint", "now", "goes to", "by"].map((text, i) => h("th", { scope: "col", class: i ? "number" : "" }, text)))), this.rows);
    this.said = h("p", { role: "status" });
    this.hash = h("p", { class: "hash", hidden: true });
    this.place = h("div", {});
    this.details = h("details", {}, h("summary", {}, "In 3D"), this.place);
    this.details.addEventListener("toggle", () => (this.details.open ? this.begin() : this.end()));
    const show = h("button", { type: "button", onclick: () => this.show() }, request.type === EXECUTE ? "Show the plan" : "Show the way, as it is planned now");
    this.elements = [this.table, h("div", { class: "row" }, PLANNED.includes(request.type) ? show : null), this.said, this.hash, this.details];
    if (this.target) this.fill(this.target.names);
  }

  fill(names) {
    this.cells = new Map(names.map((name) => [name, [0, 1, 2].map(() => h("td", { class: "number" }))]));
    this.rows.replaceChildren(...names.map((name) => h("tr", {}, h("th", { scope: "row" }, name), ...this.cells.get(name))));
    this.table.hidden = false;
  }

  update(robots) {
    const [robot, ...others] = (this.now = this.robots.map((name) => robots.find((one) => one.name === name)).filter(Boolean));
    if (robot?.name !== this.robots[0]) return;
    const at = new Map(this.now.flatMap((one) => one.joints.map((joint) => [jointName(this.robots, one.name, joint.name), joint.position])));
    for (const [name, cells] of this.cells ?? []) {
      const goal = this.goal(name);
      const now = at.get(name) ?? null;
      [now, goal, goal === null || now === null ? null : goal - now].forEach((value, i) => say(cells[i], number(value, 3)));
    }
    this.scene?.update(robot, others);
    if (this.scene && !this.scene.plan) this.ghost(at);
  }

  goal(name) {
    if (this.plan) return this.plan.rows[this.plan.rows.length - 1][this.plan.names.indexOf(name)] ?? null;
    return this.target?.positions[this.target.names.indexOf(name)] ?? null;
  }

  // Plans the way now and moves nothing: the request itself is what is approved, and its motion is planned when it runs. Where the
  // request names a plan, that plan is shown: exactly that one is played.
  async show() {
    say(this.said, this.request.type === EXECUTE ? "Reading" : "Planning");
    const { id, digest } = this.request;
    const answer = await order("plan_request", { request_id: id, digest });
    say(this.said, answer.message);
    if (!answer.is_done) return;
    this.plan = answer.details;
    this.fill(this.plan.names);
    say(this.hash, `This way takes ${this.plan.duration.toFixed(1)} s over ${this.plan.rows.length} points; its hash is ${this.plan.digest}.`);
    this.hash.hidden = false;
    this.details.open = true;
    this.scene?.showPlan(this.plan);
    if (this.now) this.update(this.now);
  }

  begin() {
    this.scene ??= new RobotScene(this.place);
    if (this.now) this.update(this.now);
    if (this.plan) this.scene.showPlan(this.plan);
  }

  // Before the way is planned, a straight one for the joints.
  ghost(at) {
    if (this.plan) this.scene.showPlan(this.plan);
    else if (this.target) {
      const { names, positions } = this.target;
      this.scene.showPlan({ robots: this.robots, names, rows: [names.map((name, i) => at.get(name) ?? positions[i]), positions], times: [0, 2] });
    }
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
    this.target = typeof fields.robot === "string" && (targetOf(fields) || PLANNED.includes(request.type)) ? new Target(request, fields) : null;
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
