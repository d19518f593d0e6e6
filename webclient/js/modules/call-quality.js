// How good the connection is, in a shape and words; and "sound only" where the network does not carry a picture.
import { TabMemory } from "../lib/page.js";
import { QualityWatch } from "../lib/quality-watch.js";
import { find } from "./clock-view.js";
import { write } from "./queue-view.js";

/** @typedef {import("./call-view.js").CallView} CallView */

/** @type {Record<string, string>} */
const KINDS = { good: "good", weak: "soon", lost: "danger" };

export class CallQuality {
  /**
   * @param {CallView} view
   * @param {import("../lib/page-socket.js").PageSocket} socket
   */
  constructor(view, socket) {
    this.view = view;
    this.watch = new QualityWatch({ call: view.call, socket });
    this.link = find(view.element, "[data-link]");
    this.weakLine = find(view.element, "[data-weak-line]");
    this.soundLine = find(view.element, "[data-sound-line]");
    this.memory = new TabMemory("sound only", { visit: "", on: false });
    this.visit = "";
    /** The person has closed the hint; it comes back with the next weak time. */
    this.closed = false;
    this.peer = "";
    this.asked = false;
    this.watch.addEventListener("state", () => this.changed());
    view.element.addEventListener("click", (event) => this.pressed(event));
    socket.addEventListener("message", (event) => this.heard(/** @type {CustomEvent} */ (event).detail));
  }

  /** This person wants no pictures. */
  get own() {
    return this.memory.values.on && this.memory.values.visit === this.visit && this.visit !== "";
  }

  /** One of the two wants no pictures. */
  get soundOnly() {
    return this.own || this.view.call.state.peer.soundOnly;
  }

  /** @param {Event} event */
  pressed(event) {
    const button = event.target instanceof Element ? event.target.closest("[data-action]") : null;
    const action = button instanceof HTMLElement ? button.dataset.action : "";
    if (action === "weak-close") this.closed = true;
    else if (action === "sound-only") this.memory.set({ visit: this.visit, on: !this.own });
    else return;
    this.view.apply();
    if (button && !button.checkVisibility()) find(this.view.element, '.call-controls [data-action="mute"]').focus();
  }

  /** @param {any} message a server message */
  heard(message) {
    if (message.type === "ended") {
      this.visit = "";
      this.peer = "";
      this.view.apply();
    }
    if (message.type !== "call") return;
    this.peer = message.peer_quality ?? "";
    const another = message.visit !== this.visit;
    this.visit = message.visit;
    if (another) this.view.apply();
    else this.render();
  }

  changed() {
    if (this.watch.state !== "weak") this.closed = false;
    this.render();
  }

  /** From the view's `apply`: mute, camera, phone and this belong together. */
  apply() {
    const { call, phone, element } = this.view;
    call.tell({ soundOnly: this.own });
    this.watch.picture = !this.soundOnly && !phone.on;
    this.watch.counting = !phone.on;
    this.view.side("sound-only", !this.own);
    const still = this.soundOnly || phone.on; // no picture goes out: neither a camera's nor a screen's
    if (still) this.view.share.stop();
    for (const button of element.querySelectorAll('[data-action="share"], [data-action="pip"], .call-controls [data-action="camera"]')) {
      if (button instanceof HTMLButtonElement) button.disabled = still;
    }
    element.dataset.soundOnly = this.own ? "own" : this.soundOnly ? "peer" : "";
    this.view.render();
  }

  render() {
    const { call, phone, element } = this.view;
    const { media, path, peer } = call.state;
    if (peer.soundOnly !== this.asked) {
      this.asked = peer.soundOnly; // the other side wants, or no longer wants, sound alone
      return this.view.apply();
    }
    const text = (/** @type {string} */ name) => this.link.getAttribute(`data-text-${name}`) ?? "";
    const state = media === "connected" ? this.watch.state : null;
    const kind = phone.on ? "neutral" : state ? KINDS[state] : media === "connected" ? "good" : media === "reconnecting" ? "soon" : "neutral";
    const words = phone.on ? text("phone") : text(state ?? (media === "idle" ? "connecting" : media));
    const way = path && media === "connected" && !phone.on ? text(path) : "";
    write(this.link, way ? `${words}, ${way}` : words);
    this.link.className = `call-link state state-${kind}`;
    element.dataset.quality = state ?? "";
    const hint = this.weakLine.hidden === true;
    this.weakLine.hidden = phone.on || this.soundOnly || this.closed || state !== "weak";
    if (hint && !this.weakLine.hidden) this.view.say(find(this.weakLine, "p").textContent ?? "");
    this.soundLine.hidden = phone.on || !this.soundOnly || media === "closed";
    for (const line of this.soundLine.querySelectorAll("[data-sound-of]")) {
      if (line instanceof HTMLElement) line.hidden = line.dataset.soundOf !== (this.own ? "own" : "peer");
    }
    const chip = element.querySelector("[data-peer-quality]");
    if (!(chip instanceof HTMLElement)) return;
    chip.hidden = phone.on || !peer.present || (this.peer !== "weak" && this.peer !== "lost");
    for (const line of chip.querySelectorAll("[data-peer-state]")) {
      if (line instanceof HTMLElement) line.hidden = line.dataset.peerState !== this.peer;
    }
  }
}
