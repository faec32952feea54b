// Cameras of a page: drawn while they are shown, with their age when it is more than it should be.

import { h, Kept, say } from "./dom.js";
import { watchCamera } from "./graph.js";

const OLD = 0.2; // An older picture says its age [s].
const MOST = 4; // So many cameras are shown unasked.

export class Cameras {
  constructor(parent) {
    this.hidden = new Set();
    this.known = new Set();
    this.choice = h("div", { class: "row", role: "group", "aria-label": "Cameras to show" });
    this.grid = h("div", { class: "grid" });
    this.empty = h("p", { class: "dim" }, "No camera is on the graph.");
    parent.append(this.choice, this.empty, this.grid);
    this.buttons = new Kept(this.choice, (camera) => ({
      element: h("button", { type: "button", onclick: () => this.toggle(camera.name) }, camera.name),
    }));
    this.figures = new Kept(this.grid, (camera) => new CameraFigure(camera.name));
    this.timer = setInterval(() => this.figures.items.forEach((figure) => figure.tick()), 100);
  }

  update(cameras) {
    this.list = cameras;
    for (const { name } of cameras) {
      if (this.known.has(name)) continue;
      if (this.known.size >= MOST) this.hidden.add(name);
      this.known.add(name);
    }
    this.empty.hidden = cameras.length > 0;
    this.buttons.update(cameras, (camera) => camera.name, (item, camera) => {
      item.element.setAttribute("aria-pressed", String(!this.hidden.has(camera.name)));
    });
    const shown = cameras.filter((camera) => !this.hidden.has(camera.name));
    this.figures.update(shown, (camera) => camera.name, (item, camera) => item.rate(camera.rate));
  }

  toggle(name) {
    if (!this.hidden.delete(name)) this.hidden.add(name);
    this.update(this.list);
  }

  end() {
    clearInterval(this.timer);
    this.update([]);
  }
}

class CameraFigure {
  constructor(name) {
    this.canvas = h("canvas", { role: "img", "aria-label": `Camera ${name}` });
    this.note = h("span", {});
    this.element = h("figure", { class: "camera card" }, this.canvas, h("figcaption", {}, h("span", {}, name), this.note));
    this.drawnAt = -Infinity;
    this.age = 0;
    this.hertz = 0;
    this.end = watchCamera(name, (bitmap, age) => this.draw(bitmap, age));
  }

  draw(bitmap, age) {
    if (this.canvas.width !== bitmap.width || this.canvas.height !== bitmap.height) {
      this.canvas.width = bitmap.width;
      this.canvas.height = bitmap.height;
      this.canvas.style.aspectRatio = `${bitmap.width} / ${bitmap.height}`;
    }
    this.canvas.getContext("2d", { alpha: false }).drawImage(bitmap, 0, 0);
    this.drawnAt = performance.now();
    this.age = age;
    this.element.dataset.age = age.toFixed(4);
    this.element.dataset.pictures = String(Number(this.element.dataset.pictures ?? 0) + 1);
  }

  rate(value) {
    this.hertz = value;
  }

  tick() {
    const age = this.age + (performance.now() - this.drawnAt) / 1000;
    if (!Number.isFinite(age)) say(this.note, "no picture yet");
    else say(this.note, age > OLD ? `${age.toFixed(1)} s old` : `${this.hertz.toFixed(0)} Hz`);
    this.note.className = age > OLD ? "old" : "dim";
  }
}
