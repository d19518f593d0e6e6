// The wall's one dialog: what can be done with the visit of a row. Each act is the plain form of the visit's own page.
import { newInstance } from "../lib/page.js";
import { fill } from "../lib/words.js";
import { find } from "./clock-view.js";

/** @typedef {import("./wall-rows.js").WallData} WallData */
/** @typedef {{ kinds: Set<string>, target: string, name: string }} Row */

export class WallActs {
  /** @param {HTMLElement} element #wall */
  constructor(element) {
    this.element = element;
    this.dialog = /** @type {HTMLDialogElement} */ (find(element, "[data-acts-dialog]"));
    this.problem = find(this.dialog, "[data-acts-error]");
    /** The addresses of the forms, with the word VISIT in the visit's place. @type {Map<HTMLFormElement, string>} */
    this.actions = new Map();
    for (const form of this.dialog.querySelectorAll("form")) this.actions.set(form, form.getAttribute("action") ?? "");
    this.link = /** @type {HTMLAnchorElement} */ (find(this.dialog, "[data-acts-link]"));
    this.address = this.link.getAttribute("href") ?? "";
    this.visit = "";
    this.name = "";
    /** Drawn once for each visit and text: sent again after a lost connection it is the same message. @type {Map<string, string>} */
    this.drawn = new Map();
    /** What the last snapshot said of each visit. @type {Map<string, Row>} */
    this.rows = new Map();
    /** The button that opened the dialog: the focus goes back there, or to the wall when the row has gone. @type {HTMLElement | null} */
    this.opener = null;
    element.addEventListener("click", (event) => this.clicked(event));
    this.dialog.addEventListener("submit", (event) => void this.sent(event));
    this.dialog.addEventListener("close", () => this.closed());
    for (const button of element.querySelectorAll("[data-list] [data-act-open]")) {
      if (button instanceof HTMLElement) button.hidden = true; // until the first snapshot says what can be done
    }
  }

  /** @param {WallData} data */
  update(data) {
    this.rows.clear();
    for (const one of data.waiting) {
      const kinds = new Set(["waiting"]);
      if (one.first) kinds.add("first");
      if (one.asked) kinds.add("asked");
      if (one.alert) kinds.add("alert");
      this.rows.set(one.visit, { kinds, target: one.target, name: one.name });
    }
    for (const one of data.sessions) this.rows.set(one.visit, { kinds: new Set(["open"]), target: "", name: one.patient });
    if (!this.dialog.open) return;
    const before = this.state;
    this.show();
    if (this.state === before || this.sending()) return; // one's own act closes the dialog
    // not closed and not without a word: somebody reads here, or writes
    const words = this.state === "gone" ? this.problem.dataset.textGone : this.state === "open" ? this.problem.dataset.textAdmitted : "";
    this.say(fill(words ?? "", { name: this.name }));
  }

  /** waiting, open (in a session) or gone: which acts there are. */
  get state() {
    return this.dialog.dataset.state ?? "";
  }

  sending() {
    return [...this.actions.keys()].some((form) => form.dataset.sending);
  }

  /** @param {MouseEvent} event */
  clicked(event) {
    const target = event.target instanceof Element ? event.target : null;
    if (target?.closest("[data-acts-close]")) this.dialog.close();
    const button = target?.closest("[data-act-open]");
    const visit = button?.closest("[data-row]")?.getAttribute("data-row");
    if (button instanceof HTMLElement && visit && this.rows.has(visit)) this.open(visit, button);
  }

  /**
   * @param {string} visit
   * @param {HTMLElement} opener
   */
  open(visit, opener) {
    this.visit = visit;
    this.opener = opener;
    const row = this.rows.get(visit);
    this.name = row?.name ?? "";
    for (const [form, action] of this.actions) {
      form.reset();
      form.setAttribute("action", action.replace("VISIT", encodeURIComponent(visit)));
      delete form.dataset.sending;
    }
    for (const details of this.dialog.querySelectorAll("details")) details.open = false;
    const choice = this.dialog.querySelector("select[name=to]");
    if (choice instanceof HTMLSelectElement) choice.value = row?.target ?? "";
    this.link.setAttribute("href", this.address.replace("VISIT", encodeURIComponent(visit)));
    this.say("");
    this.show();
    this.dialog.showModal();
  }

  /** Shows what can be done now. */
  show() {
    const row = this.rows.get(this.visit);
    this.dialog.dataset.state = row ? (row.kinds.has("open") ? "open" : "waiting") : "gone";
    find(this.dialog, "[data-acts-title]").textContent = this.name;
    for (const act of this.dialog.querySelectorAll("[data-when]")) {
      const fits = (act.getAttribute("data-when") ?? "").split(" ").some((kind) => row?.kinds.has(kind));
      if (act instanceof HTMLElement) act.hidden = !fits && !written(act);
    }
  }

  /** @param {SubmitEvent} event */
  async sent(event) {
    const form = event.target;
    if (!(form instanceof HTMLFormElement) || !form.dataset.act) return;
    event.preventDefault();
    if (form.dataset.sending) return; // a double click is one
    form.dataset.sending = "yes";
    this.say("");
    const body = new URLSearchParams(/** @type {Record<string, string>} */ (Object.fromEntries(new FormData(form))));
    const text = `${form.action} ${body.get("text") ?? ""}`;
    if (body.has("id")) {
      if (!this.drawn.has(text)) this.drawn.set(text, newInstance());
      body.set("id", this.drawn.get(text) ?? "");
    }
    const { name } = this;
    const problem = await this.post(form.action, body);
    delete form.dataset.sending;
    if (problem !== null) return this.say(problem);
    this.drawn.delete(text);
    const done = find(this.element, "[data-acts-done]");
    done.textContent = fill(done.dataset.textDone ?? "", { name });
    if (this.dialog.open) this.dialog.close();
  }

  /**
   * @param {string} url
   * @param {URLSearchParams} body
   * @returns {Promise<string | null>} what went wrong, in the server's words; null: nothing
   */
  async post(url, body) {
    const failed = this.problem.dataset.textFailed ?? "";
    try {
      const answer = await fetch(url, { method: "POST", body, headers: { Accept: "application/json" } });
      if (answer.ok) return null;
      const said = /** @type {{ title?: string, text?: string }} */ (await answer.json());
      return said.title ? `${said.title}. ${said.text ?? ""}` : failed;
    } catch {
      return failed;
    }
  }

  /** @param {string} words */
  say(words) {
    this.problem.hidden = !words;
    this.problem.textContent = words;
  }

  closed() {
    if (this.opener?.isConnected) this.opener.focus();
    else this.element.closest("main")?.focus();
    this.opener = null;
    this.visit = "";
    this.name = "";
  }
}

/**
 * Whether something is written in a form: that is not hidden from who wrote it.
 * @param {HTMLElement} act
 */
function written(act) {
  return [...act.querySelectorAll("textarea, input:not([type=hidden])")].some(
    (field) => (field instanceof HTMLTextAreaElement || field instanceof HTMLInputElement) && field.value !== "",
  );
}
