// What stands around a robot in the simulated world, in 3D: objects, tables and meshes, as /scene tells them while a page asks.

import { read } from "./graph.js";

const PERIOD = 200; // Between two questions while there is a world [ms].
const RARE = 3000; // Between two where there is none, or the tab is hidden [ms].

// A mesh of the corners of its triangles, x, y, z of each [m].
export function triangles(three, points) {
  const made = new three.BufferGeometry();
  made.setAttribute("position", new three.BufferAttribute(new Float32Array(points), 3));
  made.computeVertexNormals();
  return made;
}

export class World3D {
  // `changed` is called whenever there is something new to draw, with the number of shapes that are too many to be drawn.
  constructor(three, changed) {
    this.three = three;
    this.changed = changed;
    this.root = new three.Group();
    this.shapes = new Map();
    this.number = 0;
    this.ended = false;
    this.ask();
  }

  async ask() {
    let wait = RARE;
    try {
      if (!document.hidden) {
        const said = await read(`/scene?since=${this.number}`);
        if (this.ended) return;
        this.take(said);
        if (this.shapes.size) wait = PERIOD;
        else if (this.number) wait = 1000;
      }
    } catch {
      // A browser that only looks on is not told; a graph without a world has none. The robot is drawn alone.
    }
    if (!this.ended) this.timer = setTimeout(() => this.ask(), wait);
  }

  take({ number, is_whole: isWhole, shapes, left_out: leftOut }) {
    this.number = number;
    if (isWhole) this.clear();
    for (const [name, shape] of Object.entries(shapes)) {
      if (shape.kind && !this.shapes.has(name)) this.add(name, shape);
      const mesh = this.shapes.get(name);
      mesh?.position.set(...shape.xyz);
      mesh?.quaternion.set(...shape.quaternion);
    }
    if (isWhole || Object.keys(shapes).length) this.changed(leftOut);
  }

  add(name, { kind, size, rgba, points }) {
    const { three } = this;
    const [r, g, b, a] = rgba;
    const material = new three.MeshLambertMaterial({ color: new three.Color().setRGB(r, g, b, three.SRGBColorSpace), transparent: a < 1, opacity: a, side: kind === "triangles" ? three.DoubleSide : three.FrontSide });
    const mesh = new three.Mesh(this.geometry(kind, points), material);
    if (kind !== "triangles") mesh.scale.set(...size);
    this.shapes.set(name, mesh);
    this.root.add(mesh);
  }

  geometry(kind, points) {
    const { three } = this;
    if (kind === "box") return new three.BoxGeometry(1, 1, 1);
    if (kind === "ellipsoid") return new three.SphereGeometry(0.5, 24, 16);
    if (kind === "cylinder") return new three.CylinderGeometry(0.5, 0.5, 1, 24).rotateX(Math.PI / 2);
    return triangles(three, points);
  }

  clear() {
    for (const mesh of this.shapes.values()) {
      mesh.geometry.dispose();
      mesh.material.dispose();
    }
    this.shapes.clear();
    this.root.clear();
  }

  end() {
    this.ended = true;
    clearTimeout(this.timer);
    this.clear();
  }
}
