// The language of the page: the visitor's choice, else the browser's.
import en from "./lang/en.js";
import ko from "./lang/ko.js";

const WORDS = { en, ko };
const KEY = "toolscout.language";

export let language = remembered() ?? (navigator.language?.toLowerCase().startsWith("ko") ? "ko" : "en");

function remembered() {
  try {
    const stored = localStorage.getItem(KEY);
    return stored in WORDS ? stored : null;
  } catch {
    return null; // storage is switched off
  }
}

/** Words that only some pages need, by language: visitors load none of them. */
export function addWords(more) {
  for (const [code, words] of Object.entries(more)) Object.assign(WORDS[code], words);
}

/** The text of a key; texts with a count or a name take it as arguments. */
export function t(key, ...args) {
  const text = WORDS[language][key];
  return typeof text === "function" ? text(...args) : text ?? key;
}

/** A value's name (table: categories, pricings, reasons, problems), or else the value as it is. */
export function named(table, value) {
  return Object.hasOwn(WORDS[language][table], value) ? WORDS[language][table][value] : value;
}

export function switchLanguage() {
  language = language === "ko" ? "en" : "ko";
  try {
    localStorage.setItem(KEY, language);
  } catch {
    // it lasts as long as the page then
  }
  translatePage();
}

/** Fills every element that names its text. */
export function translatePage() {
  document.documentElement.lang = language;
  for (const node of document.querySelectorAll("[data-t]")) node.textContent = t(node.dataset.t);
  for (const node of document.querySelectorAll("[data-t-label]")) {
    node.setAttribute("aria-label", t(node.dataset.tLabel));
  }
  const other = language === "ko" ? "en" : "ko";
  const button = document.getElementById("language");
  button.textContent = WORDS[other].name;
  button.lang = other;
}
