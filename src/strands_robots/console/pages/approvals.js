// Approvals: what agents ask for, in words and as it is, and a person's signed decision about exactly that.

import { h, Kept, say } from "./dom.js";
import { order } from "./graph.js";

export const title = "Approvals";

export function open(main) {
  const words = h("p", { role: "status" });
  const list = h("div", {});
  main.append(words, list);
  const kept = new Kept(list, (request) => new RequestCard(request));
  return {
    update({ approvals }) {
      const requests = approvals?.requests ?? [];
      if (!approvals) say(words, "No approval_node is heard. Start the graph with --approvals.");
      else if (!approvals.can_approve) say(words, "approval_node has no keyring: requests can be read here, and nobody can approve.");
      else say(words, requests.length ? "" : "Nothing waits for a decision.");
      kept.update(requests, (request) => request.id, (card, request) => card.update(request));
    },
    end() {},
  };
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
    this.element = h("section", { class: "card", "aria-label": `Request ${request.id}` },
      h("h2", {}, `${request.asker} asks for ${request.name}`), this.left,
      h("ul", {}, request.words.map((line) => h("li", {}, line))),
      h("details", {}, h("summary", {}, "Every field, and the hash that is signed"), h("pre", {}, JSON.stringify(JSON.parse(request.fields), null, 1)), h("pre", {}, request.digest)),
      h("div", { class: "row" },
        h("div", {}, h("label", { for: `${id}-text` }, "Why, for the audit log"), this.text),
        h("div", {}, h("label", { for: `${id}-passphrase` }, "Passphrase of your key"), this.passphrase),
        h("button", { type: "button", class: "primary", onclick: decide(true) }, "Approve once"),
        h("button", { type: "button", onclick: decide(false) }, "Decline")),
      this.said);
  }

  update(request) {
    say(this.left, `${request.type}; ${request.rule}; ${Math.max(request.left ?? 0, 0).toFixed(0)} s left`);
  }
}
