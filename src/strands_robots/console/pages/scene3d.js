// Robots in 3D from their descriptions, what stands around them, and the ghosts of a plan. three.js is loaded when the first one is shown; drawn only on a change.

import { h, say } from "./dom.js";
import { read } from "./graph.js";
import { triangles, World3D } from "./world3d.js";

const PERIOD = 40; // Shortest time between two pictures [ms].
const TURN = 0.12; // A key turns the view by this [rad].
const GHOST = 0x2f7be0;

let loading = null;
const library = () => (loading ??= import("/pages/vendor/three.module.min.js"));

export class RobotScene {
  constructor(parent) {
    this.canvas = h("canvas", { class: "scene", tabindex: 0, role: "application", "aria-label": "Robot in 3D; arrow keys turn it, plus and minus change the distance" });
    this.words = h("p", { class: "dim" });
    parent.append(this.canvas, this.words);
    this.view = { turn: -0.8, lift: 0.45, distance: 1 };
    this.version = "";
    this.others = new Map();
    this.ended = false;
    [this.timer, this.notBefore] = [0, 0];
    this.listen();
    this.watcher = new ResizeObserver(() => this.draw());
    this.watcher.observe(this.canvas);
  }

  // Shows a robot as a state of the graph has it, and the others that move with it.
  update(robot, others = []) {
    if (!robot) return;
    const version = `${robot.name}:${robot.model ?? ""}`;
    if (version !== this.version) {
      this.version = version;
      this.clear();
      this.load(robot);
    }
    this.name = robot.name;
    this.positions = positionsOf(robot);
    if (this.robot?.pose(this.positions) || this.plan) this.draw();
    for (const other of others) this.join(other);
  }

  // Shows another robot of the same world.
  join(robot) {
    const version = `${robot.name}:${robot.model ?? ""}`;
    let other = this.others.get(robot.name);
    if (other?.version !== version) {
      for (const one of [other?.robot, other?.ghost]) one?.root.removeFromParent();
      this.others.set(robot.name, (other = { version, name: robot.name, model: null, base: null, robot: null, ghost: null }));
      this.loadOther(other, robot);
    }
    other.positions = positionsOf(robot);
    if (other.robot?.pose(other.positions)) this.draw();
  }

  async loadOther(other, robot) {
    if (!robot.model) return;
    try {
      const place = `/robot/${encodeURIComponent(robot.name)}`;
      [other.model, other.base] = await Promise.all([read(`${place}/model`), read(`${place}/base`)]);
      this.placeOther(other);
    } catch (error) {
      say(this.words, `${robot.name} cannot be drawn in 3D: ${error.message}`);
    }
  }

  // Draws another robot once both its model and the scene are there.
  placeOther(other) {
    if (!this.scene || !other.model || other.robot || this.ended) return;
    const { three } = this;
    other.robot = new Robot(three, other.model, null);
    other.ghost = new Robot(three, other.model, new three.Color(GHOST));
    other.ghost.root.visible = Boolean(this.plan);
    for (const one of [other.robot, other.ghost]) {
      one.root.position.set(...other.base.xyz);
      one.root.quaternion.set(...other.base.quaternion);
      this.scene.add(one.root);
    }
    other.robot.pose(other.positions);
    this.frame();
    this.draw();
  }

  // Looks at the middle of all robots, from where all of them are seen.
  frame() {
    const { three } = this;
    const box = new three.Box3();
    for (const { robot } of [this, ...this.others.values()]) {
      robot?.root.updateWorldMatrix(true, true);
      for (const part of robot?.parts ?? []) box.expandByObject(part);
    }
    this.middle = box.getCenter(new three.Vector3());
    this.view.distance = Math.max(box.getSize(new three.Vector3()).length() * 1.2, 0.3);
  }

  // Takes the robot before away: what is drawn is never another one at this one's joints.
  clear() {
    this.scene?.traverse((part) => {
      part.geometry?.dispose();
      part.material?.dispose();
    });
    this.world?.end();
    this.around?.end();
    this.robot = this.ghost = this.scene = this.world = this.around = null;
    for (const other of this.others.values()) other.robot = other.ghost = null;
    this.canvas.hidden = true;
  }

  async load(robot) {
    const version = this.version;
    if (!robot.model) return say(this.words, "Its description was not heard yet.");
    try {
      const place = `/robot/${encodeURIComponent(robot.name)}`;
      // Where it stands is known of simulated robots only: the others are drawn alone.
      const base = read(`${place}/base`).catch(() => null);
      const [three, model] = await Promise.all([library(), read(`${place}/model`)]);
      if (this.ended || version !== this.version) return;
      this.begin(three, model, place);
      base.then((pose) => pose && !this.ended && version === this.version && this.stand(three, pose));
      say(this.words, model.meshes ? `${model.meshes} of its shapes are meshes, which are not drawn here.` : "");
    } catch (error) {
      this.canvas.hidden = true;
      say(this.words, `It cannot be drawn in 3D: ${error.message}`);
    }
  }

  begin(three, model, place) {
    this.three = three;
    this.renderer ??= new three.WebGLRenderer({ canvas: this.canvas, antialias: true, alpha: true });
    this.canvas.hidden = false;
    this.scene = new three.Scene();
    this.camera = new three.PerspectiveCamera(40, 1, 0.01, 50);
    this.camera.up.set(0, 0, 1);
    const sun = new three.DirectionalLight(0xffffff, 2.2);
    sun.position.set(1, -1.5, 3);
    const ground = new three.GridHelper(2, 20, 0x888888, 0x888888);
    ground.rotation.x = Math.PI / 2;
    ground.position.z = 0.002; // Above a floor of the world.
    ground.material.transparent = true;
    ground.material.opacity = 0.35;
    this.scene.add(new three.HemisphereLight(0xffffff, 0x777788, 1.6), sun, ground);
    this.robot = new Robot(three, model, null);
    this.ghost = new Robot(three, model, new three.Color(GHOST));
    this.ghost.root.visible = Boolean(this.plan);
    this.scene.add(this.robot.root, this.ghost.root);
    this.robot.pose(this.positions ?? {});
    this.frame();
    const linkOf = (name) => this.robot.links.get(name);
    this.around = new World3D(three, `${place}/around`, (leftOut) => this.changed(leftOut), linkOf);
    this.robot.root.add(this.around.root);
    for (const other of this.others.values()) this.placeOther(other);
    this.draw();
  }

  changed(leftOut) {
    if (leftOut) say(this.words, `${leftOut} shapes around it are not drawn: they are too many.`);
    this.draw();
  }

  // Puts the robot where it stands in the world, and the world around it.
  stand(three, { xyz, quaternion }) {
    for (const one of [this.robot, this.ghost]) {
      one.root.position.set(...xyz);
      one.root.quaternion.set(...quaternion);
    }
    this.frame();
    this.world = new World3D(three, "/scene", (leftOut) => this.changed(leftOut));
    this.scene.add(this.world.root);
    this.draw();
  }

  // Shows where a plan leads, over and over: its joints, a row for each way point, and their times; null ends it.
  showPlan(plan) {
    this.plan = plan;
    this.began = performance.now();
    for (const { ghost } of [this, ...this.others.values()]) if (ghost) ghost.root.visible = Boolean(plan);
    this.draw();
  }

  // Draws soon, and seldom where drawing is slow: whatever is drawn, the page must have time for a press on the stop.
  draw() {
    if (!this.robot || this.timer || this.ended) return;
    this.timer = setTimeout(() => {
      this.timer = 0;
      const began = performance.now();
      this.render();
      const taken = performance.now() - began;
      this.notBefore = began + taken + Math.max(PERIOD, 4 * taken);
      if (this.plan && !document.hidden) this.draw();
    }, Math.max(this.notBefore - performance.now(), 0));
  }

  render() {
    const [width, height] = [this.canvas.clientWidth, this.canvas.clientHeight];
    if (!width || !height) return;
    if (this.plan) {
      const planned = at(this.plan, (performance.now() - this.began) / 1000);
      for (const one of [this, ...this.others.values()]) one.ghost?.pose({ ...one.positions, ...ofRobot(this.plan, planned, one.name) });
    }
    const { turn, lift, distance } = this.view;
    this.camera.aspect = width / height;
    this.camera.updateProjectionMatrix();
    this.camera.position.set(Math.cos(turn) * Math.cos(lift), Math.sin(turn) * Math.cos(lift), Math.sin(lift)).multiplyScalar(distance).add(this.middle);
    this.camera.lookAt(this.middle);
    this.renderer.setPixelRatio(Math.min(devicePixelRatio, 2));
    this.renderer.setSize(width, height, false);
    this.renderer.render(this.scene, this.camera);
    this.canvas.dataset.ghosts = String([this, ...this.others.values()].filter(({ ghost }) => ghost?.root.visible).length);
    this.canvas.dataset.around = String((this.world?.shapes.size ?? 0) + (this.around?.shapes.size ?? 0));
    this.canvas.dataset.drawn = String(Number(this.canvas.dataset.drawn ?? 0) + 1);
  }

  turnBy(turn, lift, scale = 1) {
    this.view.turn += turn;
    this.view.lift = Math.min(Math.max(this.view.lift + lift, -0.2), 1.5);
    this.view.distance = Math.min(Math.max(this.view.distance * scale, 0.15), 10);
    this.draw();
  }

  listen() {
    let last = null;
    this.canvas.addEventListener("pointerdown", (event) => {
      last = event;
      this.canvas.setPointerCapture(event.pointerId);
    });
    this.canvas.addEventListener("pointermove", (event) => {
      if (!last) return;
      this.turnBy(-0.008 * (event.clientX - last.clientX), 0.008 * (event.clientY - last.clientY));
      last = event;
    });
    for (const end of ["pointerup", "pointercancel"]) this.canvas.addEventListener(end, () => (last = null));
    this.canvas.addEventListener("wheel", (event) => {
      event.preventDefault();
      this.turnBy(0, 0, Math.exp(0.001 * event.deltaY));
    }, { passive: false });
    const keys = { ArrowLeft: [-TURN, 0], ArrowRight: [TURN, 0], ArrowUp: [0, TURN], ArrowDown: [0, -TURN], "+": [0, 0, 0.85], "-": [0, 0, 1.18] };
    this.canvas.addEventListener("keydown", (event) => {
      if (!(event.key in keys)) return;
      event.preventDefault();
      this.turnBy(...keys[event.key]);
    });
  }

  end() {
    this.ended = true;
    this.watcher.disconnect();
    this.world?.end();
    this.around?.end();
    clearTimeout(this.timer);
    this.renderer?.dispose();
    this.renderer?.forceContextLoss();
  }
}

const positionsOf = (robot) => Object.fromEntries(robot.joints.map((joint) => [joint.name, joint.position]));

// One robot's joints of a plan: a plan for several has them as "<robot>/<joint>".
function ofRobot({ robots }, positions, name) {
  if (!(robots?.length > 1)) return positions;
  const own = Object.entries(positions).filter(([joint]) => joint.startsWith(`${name}/`));
  return Object.fromEntries(own.map(([joint, value]) => [joint.slice(name.length + 1), value]));
}

// Where a plan's joints are at a time; it begins again a second after its end.
function at(plan, time) {
  const { names, rows, times } = plan;
  const end = times[times.length - 1];
  const now = time % (end + 1);
  const next = times.findIndex((one) => one >= now);
  const row = next < 0 ? rows.length - 1 : next;
  const before = Math.max(row - 1, 0);
  const span = times[row] - times[before];
  const part = next < 0 || span <= 0 ? 1 : (now - times[before]) / span;
  return Object.fromEntries(names.map((name, i) => [name, rows[before][i] + part * (rows[row][i] - rows[before][i])]));
}

// Links and joints as three.js has them; a colour makes the whole robot see-through.
class Robot {
  constructor(three, model, colour) {
    this.three = three;
    this.root = new three.Group();
    this.joints = new Map();
    this.parts = []; // Its own shapes, without what stands around it or is held.
    this.posed = "";
    const links = this.links = new Map(model.links.map((link) => [link.name, this.link(link, colour)]));
    const children = new Set();
    for (const joint of model.joints) {
      const [parent, child] = [links.get(joint.parent), links.get(joint.child)];
      if (!parent || !child) continue;
      const [fixed, moved] = [new three.Group(), new three.Group()];
      fixed.position.set(...joint.xyz);
      fixed.rotation.set(...joint.rpy, "ZYX");
      parent.add(fixed);
      fixed.add(moved);
      moved.add(child);
      children.add(joint.child);
      this.joints.set(joint.name, { ...joint, moved, axis: new three.Vector3(...joint.axis).normalize() });
    }
    for (const [name, link] of links) if (!children.has(name)) this.root.add(link);
  }

  link(link, colour) {
    const { three } = this;
    const group = new three.Group();
    for (const shape of link.shapes) {
      const [r, g, b, a] = shape.rgba;
      const material = colour
        ? new three.MeshLambertMaterial({ color: colour, transparent: true, opacity: 0.35, depthWrite: false })
        : new three.MeshLambertMaterial({ color: new three.Color().setRGB(r, g, b, three.SRGBColorSpace), transparent: a < 1, opacity: a, side: shape.kind === "triangles" ? three.DoubleSide : three.FrontSide });
      const mesh = new three.Mesh(this.geometry(shape), material);
      mesh.position.set(...shape.xyz);
      mesh.rotation.set(...shape.rpy, "ZYX");
      group.add(mesh);
      this.parts.push(mesh);
    }
    return group;
  }

  geometry({ kind, size, points }) {
    const { three } = this;
    if (kind === "triangles") return triangles(three, points);
    if (kind === "box") return new three.BoxGeometry(...size);
    if (kind === "sphere") return new three.SphereGeometry(size[0], 24, 16);
    return new three.CylinderGeometry(size[0], size[0], size[1], 24).rotateX(Math.PI / 2); // A URDF's stands on z.
  }

  // Puts the joints where they are [rad] or [m]; returns whether anything moved.
  pose(positions) {
    const key = Object.values(positions).map((value) => (value ?? 0).toFixed(4)).join();
    if (key === this.posed) return false;
    this.posed = key;
    for (const [name, joint] of this.joints) {
      const source = joint.mimic;
      const value = source ? (positions[source.joint] ?? 0) * source.multiplier + source.offset : positions[name];
      if (value === undefined || value === null) continue;
      if (joint.type === "prismatic") joint.moved.position.copy(joint.axis).multiplyScalar(value);
      else if (joint.type !== "fixed") joint.moved.quaternion.setFromAxisAngle(joint.axis, value);
    }
    return true;
  }
}
