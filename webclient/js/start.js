// Finds [data-module="name"] elements and gives each to the class that js/modules/name.js exports as default:
// one element, one class, one file. A broken one is logged and the rest start.

/** @typedef {{ default: new (element: HTMLElement) => unknown }} PageModule */

/** Elements that were given to their module already. @type {WeakSet<Element>} */
const started = new WeakSet();

/**
 * Starts every module inside `root` (and on it) that has not been started. Call it again on HTML that a script put
 * into the page. Resolves when all have started or failed.
 * @param {Document | HTMLElement} root
 * @returns {Promise<void>}
 */
export async function startModules(root = document) {
  /** @type {HTMLElement[]} */
  const elements = [...root.querySelectorAll("[data-module]")].map((element) => /** @type {HTMLElement} */ (element));
  if (root instanceof HTMLElement && root.dataset.module) elements.unshift(root);
  await Promise.all(elements.filter((element) => !started.has(element)).map(startOne));
}

/** @param {HTMLElement} element */
async function startOne(element) {
  started.add(element);
  const name = element.dataset.module ?? "";
  try {
    const module = /** @type {PageModule} */ (await import(`./modules/${name}.js`));
    new module.default(element);
    element.dataset.moduleStarted = name;
  } catch (error) {
    console.error(`module "${name}" did not start`, error);
  }
}
