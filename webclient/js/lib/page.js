// Small things that every live page needs.

/** A new page instance id: 128 random bits in base64url, 22 characters. */
export function newInstance() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return btoa(String.fromCharCode(...bytes)).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
}

/**
 * The address of a WebSocket beside the page.
 * @param {string} path
 * @param {{ protocol: string, host: string }} [place]
 */
export function socketUrl(path, place = location) {
  return `${place.protocol === "https:" ? "wss:" : "ws:"}//${place.host}${path}`;
}

/**
 * What this tab remembers over a reload: mute and camera belong to the visit. A browser that keeps nothing is no error.
 * @template {Record<string, unknown>} T
 */
export class TabMemory {
  /**
   * @param {string} key
   * @param {T} initial
   * @param {Pick<Storage, "getItem" | "setItem"> | undefined} [storage]
   */
  constructor(key, initial, storage = tabStorage()) {
    this.key = key;
    this.storage = storage;
    /** @type {T} */
    this.values = { ...initial };
    try {
      Object.assign(this.values, JSON.parse(storage?.getItem(key) ?? "{}"));
    } catch {
      // damaged or forbidden: begin anew
    }
  }

  /** @param {Partial<T>} changes */
  set(changes) {
    Object.assign(this.values, changes);
    try {
      this.storage?.setItem(this.key, JSON.stringify(this.values));
    } catch {
      // full or forbidden: the page still works until the next reload
    }
  }
}

/** @returns {Storage | undefined} */
function tabStorage() {
  try {
    return globalThis.sessionStorage;
  } catch {
    return undefined;
  }
}
