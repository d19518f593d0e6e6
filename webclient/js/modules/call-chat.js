// The chat over the picture: its button with the number of what is new, the panel, and a line of what has come while it is closed.
import { Chat } from "../lib/chat.js";
import { TabMemory } from "../lib/page.js";
import { fill } from "../lib/words.js";
import { find } from "./clock-view.js";
import { write } from "./queue-view.js";

/** @typedef {import("./call-view.js").CallView} CallView */
/** @typedef {import("../lib/chat.js").Line} Line */
/** @typedef {import("../lib/chat.js").Pending} Pending */

const TOAST_MS = 10_000;

export class CallChat {
  /**
   * @param {CallView} view
   * @param {import("../lib/page-socket.js").PageSocket} socket
   */
  constructor(view, socket) {
    this.view = view;
    this.chat = new Chat({ socket });
    this.panel = find(view.element, "[data-chat]");
    this.list = find(this.panel, "[data-chat-lines]");
    this.form = /** @type {HTMLFormElement} */ (find(this.panel, "form"));
    this.field = /** @type {HTMLTextAreaElement} */ (find(this.form, "textarea"));
    this.button = find(view.element, '[data-action="chat"][aria-controls]');
    this.toast = find(view.element, "[data-chat-toast]");
    /** Numbers only: nothing of what was written is kept in the browser. */
    this.memory = new TabMemory("chat", { visit: "", read: 0 });
    this.chat.addEventListener("change", () => this.render());
    this.chat.addEventListener("anew", () => this.begin());
    this.chat.addEventListener("whole", () => this.unread().slice(-1).forEach((line) => this.came(line)));
    this.chat.addEventListener("line", (event) => this.came(/** @type {CustomEvent<Line>} */ (event).detail));
    view.element.addEventListener("click", (event) => this.pressed(event));
    this.form.addEventListener("submit", (event) => this.send(event));
    this.field.addEventListener("keydown", (event) => this.typed(event));
    this.panel.addEventListener("keydown", (event) => {
      if (event.key !== "Escape") return;
      event.stopPropagation();
      this.show(false);
    });
    this.render();
  }

  /** Another visit. */
  begin() {
    if (this.memory.values.visit !== this.chat.visit) this.memory.set({ visit: this.chat.visit, read: 0 });
    this.field.value = "";
    this.show(false, false);
    this.hideToast();
  }

  /** @param {Event} event */
  pressed(event) {
    const button = event.target instanceof Element ? event.target.closest("[data-action]") : null;
    const action = button instanceof HTMLElement ? button.dataset.action : "";
    if (action === "chat") this.show(this.panel.hidden === true);
    else if (action === "chat-close") this.show(false);
  }

  /**
   * @param {boolean} open
   * @param {boolean} [focus]
   */
  show(open, focus = true) {
    if ((this.panel.hidden === true) === !open) return;
    this.panel.hidden = !open;
    this.view.element.dataset.chatOpen = open ? "yes" : "no";
    this.button.setAttribute("aria-expanded", String(open));
    this.hideToast();
    if (focus) (open ? this.field : this.button).focus();
    this.render();
    if (open) this.list.parentElement?.scrollTo(0, this.list.scrollHeight);
  }

  /** @param {KeyboardEvent} event Enter sends, Shift and Enter make a new line */
  typed(event) {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    this.form.requestSubmit();
  }

  /** @param {Event} event */
  send(event) {
    event.preventDefault();
    if (this.chat.say(this.field.value)) this.field.value = "";
    this.field.focus();
  }

  /** @param {Line} line of the other side, just now */
  came(line) {
    if (!this.panel.hidden) return;
    const words = find(this.toast, "[data-chat-toast-words]");
    words.textContent = fill(this.toast.dataset.text ?? "{text}", { name: line.name ?? this.otherName(), text: line.text });
    this.toast.hidden = false;
    clearTimeout(this.fading);
    this.view.say(words.textContent);
    this.fadeLater();
  }

  /** Not under the focus of whoever is about to open it. */
  fadeLater() {
    this.fading = setTimeout(() => (this.toast.contains(document.activeElement) ? this.fadeLater() : this.hideToast()), TOAST_MS);
  }

  hideToast() {
    clearTimeout(this.fading);
    this.toast.hidden = true;
    find(this.toast, "[data-chat-toast-words]").textContent = "";
  }

  /** What the other side has written and this person has not looked at, also over a reload. */
  unread() {
    return this.chat.lines.filter((line) => !line.own && line.seq > this.memory.values.read);
  }

  otherName() {
    return this.panel.dataset.textOther ?? "";
  }

  render() {
    const { lines, pending, open } = this.chat;
    const last = lines.at(-1)?.seq ?? 0;
    if (!this.panel.hidden && last > this.memory.values.read) this.memory.set({ read: last });
    const fresh = this.unread().length;
    const count = find(this.button, "[data-chat-count]");
    count.hidden = fresh === 0;
    write(find(count, "[data-chat-number]"), String(fresh));
    const atEnd = this.isAtEnd();
    fillLines(this.list, [...lines.map((line) => this.item(line)), ...pending.map((one) => this.item(one))]);
    if (atEnd) this.list.parentElement?.scrollTo(0, this.list.scrollHeight);
    find(this.panel, "[data-chat-empty]").hidden = lines.length + pending.length > 0;
    this.field.disabled = !open;
    this.showConversation(lines, open);
  }

  isAtEnd() {
    const box = this.list.parentElement;
    return !box || box.scrollHeight - box.scrollTop - box.clientHeight < 60;
  }

  /** @param {Line | Pending} line */
  item(line) {
    const stored = "seq" in line;
    const own = !stored || line.own;
    const item = document.createElement("li");
    item.dataset.key = line.id;
    item.dataset.chatSide = own ? "own" : "other";
    item.dataset.chatState = stored ? "stored" : line.failed ? "failed" : "sending";
    const who = document.createElement("p");
    who.className = "chat-who";
    const name = own ? (this.panel.dataset.textOwn ?? "") : ((stored && line.name) || this.otherName());
    const state = stored ? clockTime(line.at) : ((line.failed ? this.panel.dataset.textFailed : this.panel.dataset.textSending) ?? "");
    who.textContent = `${name}, ${state}`;
    const text = document.createElement("p");
    text.className = "chat-text";
    text.dir = "auto"; // each text by its own direction, and apart from what stands around it
    text.textContent = line.text;
    item.append(who, text);
    return item;
  }

  /**
   * After the call it stands beside the note; a page that is loaded then has it from the server.
   * @param {Line[]} lines
   * @param {boolean} open
   */
  showConversation(lines, open) {
    const box = document.querySelector("[data-conversation]");
    if (!(box instanceof HTMLElement) || !this.chat.visit) return;
    box.hidden = open || lines.length === 0;
    if (!box.hidden) find(box, "ol").replaceChildren(...lines.map((line) => this.item(line)));
  }
}

/**
 * Items that stay are not made anew: a screen reader hears what is added, and nothing twice.
 * @param {HTMLElement} list
 * @param {HTMLElement[]} items
 */
function fillLines(list, items) {
  const known = new Map([...list.children].map((item) => [item.getAttribute("data-key"), item]));
  const kept = items.map((item) => {
    const before = known.get(item.dataset.key ?? "");
    if (!(before instanceof HTMLElement)) return item;
    if (before.dataset.chatState !== item.dataset.chatState) {
      before.dataset.chatState = item.dataset.chatState;
      write(find(before, ".chat-who"), find(item, ".chat-who").textContent ?? "");
    }
    return before;
  });
  for (const item of [...list.children]) if (!kept.includes(/** @type {HTMLElement} */ (item))) item.remove();
  kept.forEach((item, at) => list.children[at] !== item && list.insertBefore(item, list.children[at] ?? null));
}

/** @param {string} iso */
function clockTime(iso) {
  const language = document.documentElement.lang || "en-CA";
  return new Date(iso).toLocaleTimeString(language, { hour: "2-digit", minute: "2-digit", hour12: false });
}
