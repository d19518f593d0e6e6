// When the therapist is told again of who waits: sound, and a desktop notification for each person. Pure: it says what is
// due; who calls it (timers while the tab is shown, the server's messages while it is hidden) does not matter.

/** @typedef {{ visit: string, name: string }} Ring */

export const SOUND_MS = 6000;
export const NOTICE_MS = 30_000;
/** "Seen" quiets this page at once; if the server has not heard of it by then, it rings again. */
export const HUSHED_MS = 8000;

export class Ringing {
  constructor() {
    /** @type {Map<string, { name: string, noticed: number }>} */
    this.rings = new Map();
    /** @type {Map<string, number>} until when */
    this.hushed = new Map();
    this.sounded = -Infinity;
  }

  /**
   * Who rings now, by the server.
   * @param {Ring[]} rings
   * @param {number} now ms
   * @returns {{ fresh: Ring[], gone: string[] }}
   */
  update(rings, now) {
    const heard = rings.filter((one) => (this.hushed.get(one.visit) ?? -Infinity) <= now);
    const there = new Set(heard.map((one) => one.visit));
    const gone = [...this.rings.keys()].filter((visit) => !there.has(visit));
    for (const visit of gone) this.rings.delete(visit);
    const fresh = heard.filter((one) => !this.rings.has(one.visit));
    for (const one of fresh) this.rings.set(one.visit, { name: one.name, noticed: -Infinity });
    if (fresh.length > 0) this.sounded = -Infinity; // each guest is heard, not only the first
    return { fresh, gone };
  }

  /**
   * What is due now; asking is doing.
   * @param {number} now
   * @returns {{ sound: boolean, notices: Ring[] }}
   */
  due(now) {
    const sound = this.rings.size > 0 && now - this.sounded >= SOUND_MS;
    if (sound) this.sounded = now;
    /** @type {Ring[]} */
    const notices = [];
    for (const [visit, one] of this.rings) {
      if (now - one.noticed < NOTICE_MS) continue;
      one.noticed = now;
      notices.push({ visit, name: one.name });
    }
    return { sound, notices };
  }

  /**
   * Somebody has pressed "Seen".
   * @param {number} now
   * @returns {string[]} the visits
   */
  seen(now) {
    const visits = [...this.rings.keys()];
    for (const visit of visits) this.hushed.set(visit, now + HUSHED_MS);
    this.rings.clear();
    return visits;
  }
}
