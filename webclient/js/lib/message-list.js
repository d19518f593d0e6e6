// Which messages of a conversation a page shows already. An answer to the page's own message may come before an older one
// of the other side, so it is not enough to know the highest number. And a message's time as the server writes it.

export class ShownMessages {
  /** @param {Iterable<number>} [numbers] */
  constructor(numbers = []) {
    this.numbers = new Set(numbers);
  }

  /**
   * What is not shown yet, in order.
   * @template {{ number: number }} T
   * @param {T[]} messages
   * @returns {T[]}
   */
  fresh(messages) {
    return messages.filter((one) => !this.numbers.has(one.number)).sort((a, b) => a.number - b.number);
  }

  /**
   * It is shown from now on. Returns the number of the shown message that comes right after it; null: it is the last.
   * @param {number} number
   */
  add(number) {
    const after = [...this.numbers].filter((one) => one > number);
    this.numbers.add(number);
    return after.length > 0 ? Math.min(...after) : null;
  }
}

/**
 * As formats.time on the server, in the clinic's zone.
 * @param {string} iso
 * @param {string} lang
 * @param {string | undefined} zone
 */
export function clockText(iso, lang, zone) {
  const form = new Intl.DateTimeFormat("en-CA", { timeZone: zone, hour: "numeric", minute: "2-digit", hourCycle: "h23" });
  const parts = Object.fromEntries(form.formatToParts(new Date(iso)).map((part) => [part.type, part.value]));
  return lang.startsWith("fr") ? `${Number(parts.hour)}\u00a0h\u00a0${parts.minute}` : `${Number(parts.hour)}:${parts.minute}`;
}
