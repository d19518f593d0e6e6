// The therapist's page. The queue is live; an admission opens the call and the note on this same page, with the camera
// open and the offer made beforehand, so that it starts at once. Forms still work where the socket does not.
import { settings } from "../lib/call-settings.js";
import { Call } from "../lib/call.js";
import { alreadyAllowed, closeDevices, openDevices } from "../lib/devices.js";
import { newInstance, socketUrl, TabMemory } from "../lib/page.js";
import { PageSocket } from "../lib/page-socket.js";
import { DESK_SHORTCUTS, shortcutOf } from "../lib/shortcuts.js";
import { unlockSound } from "../lib/sound.js";
import { fill, phoneText } from "../lib/words.js";
import { CallView } from "./call-view.js";
import { find } from "./clock-view.js";
import { DeskActs } from "./desk-acts.js";
import { DeskAlerts } from "./desk-alerts.js";
import { DeskDuty } from "./desk-duty.js";
import { DeskNote } from "./desk-note.js";
import { TodayView } from "./desk-today.js";
import { keepAwake, sent, showPreview, SIGNALS_MS } from "./live-page.js";
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
 * @property {string | null} [hand_over]
 */
/**
 * @typedef {object} QueueData what a snapshot of kind "queue" holds
 * @property {import("./queue-view.js").Waiting[]} waiting
 * @property {number} more
 * @property {import("./queue-view.js").Next | null} next
 * @property {import("./desk-today.js").Slot[]} today
 * @property {"on" | "break" | "last" | "off"} duty
 * @property {Mine | null} mine
 * @property {boolean} on_duty
 * @property {string} [server_now]
 */

/** An admission that nobody answered by then goes the form's way. */
const ADMIT_MS = 4000;
const PREPARE_MS = 60_000;
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
    this.today = new TodayView(find(element, "[data-today]"));
    this.alerts = new DeskAlerts(element);
    this.duty = new DeskDuty(element, () => void this.openDevices(), (words) => this.say(words));
    this.acts = new DeskActs(element, (act, visit) => this.acted(act, visit));
    this.note = new DeskNote(find(element, "#note"), {
      visit: () => element.dataset.visit ?? "",
      url: () => this.address(element.dataset.noteUrl),
      picture: this.view.remote,
      failed: element.querySelector("template[data-note-failed]"),
    });
    /** A visit that this page has just given away. */
    this.givenAway = "";
    /** Whose call has just begun, until the page shows it. @type {Mine | null} */
    this.admitted = null;
    this.dialog = /** @type {HTMLDialogElement} */ (find(element, "[data-end-dialog]"));
    this.setOffset(element.dataset.serverNow);
    this.socket.addEventListener("message", (event) => this.heard(/** @type {CustomEvent} */ (event).detail));
    this.socket.addEventListener("state", (event) => this.socketChanged(/** @type {CustomEvent<string>} */ (event).detail));
    document.addEventListener("submit", (event) => void this.submitted(event));
    document.addEventListener("keydown", (event) => this.keyed(event));
    element.addEventListener("click", (event) => this.pressed(event));
    keepAwake(this.socket);
    setInterval(() => this.prepare(), PREPARE_MS);
    this.socket.open();
    if (this.running() && element.dataset.visit) void this.openDevices();
    else if (this.onDuty()) void this.openIfAllowed();
    if (element.dataset.visit && find(element, "#note").dataset.loaded !== "yes") void this.note.load();
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
    this.queue.update(data.waiting, data.more, data.next);
    this.today.update(data.today);
    this.duty.show(data.duty);
    if (this.view.stream) this.prepare(); // the camera was open before the answer came
    if (data.mine) {
      if (data.mine.visit !== this.element.dataset.visit) this.openVisit(data.mine);
      else this.fillHead(data.mine);
      this.element.dataset.visitState = data.mine.state ?? "admitted";
    } else if (this.running()) {
      const { visit } = this.element.dataset;
      this.closeCall(this.givenAway === visit || data.waiting.some((one) => one.visit === visit));
    }
    // never into a running visit: the tone would sound in the patient's ear
    this.alerts.update(this.running() ? [] : data.waiting.filter((one) => one.rings), this.queue.count ?? 0);
  }

  /**
   * A form of the dialog was taken.
   * @param {string} act
   * @param {string} visit
   */
  acted(act, visit) {
    if (act === "transfer" || act === "back") this.givenAway = decodeURIComponent(visit);
  }

  /** @param {KeyboardEvent} event */
  keyed(event) {
    if (!settings.values.shortcuts || this.element.dataset.view !== "queue" || document.querySelector("dialog[open]")) return;
    const focus = document.activeElement instanceof HTMLElement ? document.activeElement : null;
    if (shortcutOf(event, focus, DESK_SHORTCUTS) !== "admit-next") return;
    const form = find(this.element, "[data-admit-next]");
    if (form.hidden || !(form instanceof HTMLFormElement)) return;
    event.preventDefault();
    unlockSound();
    form.requestSubmit();
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

  /** @param {Mine} mine */
  openVisit(mine) {
    clearTimeout(this.admitting);
    this.say("");
    this.givenAway = "";
    this.element.dataset.visit = mine.visit;
    this.element.dataset.visitState = mine.state ?? "admitted";
    this.fillHead(mine);
    for (const form of this.element.querySelectorAll("[data-visit-form], [data-visit-link]")) {
      if (form instanceof HTMLFormElement) form.action = this.address(form.dataset.visitForm);
      if (form instanceof HTMLAnchorElement) form.href = this.address(form.dataset.visitLink);
    }
    this.show("visit");
    find(this.element, "[data-call-part]").hidden = false;
    find(this.element, "[data-over-part]").hidden = true;
    setTimeout(() => this.entitle(mine), LATER_MS);
    find(this.element, ".patient-name").focus();
    void this.openDevices();
    this.note.loadSoon();
  }

  /**
   * The window's title and address: a reload comes back to this visit.
   * @param {Mine} mine
   */
  entitle(mine) {
    if (this.element.dataset.visit !== mine.visit) return;
    document.title = [mine.name, ...document.title.split(" – ").slice(1)].join(" – ");
    this.alerts.show();
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
    const line = find(this.element, "[data-hand-over]");
    line.hidden = !mine.hand_over;
    write(line, mine.hand_over ? fill(line.dataset.text ?? "", { text: mine.hand_over }) : "");
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
      this.note.clear();
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

  /** @param {SubmitEvent} event */
  async submitted(event) {
    const form = /** @type {HTMLFormElement} */ (event.target);
    if (form.matches("[data-admit]")) {
      this.admit(event, form, form.closest("[data-visit-row]")?.getAttribute("data-visit-row"));
    } else if (form.matches("[data-admit-next]")) {
      this.admit(event, form, form.dataset.visit);
    } else if (form.matches("[data-end], [data-give-back]")) {
      event.preventDefault();
      unlockSound();
      const body = new URLSearchParams();
      for (const [name, value] of new FormData(form, event.submitter)) body.append(name, String(value));
      this.dialog.close();
      this.say("");
      const answer = await sent(form.action, body);
      if (answer === "refused") location.reload(); // the server's page says what is true
      if (answer === "lost") this.say(this.element.dataset.textFailed ?? ""); // the call goes on
    }
  }

  /**
   * Over the socket where it is open: one round trip less than a form.
   * @param {SubmitEvent} event
   * @param {HTMLFormElement} form
   * @param {string | null | undefined} visit
   */
  admit(event, form, visit) {
    if (this.element.dataset.socket !== "open" || !visit) return;
    event.preventDefault();
    this.call.admit(visit);
    clearTimeout(this.admitting);
    // this person's own form: "Admit next" would take whoever is the next by then
    const own = this.queue.row(visit)?.querySelector("form[data-admit]") ?? form;
    this.admitting = setTimeout(() => own instanceof HTMLFormElement && own.isConnected && own.submit(), ADMIT_MS);
  }

  /** @param {Event} event */
  pressed(event) {
    const button = event.target instanceof Element ? event.target.closest("[data-action]") : null;
    switch (button instanceof HTMLElement ? button.dataset.action : "") {
      case "open-devices":
        unlockSound();
        void this.openDevices();
        break;
      case "hand-over":
        void this.acts.open(/** @type {HTMLAnchorElement} */ (find(this.element, "[data-visit-link]")).href);
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
        void this.note.load();
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
