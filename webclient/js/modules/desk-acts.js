// What can be done about one visit, in a dialog of the desk: the same part as on its own page. Forms are sent without a page
// load, so that a call goes on; what the server says against it stands in the dialog.
import { find } from "./clock-view.js";

export class DeskActs {
  /**
   * @param {HTMLElement} element #desk
   * @param {(act: string, visit: string) => void} done
   */
  constructor(element, done) {
    this.element = element;
    this.dialog = /** @type {HTMLDialogElement} */ (find(element, "[data-acts-dialog]"));
    /** What this page says itself: the server's words stand in the part. */
    this.failed = find(this.dialog, "[data-acts-failed]");
    this.place = find(this.dialog, "[data-acts-place]");
    this.done = done;
    this.visit = "";
    this.busy = false;
    document.addEventListener("click", (event) => this.pressed(event));
    this.dialog.addEventListener("submit", (event) => void this.submitted(event));
  }

  /** @param {MouseEvent} event */
  pressed(event) {
    const target = event.target instanceof Element ? event.target : null;
    const link = target?.closest("a[data-acts]");
    if (link instanceof HTMLAnchorElement && !event.ctrlKey && !event.metaKey && !event.shiftKey && event.button === 0) {
      event.preventDefault();
      void this.open(link.href);
    } else if (target?.closest('[data-action="close-acts"]')) this.dialog.close();
  }

  /** @param {string} url */
  async open(url) {
    this.visit = /visits\/([^/]+)\//.exec(url)?.[1] ?? "";
    this.sayFailed(false);
    let answered = false;
    try {
      const answer = await fetch(`${url}?part=1`, { headers: { Accept: "text/html" } });
      answered = true;
      if (!answer.ok || answer.redirected) throw new Error(`the page answered ${answer.status}`);
      const template = document.createElement("template");
      template.innerHTML = await answer.text();
      this.place.replaceChildren(template.content);
      if (!this.dialog.open) this.dialog.showModal();
      this.dialog.scrollTop = 0;
      find(this.place, "#acts-title").focus();
    } catch (error) {
      console.info("no dialog", error);
      if (answered && !this.inCall()) location.assign(url); // the whole page says what is true
      else {
        this.place.replaceChildren();
        if (!this.dialog.open) this.dialog.showModal();
        this.sayFailed(true);
      }
    }
  }

  /** @param {SubmitEvent} event */
  async submitted(event) {
    const form = /** @type {HTMLFormElement} */ (event.target);
    if (!form.dataset.act) return;
    event.preventDefault();
    if (this.busy) return; // a double click
    this.busy = true;
    this.sayFailed(false);
    const body = new URLSearchParams();
    for (const [name, value] of new FormData(form, event.submitter)) body.append(name, String(value));
    try {
      const answer = await fetch(form.action, { method: "POST", body, headers: { Accept: "application/json" } });
      const said = /** @type {{ title?: string, text?: string }} */ (await answer.json().catch(() => ({})));
      if (answer.ok && !answer.redirected) {
        this.done(form.dataset.act, this.visit);
        this.dialog.close();
      } else if (said.title) this.say([said.title, said.text].filter(Boolean).join(". "));
      else this.sayFailed(true);
    } catch {
      this.sayFailed(true); // a page that cannot be loaded would end the call and lose what was written
    } finally {
      this.busy = false;
    }
  }

  inCall() {
    return ["admitted", "in_session"].includes(this.element.dataset.visitState ?? "");
  }

  /** @param {boolean} failed */
  sayFailed(failed) {
    this.failed.hidden = !failed;
    this.failed.textContent = failed ? (this.element.dataset.textFailed ?? "") : "";
    if (failed) this.dialog.scrollTop = 0; // below the button to close, which stays on top
  }

  /** @param {string} words */
  say(words) {
    const line = find(this.place, "[data-acts-error]");
    line.hidden = !words;
    line.textContent = words;
    line.scrollIntoView({ block: "nearest" });
  }
}
