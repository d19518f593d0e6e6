// A third person's page: says who invites, joins with one press, and shows therapist and patient beside each other.
import { Call } from "../lib/call.js";
import { closeDevices, openDevices } from "../lib/devices.js";
import { newInstance, socketUrl, TabMemory } from "../lib/page.js";
import { PageSocket } from "../lib/page-socket.js";
import { CallGuests } from "./call-guests.js";
import { deviceHelp } from "./device-help.js";
import { ClockView, find } from "./clock-view.js";
import { keepAwake } from "./live-page.js";

export default class Guest {
  /** @param {HTMLElement} element #guest */
  constructor(element) {
    this.element = element;
    this.box = find(element, "[data-call]");
    this.self = /** @type {HTMLVideoElement} */ (find(element, "#self-video"));
    this.memory = new TabMemory(`guest ${location.pathname}`, { joined: "", wanted: "", muted: false, cameraOff: false });
    this.socket = new PageSocket({ url: socketUrl(element.dataset.live ?? ""), instance: newInstance() });
    this.call = new Call({ socket: this.socket, role: "guest" });
    this.tiles = new CallGuests(this.box, this.call);
    this.clock = new ClockView(this.box);
    /** @type {MediaStream | null} */
    this.stream = null;
    this.byPhone = false;
    /** Grows when what is being opened comes too late. */
    this.turns = 0;
    this.socket.addEventListener("message", (event) => this.heard(/** @type {CustomEvent} */ (event).detail));
    this.socket.addEventListener("state", (event) => this.socketChanged(/** @type {CustomEvent<string>} */ (event).detail));
    this.call.thirds.addEventListener("change", () => this.render());
    element.addEventListener("click", (event) => this.pressed(event));
    keepAwake(this.socket);
    if (this.memory.values.joined) void this.join(this.memory.values.joined); // a reload comes back by itself
  }

  /** @param {Event} event */
  pressed(event) {
    const button = event.target instanceof Element ? event.target.closest("[data-action]") : null;
    switch (button instanceof HTMLElement ? button.dataset.action : "") {
      case "join":
        return void this.join("both");
      case "join-sound":
        return void this.join("audio");
      case "return":
        this.memory.set({ joined: this.memory.values.wanted || "both" });
        return location.reload(); // another page instance: everybody connects anew
      case "mute":
        return void this.turn("microphone");
      case "camera":
        return void this.turn("camera");
      case "play":
        return void this.tiles.play();
      case "leave":
        return this.leave();
    }
  }

  /** @param {string} wanted both | audio */
  async join(wanted) {
    this.memory.set({ joined: wanted, wanted });
    this.show("call");
    this.call.rejoin();
    const camera = wanted === "both";
    const mine = ++this.turns;
    const devices = await openDevices({ camera });
    if (mine !== this.turns) return closeDevices(devices.stream); // left meanwhile
    this.use(devices.stream);
    if (devices.microphone !== "on") this.failed("microphone", devices.microphone);
    else if (camera && devices.camera !== "on") this.failed("camera", devices.camera);
    else this.failed("", "");
    this.socket.open();
  }

  /** @param {MediaStream | null} stream */
  use(stream) {
    this.stream = stream;
    this.self.srcObject = stream;
    this.call.setLocalStream(stream);
    this.apply();
  }

  /**
   * On or off; one that is not there yet is opened.
   * @param {"microphone" | "camera"} kind
   */
  async turn(kind) {
    const name = kind === "camera" ? "cameraOff" : "muted";
    if (this.has(kind)) {
      this.memory.set({ [name]: !this.memory.values[name] });
      return this.apply();
    }
    const mine = this.turns;
    const opened = await openDevices({ camera: kind === "camera", microphone: kind === "microphone" });
    if (mine !== this.turns) return closeDevices(opened.stream);
    if (!opened.stream) return this.failed(kind, opened[kind]);
    this.failed("", "");
    this.memory.set({ [name]: false });
    const kept = this.stream?.getTracks().filter((track) => track.readyState === "live") ?? [];
    this.use(new MediaStream([...kept, ...opened.stream.getTracks()]));
  }

  /** @param {"microphone" | "camera"} kind */
  has(kind) {
    const of = kind === "camera" ? "video" : "audio";
    return this.stream?.getTracks().some((track) => track.kind === of && track.readyState === "live") ?? false;
  }

  /**
   * @param {"microphone" | "camera" | ""} kind "": nothing has failed
   * @param {string} reason a DeviceState
   */
  failed(kind, reason) {
    const line = find(this.element, "[data-device-line]");
    line.hidden = kind === "";
    line.textContent = kind ? `${line.getAttribute(`data-text-${kind}`) ?? ""} ${deviceHelp(reason)}` : "";
  }

  leave() {
    this.turns++;
    this.call.leave();
    this.memory.set({ joined: "" });
    closeDevices(this.stream);
    this.stream = this.self.srcObject = null;
    this.socket.close();
    this.show("out");
  }

  apply() {
    const muted = this.memory.values.muted || !this.has("microphone");
    const cameraOff = this.memory.values.cameraOff || !this.has("camera");
    // by phone a third voice would come out of two loudspeakers into two telephones
    this.call.setMuted(muted || this.byPhone);
    this.call.setCameraOff(cameraOff || this.byPhone);
    this.box.dataset.muted = String(muted);
    this.box.dataset.cameraOff = String(cameraOff);
    find(this.box, "[data-self-muted]").hidden = !muted;
    for (const [action, on] of /** @type {const} */ ([["mute", !muted], ["camera", !cameraOff]])) {
      for (const face of this.box.querySelectorAll(`[data-action="${action}"] [data-side]`)) {
        if (face instanceof HTMLElement) face.hidden = (face.dataset.side === "on") !== on;
      }
    }
  }

  render() {
    find(this.box, "[data-alone]").hidden = this.call.thirds.list.length > 0;
  }

  /** @param {{ type: string, about?: string, phone?: boolean }} message */
  heard(message) {
    if (message.type === "clock") this.clock.update(/** @type {import("./clock-view.js").ClockMessage} */ (/** @type {unknown} */ (message)));
    if (message.type === "call" && this.byPhone !== (message.phone === true)) {
      this.byPhone = message.phone === true;
      find(this.box, "[data-by-phone]").hidden = !this.byPhone;
      this.apply();
    }
    const over = message.type === "ended" || (message.type === "refused" && message.about === "hello");
    if (over && this.element.dataset.view === "call") {
      closeDevices(this.stream);
      location.reload(); // the server's page says what is true
    }
  }

  /** @param {string} state */
  socketChanged(state) {
    this.element.dataset.socket = state;
    const line = find(this.element, "[data-connection]");
    line.hidden = state !== "lost";
    line.textContent = state === "lost" ? (line.dataset.textLost ?? "") : "";
    if (state === "superseded") {
      this.turns++;
      closeDevices(this.stream);
      this.stream = this.self.srcObject = null;
      this.show("superseded");
    }
  }

  /** @param {string} view */
  show(view) {
    this.element.dataset.view = view;
    document.body.classList.toggle("in-call", view === "call");
    document.body.classList.toggle("stage", view === "call");
    for (const part of this.element.querySelectorAll("[data-view-of]")) {
      if (part instanceof HTMLElement) part.hidden = part.dataset.viewOf !== view;
    }
    const heading = find(this.element, `[data-view-of="${view}"] h1`);
    heading.focus({ preventScroll: true });
  }
}
