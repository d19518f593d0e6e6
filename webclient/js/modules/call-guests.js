// One tile for each third person of a call: picture, who it is, and what does not work.
import { fill } from "../lib/words.js";
import { find } from "./clock-view.js";

/** @typedef {import("../lib/thirds.js").Third} Third */

export class CallGuests {
  /**
   * @param {HTMLElement} element the one with [data-call]
   * @param {import("../lib/call.js").Call} call
   */
  constructor(element, call) {
    this.element = element;
    this.call = call;
    this.list = find(element, "[data-guest-tiles]");
    this.spoken = find(element, "[data-guests-spoken]");
    this.template = /** @type {HTMLTemplateElement} */ (find(element, "template[data-guest-tile]"));
    /** @type {Map<string, HTMLElement>} */
    this.tiles = new Map();
    call.thirds.addEventListener("change", () => this.render());
  }

  render() {
    const all = this.call.thirds.list;
    const here = new Set(all.map(({ instance }) => instance));
    for (const [instance, tile] of this.tiles) {
      if (here.has(instance)) continue;
      /** @type {HTMLVideoElement} */ (find(tile, "video")).srcObject = null;
      this.say("gone", find(tile, "[data-guest-name]").textContent ?? "");
      tile.remove();
      this.tiles.delete(instance);
    }
    for (const third of all) this.show(third);
    this.list.hidden = all.length === 0;
    if (this.element.dataset.guests === String(all.length)) return;
    this.element.dataset.guests = String(all.length);
    this.element.dispatchEvent(new CustomEvent("guests-changed", { bubbles: true }));
  }

  /** @param {Third} third */
  show(third) {
    const known = this.tiles.get(third.instance);
    const tile = known ?? this.add(third.instance);
    const video = /** @type {HTMLVideoElement} */ (find(tile, "video"));
    const name = this.text(third.role !== "guest" ? third.role : third.kind === "therapist" ? "second" : (third.kind ?? "carer"));
    tile.dataset.role = third.role;
    tile.dataset.mediaState = third.media;
    video.setAttribute("aria-label", name);
    if (!known) this.say("came", name);
    if (video.srcObject !== third.stream) {
      video.srcObject = third.stream;
      if (third.stream) void this.play();
    }
    write(find(tile, "[data-guest-name]"), name);
    write(find(tile, "[data-guest-state]"), this.state(third));
    tile.dataset.dark = third.cameraOff || third.media !== "connected" ? "yes" : "no";
  }

  /** @param {Third} third */
  state({ media, present, muted, cameraOff }) {
    if (media !== "connected") return this.text(media === "reconnecting" ? "reconnecting" : "connecting");
    if (!present) return this.text("away");
    return [cameraOff && this.text("camera-off"), muted && this.text("muted")].filter(Boolean).join(", ");
  }

  /** Sound needs a person's press in some browsers: then the call's one big button says so. */
  async play() {
    const button = find(this.element, "[data-play]");
    const videos = [...this.element.querySelectorAll("video")].filter((video) => video.srcObject);
    const results = await Promise.allSettled(videos.map((video) => video.play()));
    // AbortError: a newer stream took its place, whose own attempt follows
    const blocked = results.some((one) => one.status === "rejected" && one.reason?.name === "NotAllowedError");
    if (blocked || this.element.dataset.guestBlocked === "yes") button.hidden = !blocked;
    this.element.dataset.guestBlocked = blocked ? "yes" : "no";
  }

  /**
   * One standing place speaks: a tile that comes with its words in it, or goes with them, is not heard.
   * @param {"came" | "gone"} what
   * @param {string} name
   */
  say(what, name) {
    this.spoken.textContent = fill(this.text(what), { name });
  }

  /** @param {string} instance */
  add(instance) {
    const tile = /** @type {HTMLElement} */ (/** @type {Element} */ (this.template.content.firstElementChild).cloneNode(true));
    this.tiles.set(instance, tile);
    this.list.append(tile);
    return tile;
  }

  /** @param {string} name */
  text(name) {
    return this.list.getAttribute(`data-text-${name}`) ?? "";
  }
}

/**
 * @param {HTMLElement} place
 * @param {string} words a live region speaks only of what has changed
 */
function write(place, words) {
  if (place.textContent !== words) place.textContent = words;
}
