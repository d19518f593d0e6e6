// The therapist's page. The queue is live; an admission opens the call and the note on this same page, with the camera
// open and the offer made beforehand, so that it starts at once. Forms still work where the socket does not.
import { Call } from "../lib/call.js";
import { alreadyAllowed, closeDevices, openDevices } from "../lib/devices.js";
import { newInstance, socketUrl, TabMemory } from "../lib/page.js";
import { PageSocket } from "../lib/page-socket.js";
import { playTone, unlockSound } from "../lib/sound.js";
import { phoneText } from "../lib/words.js";
import { startModules } from "../start.js";
import { CallView } from "./call-view.js";
import { find } from "./clock-view.js";
import { AFTER_PICTURE_MS, keepAwake, posted, showPreview, SIGNALS_MS } from "./live-page.js";
import { QueueView, write } from "./queue-view.js";

/**
 * The visit that is open on this page: what the head of the call shows.
 * @typedef {object} Mine
 * @property {string} visit
 * @property {string} name
 * @property {string} [state]
 * @property {string} [phone] E.164
 * @property {string} [location] one line
 * @property {string} [language]
 * @property {boolean} [interpreter]
 */
/**
 * @typedef {object} QueueData what a snapshot of kind "queue" holds
 * @property {import("./queue-view.js").Waiting[]} waiting
 * @property {Mine | null} mine
 * @property {boolean} on_duty
 * @property {string} [server_now]
 */

/** An admission that nobody answered by then goes the form's way. */
const ADMIT_MS = 4000;
const PREPARE_MS = 60_000;
/** The note is a large page: the first pictures go before it, but it does not wait for them longer than this. */
const NOTE_MS = 2000;
const LATER_MS = 500;

export default class Desk {
  /** @param {HTMLElement} element #desk */
  constructor(element) {
    this.element = element;
    this.version = -1;
    this.memory = new TabMemory("desk", { muted: false, cameraOff: false, devices: "" });
    // "" and not null: this page names its visit in every hello, once it has one
    this.socket = new PageSocket({ url: socketUrl(element.dataset.live ?? ""), instance: newInstance(), visit: element.dataset.visit ?? "" });
    this.call = new Call({ socket: this.socket, role: "therapist" });
    this.view = new CallView(find(element, "[data-call]"), this.call, this.memory, this.socket);
    this.call.addEventListener("state", () => this.call.state.media === "connected" && this.openAdmitted());
    this.queue = new QueueView(find(element, "[data-queue]"));
    /** Whose call has just begun, until the page shows it. @type {Mine | null} */
    this.admitted = null;
    this.dialog = /** @type {HTMLDialogElement} */ (find(element, "[data-end-dialog]"));
    this.setOffset(element.dataset.serverNow);
    this.socket.addEventListener("message", (event) => this.heard(/** @type {CustomEvent} */ (event).detail));
    this.socket.addEventListener("state", (event) => this.socketChanged(/** @type {CustomEvent<string>} */ (event).detail));
    document.addEventListener("submit", (event) => void this.submitted(event));
    element.addEventListener("click", (event) => this.pressed(event));
    keepAwake(this.socket);
    setInterval(() => this.prepare(), PREPARE_MS);
    this.socket.open();
    if (this.running() && element.dataset.visit) void this.openDevices();
    else if (this.onDuty()) void this.openIfAllowed();
    if (element.dataset.visit && find(element, "#note").dataset.loaded !== "yes") void this.loadNote();
  }

  async openIfAllowed() {
    if (await alreadyAllowed()) await this.openDevices();
  }

  running() {
    return ["admitted", "in_session"].includes(this.element.dataset.visitState ?? "");
  }

  onDuty() {
    return this.element.dataset.onDuty === "yes";
  }

  async openDevices() {
    if (this.view.stream) return;
    const devices = await openDevices();
    this.element.dataset.camera = devices.camera;
    this.element.dataset.microphone = devices.microphone;
    this.view.setStream(devices.stream);
    if (this.element.dataset.view === "queue") this.showOwnCamera(devices.stream);
    const [camera, microphone] = [devices.camera === "on", devices.microphone === "on"];
    const which = camera ? (microphone ? "on" : "video") : microphone ? "audio" : "none";
    for (const words of this.element.querySelectorAll("[data-camera-words]")) {
      if (words instanceof HTMLElement) words.hidden = words.dataset.cameraWords !== which;
    }
    find(this.element, "[data-preview-words]").hidden = camera;
    find(this.element, '[data-action="open-devices"]').hidden = which === "on";
    this.prepare();
  }

  /** The offer ahead of the admission; one that has become old is made again. */
  prepare() {
    if (this.onDuty() && !this.running()) this.call.prepare();
  }

  /** @param {{ type: string, kind?: string, version?: number, data?: QueueData, code?: string, about?: string, visit?: string }} message */
  heard(message) {
    if (message.type === "refused" && message.about === "admit") {
      clearTimeout(this.admitting);
      this.say(this.element.getAttribute(`data-text-${message.code}`) ?? this.element.dataset.textUnavailable ?? "");
    }
    if (message.type === "call" && message.visit && message.visit !== this.element.dataset.visit) {
      // the admission is done: the queue knows the name, the snapshot that follows says the rest
      this.admitted = { visit: message.visit, name: this.queue.name(message.visit) };
      setTimeout(() => this.openAdmitted(), SIGNALS_MS);
    }
    if (message.type === "welcome") {
      this.version = -1; // another connection, perhaps to a service that was restarted: it counts anew
    } else if (message.type === "clock") {
      const clock = /** @type {import("./clock-view.js").ClockMessage} */ (/** @type {unknown} */ (message));
      this.setOffset(clock.server_now);
      this.view.clock.update(clock);
      find(this.element, "[data-give-back]").hidden = !clock.give_back;
    } else if (message.type === "snapshot" && message.kind === "queue" && message.data) {
      if ((message.version ?? 0) < this.version) return;
      this.version = message.version ?? 0;
      this.told(message.data);
    }
  }

  openAdmitted() {
    const mine = this.admitted;
    this.admitted = null;
    if (mine && mine.visit !== this.element.dataset.visit && this.call.state.media !== "closed") this.openVisit(mine);
  }

  /** @param {QueueData} data */
  told(data) {
    this.setOffset(data.server_now);
    const first = this.element.dataset.told !== "yes";
    this.element.dataset.told = "yes";
    const fresh = this.queue.update(data.waiting);
    // never into a running visit: the tone would sound in the patient's ear
    if (fresh.length > 0 && !first && data.on_duty && !this.running()) playTone();
    this.duty(data.on_duty);
    if (data.mine) {
      if (data.mine.visit !== this.element.dataset.visit) this.openVisit(data.mine);
      else this.fillHead(data.mine);
      this.element.dataset.visitState = data.mine.state ?? "admitted";
    } else if (this.running()) {
      this.closeCall(data.waiting.some((one) => one.visit === this.element.dataset.visit));
    }
  }

  /**
   * A sentence that must be heard now.
   * @param {string} words
   */
  say(words) {
    const place = find(this.element, "[data-alert]");
    place.hidden = !words;
    find(place, "p").textContent = words;
  }

  /** @param {boolean} on */
  duty(on) {
    this.element.dataset.onDuty = on ? "yes" : "no";
    const pressed = document.activeElement?.closest("[data-duty-side]");
    for (const side of document.querySelectorAll("[data-duty-side]")) {
      if (!(side instanceof HTMLElement)) continue;
      side.hidden = (side.dataset.dutySide === "on") !== on;
      // the button that was pressed goes; whoever works by keyboard stays in its place
      if (pressed && pressed !== side && !side.hidden) side.querySelector("button")?.focus();
    }
    find(this.element, "[data-empty-on]").hidden = !on;
    find(this.element, "[data-empty-off]").hidden = on;
    find(this.element, "[data-off-duty-hint]").hidden = on || !find(this.element, "[data-empty]").hidden;
    if (this.view.stream) this.prepare(); // the camera was open before the answer came
  }

  /** @param {Mine} mine */
  openVisit(mine) {
    clearTimeout(this.admitting);
    this.say("");
    this.element.dataset.visit = mine.visit;
    this.element.dataset.visitState = mine.state ?? "admitted";
    this.fillHead(mine);
    for (const form of this.element.querySelectorAll("[data-visit-form]")) {
      if (form instanceof HTMLFormElement) form.action = this.address(form.dataset.visitForm);
    }
    this.show("visit");
    find(this.element, "[data-call-part]").hidden = false;
    find(this.element, "[data-over-part]").hidden = true;
    setTimeout(() => this.entitle(mine), LATER_MS);
    find(this.element, ".patient-name").focus();
    void this.openDevices();
    this.loadNoteSoon();
  }

  /**
   * The window's title and address: a reload comes back to this visit.
   * @param {Mine} mine
   */
  entitle(mine) {
    if (this.element.dataset.visit !== mine.visit) return;
    document.title = [mine.name, ...document.title.split(" – ").slice(1)].join(" – ");
    history.replaceState(null, "", this.address(this.element.dataset.visitUrl));
  }

  /** @param {Mine} mine */
  fillHead(mine) {
    const language = mine.language ? (this.queue.element.getAttribute(`data-language-${mine.language}`) ?? mine.language) : "";
    /** @type {Record<string, string | undefined>} */
    const words = {
      name: mine.name,
      phone: mine.phone && phoneText(mine.phone),
      location: mine.location,
      language: mine.interpreter ? `${language}, ${this.queue.text("interpreter")}` : language,
    };
    // the head of the call and the line after it; the note's fields have names of their own under the same attribute
    for (const field of this.element.querySelectorAll(":is([data-call-part], [data-over-part]) [data-field]")) {
      if (!(field instanceof HTMLElement)) continue;
      const value = words[field.dataset.field ?? ""];
      write(field, value ?? ""); // nothing of the visit before may stay
      if (field instanceof HTMLAnchorElement) field.href = `tel:${mine.phone ?? ""}`;
    }
  }

  /**
   * The call is over, or the patient waits again.
   * @param {boolean} waitsAgain
   */
  closeCall(waitsAgain) {
    // one that is about the call, left open in a part that goes, would hold the whole page
    for (const one of this.element.querySelectorAll("dialog[open]")) if (one instanceof HTMLDialogElement) one.close();
    this.view.clear();
    this.element.dataset.visitState = waitsAgain ? "waiting" : "ended";
    if (waitsAgain) {
      this.element.dataset.visit = "";
      find(this.element, "#note").replaceChildren();
      history.replaceState(null, "", this.element.dataset.desk ?? "");
      this.show("queue");
    } else {
      find(this.element, "[data-call-part]").hidden = true;
      find(this.element, "[data-over-part]").hidden = false;
      find(this.element, "#note").focus();
    }
    this.prepare();
  }

  /** @param {MediaStream | null} stream */
  showOwnCamera(stream) {
    showPreview(/** @type {HTMLVideoElement} */ (find(this.element, "[data-own-camera] video")), stream);
  }

  /** @param {"queue" | "visit"} view */
  show(view) {
    this.element.dataset.view = view;
    document.body.classList.toggle("visit-open", view === "visit");
    this.showOwnCamera(view === "queue" ? this.view.stream : null);
    for (const part of this.element.querySelectorAll("[data-part]")) {
      if (part instanceof HTMLElement) part.hidden = part.dataset.part !== view;
    }
  }

  /** The note of a visit that has just been opened: after the first picture. */
  loadNoteSoon() {
    const place = find(this.element, "#note");
    const waiting = document.createElement("p");
    waiting.className = "soft";
    waiting.textContent = place.dataset.textLoading ?? "";
    place.replaceChildren(waiting); // never the note of the visit before
    place.dataset.loaded = "no";
    const picture = this.view.remote;
    clearTimeout(this.noteTimer);
    this.noteTimer = setTimeout(() => void this.loadNote(), NOTE_MS);
    picture.onloadeddata = () => {
      picture.onloadeddata = null;
      if (place.dataset.loaded === "yes") return;
      clearTimeout(this.noteTimer);
      this.noteTimer = setTimeout(() => void this.loadNote(), AFTER_PICTURE_MS);
    };
  }

  async loadNote() {
    clearTimeout(this.noteTimer);
    const place = find(this.element, "#note");
    const visit = this.element.dataset.visit;
    try {
      const answer = await fetch(this.address(this.element.dataset.noteUrl), { headers: { Accept: "text/html" } });
      if (!answer.ok) throw new Error(`the note answered ${answer.status}`);
      const html = await answer.text();
      if (this.element.dataset.visit !== visit) return;
      const template = document.createElement("template");
      template.innerHTML = html;
      place.replaceChildren(template.content);
      place.dataset.loaded = "yes";
      await startModules(place);
    } catch (error) {
      console.error("the note did not load", error);
      const failed = this.element.querySelector("template[data-note-failed]");
      if (failed instanceof HTMLTemplateElement) place.replaceChildren(failed.content.cloneNode(true));
    }
  }

  /** @param {SubmitEvent} event */
  async submitted(event) {
    const form = /** @type {HTMLFormElement} */ (event.target);
    if (form.matches("[data-admit]")) {
      this.admit(event, form);
    } else if (form.matches("[data-duty], [data-end], [data-give-back]")) {
      event.preventDefault();
      unlockSound();
      const body = new URLSearchParams();
      for (const [name, value] of new FormData(form, event.submitter)) body.append(name, String(value));
      this.dialog.close();
      if (!(await posted(form.action, body))) location.reload(); // the server's page says what is true
      else if (form.matches("[data-duty]") && body.get("on") === "yes") void this.openDevices();
    }
  }

  /**
   * Over the socket where it is open: one round trip less than a form.
   * @param {SubmitEvent} event
   * @param {HTMLFormElement} form
   */
  admit(event, form) {
    if (this.element.dataset.socket !== "open") return;
    event.preventDefault();
    const row = form.closest("[data-visit-row]");
    if (!(row instanceof HTMLElement)) return;
    this.call.admit(row.dataset.visitRow ?? "");
    clearTimeout(this.admitting);
    this.admitting = setTimeout(() => form.isConnected && form.submit(), ADMIT_MS);
  }

  /** @param {Event} event */
  pressed(event) {
    const button = event.target instanceof Element ? event.target.closest("[data-action]") : null;
    switch (button instanceof HTMLElement ? button.dataset.action : "") {
      case "open-devices":
        unlockSound();
        void this.openDevices();
        break;
      case "ask-end":
        this.dialog.showModal();
        break;
      case "go-on":
        this.dialog.close();
        break;
      case "take-over":
        location.reload();
        break;
      case "load-note":
        void this.loadNote();
        break;
    }
  }

  /** @param {string} state */
  socketChanged(state) {
    this.element.dataset.socket = state;
    const line = find(this.element, "[data-connection]");
    line.hidden = state !== "lost";
    line.textContent = state === "lost" ? (line.dataset.textLost ?? "") : "";
    if (state === "superseded") this.stepBack();
    if (state === "refused") location.reload(); // signed out: the server's page asks
  }

  /** A newer window of the same therapist has the desk: this one lets go of the camera and offers to take it back. */
  stepBack() {
    closeDevices(this.view.stream);
    this.view.setStream(null);
    this.view.clear();
    this.dialog.close();
    const dialog = /** @type {HTMLDialogElement} */ (find(this.element, "[data-superseded-dialog]"));
    dialog.addEventListener("cancel", (event) => event.preventDefault());
    dialog.showModal();
  }

  /** @param {string | undefined} serverNow */
  setOffset(serverNow) {
    if (serverNow) this.queue.offset = Date.parse(serverNow) - Date.now();
  }

  /** @param {string | undefined} pattern with VISIT in the place of the id */
  address(pattern) {
    return (pattern ?? "").replace("VISIT", encodeURIComponent(this.element.dataset.visit ?? ""));
  }
}
