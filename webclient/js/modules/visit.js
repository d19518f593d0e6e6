// The patient's page: check, waiting room, call, all on one page and one socket, so that the call starts the moment the
// therapist admits. What comes after a visit is the server's page.
import { Call } from "../lib/call.js";
import { closeDevices, openDevices } from "../lib/devices.js";
import { newInstance, socketUrl, TabMemory } from "../lib/page.js";
import { PageSocket } from "../lib/page-socket.js";
import { unlockSound } from "../lib/sound.js";
import { fill } from "../lib/words.js";
import { CallView } from "./call-view.js";
import { find } from "./clock-view.js";
import { DeviceCheck } from "./device-check.js";
import { keepAwake, sent, SIGNALS_MS } from "./live-page.js";
import { write } from "./queue-view.js";
import { WaitingCall } from "./waiting-call.js";
import { WaitingMessages } from "./waiting-messages.js";
import { WaitingView } from "./waiting-view.js";
import { wakeAtOnce } from "./waiting-wake.js";

/** @typedef {import("../lib/devices.js").Devices} Devices */
/**
 * @typedef {import("./waiting-view.js").WaitingData & {
 *   state: string, therapist_name?: string | null, after?: { summary?: boolean } }} VisitData what a snapshot of kind "visit" holds
 */

/** @type {Record<string, string>} */
const VIEWS = { checking: "checking", waiting: "waiting", admitted: "call", in_session: "call" };
const SUMMARY_MS = 15_000;
const LATER_MS = 500;

export default class Visit {
  /** @param {HTMLElement} element #visit */
  constructor(element) {
    this.element = element;
    this.version = -1;
    this.readySent = false;
    this.site = document.title.split(" – ").pop();
    this.anew = new TabMemory("loaded anew", { yes: false });
    if (this.anew.values.yes) this.goOnReading();
    this.socket = new PageSocket({ url: socketUrl(element.dataset.live ?? ""), instance: newInstance() });
    this.socket.addEventListener("message", (event) => this.heard(/** @type {CustomEvent} */ (event).detail));
    this.socket.addEventListener("state", (event) => this.socketChanged(/** @type {CustomEvent<string>} */ (event).detail));
    if (element.dataset.view !== "over") this.beforeTheEnd();
    else if (element.dataset.visitState === "ended" && element.dataset.summary === "no") setInterval(() => void this.lookForSummary(), SUMMARY_MS);
    keepAwake(this.socket);
    wakeAtOnce(this.socket, () => this.element.dataset.view !== "call");
    this.socket.open();
  }

  /** Loads the page by itself. Whoever works by keyboard, or listens, goes on at its heading. */
  loadAnew() {
    this.element.dispatchEvent(new CustomEvent("visit:closing"));
    this.anew.set({ yes: true });
    location.reload();
  }

  goOnReading() {
    this.anew.set({ yes: false });
    const heading = [...this.element.querySelectorAll("h1")].find((one) => !one.closest("[hidden]"));
    if (!heading) return;
    heading.tabIndex = -1;
    heading.focus({ preventScroll: true });
  }

  /** Everything that a visit that is over does not need. */
  beforeTheEnd() {
    this.memory = new TabMemory(`visit ${location.pathname}`, { muted: false, cameraOff: false, devices: "" });
    this.call = new Call({ socket: this.socket, role: "patient" });
    this.view = new CallView(find(this.element, "[data-call]"), this.call, this.memory, this.socket);
    this.check = new DeviceCheck(find(this.element, '[data-view-of="checking"]'), (devices) => this.use(devices));
    const waitingRoom = find(this.element, '[data-view-of="waiting"]');
    this.waiting = new WaitingView(waitingRoom);
    this.calling = new WaitingCall(waitingRoom, () => this.call?.state.media === "connected");
    const messages = this.element.querySelector("[data-messages]");
    if (messages instanceof HTMLElement) this.messages = new WaitingMessages(messages);
    const form = find(this.element, "[data-ready]");
    form.addEventListener("submit", (event) => void this.ready(/** @type {SubmitEvent} */ (event)));
    this.element.addEventListener("click", (event) => this.pressed(event));
    this.dialog = /** @type {HTMLDialogElement} */ (find(this.element, "[data-leave-dialog]"));
    this.call.addEventListener("state", () => {
      // the call's own word comes before the snapshot: the picture is on its way
      const media = () => this.call?.state.media ?? "";
      if (media() === "connected") this.show("call");
      else if (media() === "connecting") setTimeout(() => media() === "connecting" && this.show("call"), SIGNALS_MS);
    });
    this.call.prepare();
    if (this.element.dataset.view === "checking") void this.check.openIfAllowed();
    else void this.reopen();
  }

  /** After a reload: the same camera and microphone as before it. */
  async reopen() {
    const before = this.memory?.values.devices || "both";
    if (before === "none") return;
    this.use(await openDevices({ camera: before !== "audio", microphone: before !== "video" }));
  }

  /** @param {Devices} devices */
  use(devices) {
    this.element.dataset.camera = devices.camera;
    this.element.dataset.microphone = devices.microphone;
    this.view?.setStream(devices.stream);
    this.waiting?.showSelf(devices);
  }

  /**
   * "I'm ready", with whatever works. The page stays, so the camera stays open.
   * @param {SubmitEvent} event
   */
  async ready(event) {
    event.preventDefault();
    const form = /** @type {HTMLFormElement} */ (event.target);
    const submitter = event.submitter instanceof HTMLButtonElement ? event.submitter : null;
    const failed = find(form, "[data-ready-failed]");
    let wanted = submitter?.value ?? "both";
    void unlockSound();
    const devices = this.check?.devices;
    if (wanted === "audio" && devices && (devices.camera === "on" || devices.microphone !== "on")) {
      const opened = await this.check?.open({ camera: false });
      if (!opened?.stream) return; // the check now says why, and offers to join without both
    }
    if (wanted === "both" && devices?.microphone !== "on") wanted = "video";
    this.memory?.set({ devices: wanted });
    const body = new URLSearchParams();
    for (const [name, value] of new FormData(form)) body.append(name, String(value));
    body.set("devices", wanted);
    if (submitter) submitter.disabled = true;
    this.readySent = true;
    failed.hidden = true;
    const answer = await sent(form.action, body);
    if (answer === "taken") {
      this.check?.done();
      this.state("waiting");
      return;
    }
    this.readySent = false;
    if (submitter) submitter.disabled = false;
    if (answer === "refused") return this.loadAnew(); // the server's page says what is true
    failed.hidden = false; // not reached: the camera stays open, and the person presses again
    failed.textContent = failed.dataset.textFailed ?? "";
  }

  /** @param {{ type: string, kind?: string, version?: number, data?: any }} message */
  heard(message) {
    if (message.type === "welcome") {
      this.messages?.welcome();
      this.version = -1; // another connection, perhaps to a service that was restarted: it counts anew
    } else if (message.type === "clock") {
      this.view?.clock.update(/** @type {import("./clock-view.js").ClockMessage} */ (/** @type {unknown} */ (message)));
    } else if (message.type === "snapshot" && message.kind === "messages") {
      this.messages?.heard(message);
    } else if (message.type === "snapshot" && message.data && (message.kind === "visit" || message.kind === "waiting")) {
      if ((message.version ?? 0) < this.version) return;
      this.version = message.version ?? 0;
      this.told(message.data);
    }
  }

  /** @param {VisitData} data */
  told(data) {
    if (data.state === "checking" && this.readySent) return; // sent before our "I'm ready" arrived
    if (this.element.dataset.view === "over") {
      const summaryCame = data.after?.summary === true && this.element.dataset.summary === "no";
      if (data.state !== this.element.dataset.visitState || summaryCame) this.loadAnew();
      return;
    }
    this.state(data.state);
    if (data.state === "waiting") this.waiting?.show(data);
    const sharing = this.element.querySelector("[data-sharing-words]");
    if (sharing instanceof HTMLElement && data.therapist_name) write(sharing, fill(sharing.dataset.textNamed ?? "", { name: data.therapist_name }));
  }

  /** Events get lost: the page also asks. It loads anew only when there is something new to read. */
  async lookForSummary() {
    try {
      const page = await (await fetch(location.href, { headers: { Accept: "text/html" } })).text();
      if (page.includes('data-summary="yes"')) this.loadAnew();
    } catch {
      // the next time
    }
  }

  /** @param {string} state */
  state(state) {
    const earlier = this.element.dataset.visitState;
    this.element.dataset.visitState = state;
    const view = VIEWS[state];
    if (!view) {
      closeDevices(this.view?.stream ?? null);
      this.view?.setStream(null);
      this.loadAnew(); // the server's page says what happened and what to do now
      return;
    }
    if (state === "waiting" && VIEWS[earlier ?? ""] === "call") this.view?.clear();
    if (this.element.dataset.view !== "out") this.show(view);
    if (view === "call" && VIEWS[earlier ?? ""] === "waiting") {
      this.element.dispatchEvent(new CustomEvent("visit:flush")); // the last answers reach the therapist's note
      this.calling?.ring();
    } else if (view !== "call") {
      this.calling?.stop();
    }
  }

  /** @param {string} name */
  show(name) {
    if (this.element.dataset.view === name || this.element.dataset.view === "superseded") return;
    this.element.dataset.view = name;
    document.body.classList.toggle("in-call", name === "call");
    document.body.classList.toggle("stage", name === "call");
    for (const section of this.element.querySelectorAll("[data-view-of]")) {
      if (!(section instanceof HTMLElement)) continue;
      section.hidden = section.dataset.viewOf !== name;
      if (section.hidden) continue;
      // The browser's own window is slow: its title can wait for the call's first picture.
      setTimeout(() => this.entitle(section), name === "call" ? LATER_MS : 0);
      section.querySelector("h1")?.focus();
    }
    scrollTo(0, 0);
    this.waiting?.preview(name === "waiting" ? (this.view?.stream ?? null) : null);
  }

  /** @param {HTMLElement} section */
  entitle(section) {
    if (section.hidden) return;
    if (section.dataset.title) document.title = `${section.dataset.title} – ${this.site}`;
    if (this.element.dataset.view === "call") void navigator.wakeLock?.request("screen").catch(() => undefined);
  }

  /** @param {string} state */
  socketChanged(state) {
    this.element.dataset.socket = state;
    const line = this.element.querySelector("[data-connection]");
    if (line instanceof HTMLElement) {
      line.hidden = state !== "lost";
      line.textContent = state === "lost" ? (line.dataset.textLost ?? "") : "";
    }
    if (this.element.dataset.view === "over") return;
    if (state === "superseded") {
      this.element.dispatchEvent(new CustomEvent("visit:flush")); // nothing that was typed here is lost
      closeDevices(this.view?.stream ?? null);
      this.view?.setStream(null);
      this.show("superseded");
    } else if (state === "refused") {
      this.loadAnew(); // no longer proved, or no such visit: the server's page says which
    }
  }

  /** @param {Event} event */
  pressed(event) {
    const button = event.target instanceof Element ? event.target.closest("[data-action]") : null;
    switch (button instanceof HTMLElement ? button.dataset.action : "") {
      case "ask-leave":
        this.dialog?.showModal();
        break;
      case "stay":
        this.dialog?.close();
        break;
      case "leave":
        this.dialog?.close();
        this.call?.leave();
        this.socket.close();
        closeDevices(this.view?.stream ?? null);
        this.view?.setStream(null);
        this.show("out");
        break;
      case "return":
      case "reload":
        location.reload();
        break;
    }
  }
}
