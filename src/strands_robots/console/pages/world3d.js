// What stands around a robot in 3D: the simulated world, or what planners know beside it, as the server tells it while a page asks.

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
  // `place` is where the server tells them; `parentOf` returns the group of a robot's link by name, or nothing.
  constructor(three, place, changed, parentOf = () => null) {
    this.three = three;
    this.place = place;
    this.changed = changed;
    this.parentOf = parentOf;
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
        const said = await read(`${this.place}?since=${this.number}`);
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

  add(name, { kind, size, rgba, points, link }) {
    const { three } = this;
    const [r, g, b, a] = rgba;
    const material = new three.MeshLambertMaterial({ color: new three.Color().setRGB(r, g, b, three.SRGBColorSpace), transparent: a < 1, opacity: a, side: kind === "triangles" ? three.DoubleSide : three.FrontSide });
    const mesh = kind === "cubes" ? this.cubes(size, points, material) : new three.Mesh(this.geometry(kind, points), material);
    if (kind !== "triangles" && kind !== "cubes") mesh.scale.set(...size);
    this.shapes.set(name, mesh);
    (this.parentOf(link) ?? this.root).add(mesh);
  }

  // Cubes of one size, at centres x, y, z of each [m].
  cubes(size, points, material) {
    const { three } = this;
    const mesh = new three.InstancedMesh(new three.BoxGeometry(...size), material, points.length / 3);
    const place = new three.Matrix4();
    for (let i = 0; i < mesh.count; i++) mesh.setMatrixAt(i, place.makeTranslation(...points.slice(3 * i, 3 * i + 3)));
    return mesh;
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
      mesh.removeFromParent();
    }
    this.shapes.clear();
  }

  end() {
    this.ended = true;
    clearTimeout(this.timer);
    this.clear();
  }
}
