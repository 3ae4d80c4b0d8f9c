// Texts in the reader's language. A text is a string with {names}, or a function for what depends on a number.
import en from "./lang/en.js";
import ru from "./lang/ru.js";

const LANGUAGES = { en, ru };
const KEPT = "switchboard-language";

function preferred() {
  const kept = sessionStorage.getItem(KEPT);
  if (kept in LANGUAGES) return kept;
  return navigator.languages.map((tag) => tag.slice(0, 2)).find((tag) => tag in LANGUAGES) ?? "en";
}

let language = preferred();
document.documentElement.lang = language;

export const languages = { en: "English", ru: "Русский" };
export const current = () => language;

export function choose(tag) {
  language = tag in LANGUAGES ? tag : "en";
  document.documentElement.lang = language;
  sessionStorage.setItem(KEPT, language);
}

export function t(name, values = {}) {
  const text = LANGUAGES[language][name] ?? en[name];
  if (text === undefined) throw new Error(`no text ${name}`);
  if (typeof text === "function") return text(values);
  return text.replace(/\{(\w+)\}/g, (_, key) => values[key] ?? "");
}

export const has = (name) => name in en;

// The wire's moments are UTC, `YYYY-MM-DD HH:MM:SS`; people see their own time.
export function moment(text) {
  if (!text) return "";
  const date = new Date(`${text.replace(" ", "T")}Z`);
  if (Number.isNaN(date.getTime())) return text;
  return new Intl.DateTimeFormat(language, { dateStyle: "medium", timeStyle: "short" }).format(date);
}

export const clock = (date) => new Intl.DateTimeFormat(language, { timeStyle: "medium" }).format(date);

export const number = (value) => new Intl.NumberFormat(language).format(value);

// An amount: exact decimal text, grouped for reading.
export function amount(text, currency) {
  const [whole, rest = ""] = text.replace("-", "").split(".");
  const grouped = new Intl.NumberFormat(language).format(BigInt(whole));
  const point = new Intl.NumberFormat(language).formatToParts(1.1).find((part) => part.type === "decimal").value;
  return `${text.startsWith("-") ? "−" : ""}${grouped}${rest ? point + rest : ""}${currency ? ` ${currency}` : ""}`;
}

export const fullName = (person) => [person.first_name, person.last_name].filter(Boolean).join(" ") || `#${person.id}`;
