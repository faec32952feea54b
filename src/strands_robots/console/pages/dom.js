// Elements of a page, made without markup in texts: nothing that a robot, an agent or a file says is ever read as HTML.

export function h(tag, properties = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (name === "class") made.className = value;
    else if (value === true) made.setAttribute(name, "");
    else made.setAttribute(name, String(value));
  }
  made.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return made;
}

// Sets a text only where it changed, so that screen readers are not told the same again ten times a second.
export function say(element, text, tone) {
  if (element.textContent !== text) element.textContent = text;
  if (tone !== undefined && element.dataset.tone !== tone) element.dataset.tone = tone;
}

// Keeps one element for each name: made when the name is new, taken away when it is gone, in the order of the names.
export class Kept {
  constructor(parent, make) {
    this.parent = parent;
    this.make = make;
    this.items = new Map();
  }

  update(entries, key, change) {
    const names = entries.map(key);
    for (const [name, item] of this.items) {
      if (!names.includes(name)) {
        item.element.remove();
        item.end?.();
        this.items.delete(name);
      }
    }
    entries.forEach((entry, place) => {
      let item = this.items.get(names[place]);
      if (!item) {
        item = this.make(entry);
        this.items.set(names[place], item);
      }
      if (this.parent.children[place] !== item.element) this.parent.insertBefore(item.element, this.parent.children[place] ?? null);
      change(item, entry);
    });
  }
}

export function number(value, digits = 2) {
  return value === null || value === undefined ? "-" : value.toFixed(digits);
}

export function bytes(value) {
  return value === null || value === undefined ? "unknown" : `${(value / 1e9).toFixed(1)} GB`;
}
