// Camera and microphone on the call's page: what is gone is said plainly, with what to do, and the call goes on.
import { settings } from "../lib/call-settings.js";
import { OwnDevices } from "../lib/own-devices.js";
import { fill } from "../lib/words.js";
import { keepFocus } from "./call-focus.js";
import { find } from "./clock-view.js";
import { deviceHelp } from "./device-help.js";

/** @typedef {import("./call-view.js").CallView} CallView */
/** @typedef {import("../lib/own-devices.js").Kind} Kind */
/** @typedef {import("../lib/devices.js").DeviceState} DeviceState */

export class CallDevices {
  /** @param {CallView} view */
  constructor(view) {
    this.view = view;
    this.line = find(view.element, "[data-device-line]");
    this.own = new OwnDevices(settings);
    /** What the line is about. @type {Map<Kind, { what: "lost" | "failed" | "taken", reason: DeviceState | "" }>} */
    this.problems = new Map();
    this.own.addEventListener("change", () => this.changed());
    this.own.addEventListener("lost", (event) => {
      const { kind, reason } = /** @type {CustomEvent<{ kind: Kind, reason: DeviceState }>} */ (event).detail;
      this.say(kind, "lost", reason);
    });
    this.own.addEventListener("moved", (event) => {
      const { kind, label } = /** @type {CustomEvent<{ kind: Kind, label: string }>} */ (event).detail;
      view.clock.notice("device", fill(this.line.getAttribute(`data-text-moved-${kind}`) ?? "", { device: label }));
    });
    view.element.addEventListener("click", (event) => this.pressed(event));
  }

  changed() {
    this.view.setStream(this.own.stream);
    for (const [kind, { what }] of this.problems) if (what !== "taken" && this.own.works(kind)) this.solved(kind);
  }

  /** @param {Event} event */
  pressed(event) {
    const button = event.target instanceof Element ? event.target.closest("[data-action]") : null;
    const action = button instanceof HTMLElement ? button.dataset.action : "";
    if (action === "device-again") for (const kind of [...this.problems.keys()]) void this.again(kind);
    else if (action === "device-close") this.forget();
  }

  /** @param {Kind} kind */
  async again(kind) {
    // live is no proof that it gives anything: after a phone call it may be dead
    const state = this.own.works(kind) ? await this.own.renew(kind) : await this.own.turnOn(kind);
    if (state !== "on") this.say(kind, "failed", state);
    else if (this.own.track(kind)?.muted) this.say(kind, "taken"); // opened, and the system still gives nothing
    else this.working(kind);
  }

  /**
   * It works now, and will after a reload: also for who went in without.
   * @param {Kind} kind
   */
  working(kind) {
    const { memory } = this.view;
    const [camera, microphone] = [this.own.works("camera"), this.own.works("microphone")];
    if (memory.values.devices) memory.set({ devices: camera ? (microphone ? "both" : "video") : "audio" });
    this.solved(kind);
  }

  /**
   * @param {Kind} kind
   * @returns {Promise<boolean>}
   */
  async turnOn(kind) {
    const state = await this.own.turnOn(kind);
    if (state === "on") this.working(kind);
    else this.say(kind, "failed", state);
    return state === "on";
  }

  /**
   * @param {Kind} kind
   * @param {"lost" | "failed" | "taken"} what
   * @param {DeviceState | ""} [reason]
   */
  say(kind, what, reason = "") {
    this.problems.set(kind, { what, reason });
    this.render();
  }

  /** @param {Kind} kind */
  solved(kind) {
    if (this.problems.delete(kind)) this.render();
  }

  /** @param {Kind} kind */
  givenBack(kind) {
    if (this.problems.get(kind)?.what === "taken") this.solved(kind);
  }

  /** The person has read it, or the call is over. */
  forget() {
    this.problems.clear();
    this.render();
  }

  render() {
    const [[kind, problem] = [null, null]] = this.problems;
    const inside = this.line.contains(document.activeElement);
    if (kind && problem) {
      const about = this.problems.size > 1 ? "both" : kind;
      find(this.line, "[data-line-title]").textContent = this.line.getAttribute(`data-text-${problem.what}-${about}`);
      find(this.line, "[data-line-help]").textContent = deviceHelp(problem.reason || problem.what);
      this.line.dataset.about = about;
      this.line.dataset.reason = problem.reason || problem.what;
    }
    this.line.hidden = !problem;
    // the focus must not fall out of the page with the line
    if (inside && !problem) keepFocus(this.view);
  }
}
