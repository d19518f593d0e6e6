// Which browser this is, only for words of help: what the person has to press differs. Nothing else may depend on it.

/** @typedef {"ios-safari" | "ios-other" | "android" | "firefox" | "safari" | "chrome"} Family */

/**
 * @param {string} agent navigator.userAgent
 * @param {number} [touchPoints] an iPad says that it is a Mac, but has touch
 * @returns {Family}
 */
export function browserFamily(agent, touchPoints = 0) {
  const apple = /iPhone|iPad|iPod/.test(agent) || (/Macintosh/.test(agent) && touchPoints > 1);
  if (apple) return /CriOS|FxiOS|EdgiOS|GSA\//.test(agent) ? "ios-other" : "ios-safari";
  if (/Android/.test(agent)) return "android";
  if (/Firefox\//.test(agent)) return "firefox";
  if (/Safari\//.test(agent) && !/Chrome\/|Chromium\//.test(agent)) return "safari";
  return "chrome";
}

/** Marks that apps put into the user agent of the browser inside of them. @type {RegExp} */
const APPS = /\bFBAN\/|\bFBAV\/|\bFB_IAB\/|\bInstagram\b|\bLine\/|\bMicroMessenger\/|\bTwitter\b|\bSnapchat\b|\bPinterest\/|\bLinkedInApp\b|\bTikTok\b|\bmusical_ly\b/i;

/**
 * Whether a link was opened inside another app, whose browser often may not use the camera.
 * @param {string} agent
 */
export function insideApp(agent) {
  if (APPS.test(agent)) return true;
  if (/Android/.test(agent)) return /; wv\)/.test(agent); // a WebView
  // Safari, and every browser of its own on iOS, say "Safari/"; a web view inside an app does not
  return /iPhone|iPad|iPod/.test(agent) && !/Safari\//.test(agent);
}
