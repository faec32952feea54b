// The page's connection to the console: the newest state, pictures, orders. It finds the console again by itself.

export const SOCKETS = location.protocol === "https:" ? "wss" : "ws";
export const LOOKING_ON = "This browser looks on, and can stop. To do more, open the address that the console's terminal shows.";

const RETRY = 500; // Time until the connection is tried again [ms].

export const graph = {
  state: null,
  heardAt: -Infinity, // When the newest state came [ms, performance.now()].
  tab: "",
  session: null,
  problem: "connecting",
  cameras: new Map(), // Who draws each camera's pictures.
  listeners: new Set(),
};

let socket = null;

export function onState(listener) {
  graph.listeners.add(listener);
  if (graph.state) listener(graph.state);
  return () => graph.listeners.delete(listener);
}

export function send(message) {
  if (socket?.readyState !== WebSocket.OPEN) return false;
  socket.send(typeof message === "string" ? message : JSON.stringify(message));
  return true;
}

// Says which cameras this page shows; nothing is drawn for a page that is hidden.
export function show() {
  send({ type: "show", visible: !document.hidden, cameras: [...graph.cameras.keys()] });
}

export function watchCamera(name, draw) {
  graph.cameras.set(name, draw);
  show();
  return () => {
    if (graph.cameras.get(name) === draw) graph.cameras.delete(name);
    show();
  };
}

// Makes an order; returns {is_done, message}, whatever happens.
export async function order(name, fields) {
  return post(`/do/${name}`, fields);
}

export async function post(path, fields) {
  if (graph.session?.is_signed_in === false) return { is_done: false, message: LOOKING_ON };
  try {
    const answer = await fetch(path, {
      method: "POST",
      headers: { "Content-Type": "application/json", "X-Console-Token": graph.session?.token ?? "" },
      body: JSON.stringify(fields),
    });
    const said = await answer.json();
    return { is_done: answer.ok && said.is_done !== false, ...said };
  } catch (error) {
    return { is_done: false, message: `The console did not answer (${error.message}). Nothing says whether it was done.` };
  }
}

export async function read(path) {
  const answer = await fetch(path);
  if (answer.status === 401) throw new Error(LOOKING_ON);
  const said = await answer.json();
  if (!answer.ok) throw new Error(said.message ?? `the console answered ${answer.status}`);
  return said;
}

export async function connect() {
  try {
    const answer = await fetch("/session");
    if (answer.status === 401) {
      graph.problem = "This browser is not signed in any more. Open the new address that the terminal shows.";
      setTimeout(connect, 2000);
      return;
    }
    graph.session = await answer.json();
  } catch {
    graph.problem = "The console does not answer; it is tried again.";
    setTimeout(connect, RETRY);
    return;
  }
  socket = new WebSocket(`${SOCKETS}://${location.host}/feed`);
  socket.binaryType = "arraybuffer";
  socket.onopen = () => {
    socket.send(JSON.stringify({ token: graph.session.token }));
    show();
  };
  socket.onmessage = ({ data }) => (typeof data === "string" ? take(JSON.parse(data)) : draw(data));
  socket.onclose = ({ reason }) => {
    graph.problem = reason || "The connection to the console is lost; it is tried again.";
    graph.tab = "";
    setTimeout(connect, RETRY);
  };
}

function take(message) {
  if (message.type === "welcome") graph.tab = message.tab;
  else if (message.type === "state") {
    graph.state = message;
    graph.heardAt = performance.now();
    graph.problem = message.problem ?? "";
    for (const listener of graph.listeners) listener(message);
  } else for (const listener of graph.listeners) listener(graph.state ?? {}, message);
}

// A picture: length of the name, the name, its age (float32 [s]), the JPEG; see console/feed.py.
async function draw(data) {
  const came = performance.now();
  const view = new DataView(data);
  const length = view.getUint8(0);
  const camera = new TextDecoder().decode(new Uint8Array(data, 1, length));
  const age = view.getFloat32(1 + length, true);
  try {
    const bitmap = await createImageBitmap(new Blob([new Uint8Array(data, 5 + length)], { type: "image/jpeg" }));
    graph.cameras.get(camera)?.(bitmap, age + (performance.now() - came) / 1000);
    bitmap.close();
  } finally {
    send({ type: "drawn", camera });
  }
}

document.addEventListener("visibilitychange", show);
