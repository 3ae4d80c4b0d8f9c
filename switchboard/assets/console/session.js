// Where the calls go and with which credentials: from the server's own process, or typed in by a person.
// Typed credentials live in this tab's session storage and nowhere else.

const KEY = "switchboard-key";
const TYPED = "switchboard-typed";

const served = document.querySelector("meta[name=switchboard-server]").content;

// "." is the server the page comes from; anything else is the address of a deployment; nothing is yet to be said.
export const session = {
  base: served === "." ? new URL("..", location.href.split("#")[0]).href.replace(/\/$/, "") : served.replace(/\/$/, ""),
  own: served === ".",
  // What `operator/session` said, or null: then nothing of the operator's is offered.
  operator: null,
  stepchat: null,
  voximplant: null,
};

// The key that the server prints comes in the address's fragment, which no browser sends anywhere, and is taken out of it at once.
function takeKey() {
  const match = /^#key=([0-9a-f]+)/.exec(location.hash);
  if (match) {
    sessionStorage.setItem(KEY, match[1]);
    history.replaceState(null, "", `${location.pathname}${location.search}#/people`);
  }
  return sessionStorage.getItem(KEY) ?? "";
}

export class Trouble extends Error {
  // kind: "offline" (no answer), "credentials", "refused" (the API said no), "busy" (try again later), "unknown".
  constructor(kind, code, message) {
    super(message);
    this.kind = kind;
    this.code = code;
  }
}

export async function operator(path, body, { raw = false, signal } = {}) {
  const headers = { "X-Switchboard-Page": takeKey() };
  const options = { headers, signal, cache: "no-store" };
  if (body !== undefined) {
    options.method = "POST";
    options.body = raw ? body : JSON.stringify(body);
    headers["Content-Type"] = raw ? "text/csv" : "application/json";
  }
  let answer;
  try {
    answer = await fetch(`operator/${path}`, options);
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Trouble("offline", null, "");
  }
  if (answer.status === 403) throw new Trouble("credentials", "403", (await answer.text()).trim());
  const text = await answer.text();
  if (!answer.ok) throw new Trouble("refused", String(answer.status), text.trim());
  return text ? JSON.parse(text) : null;
}

export async function connect() {
  takeKey();
  if (session.own) {
    try {
      const told = await operator("session");
      Object.assign(session, { operator: told, stepchat: told.stepchat, voximplant: told.voximplant });
      return null;
    } catch (error) {
      if (!(error instanceof Trouble)) throw error;
      return restoreTyped() ? null : error;
    }
  }
  return restoreTyped() ? null : new Trouble("credentials", null, "");
}

function restoreTyped() {
  const kept = sessionStorage.getItem(TYPED);
  if (!kept) return false;
  adopt(JSON.parse(kept));
  return true;
}

function adopt({ base, stepchat, voximplant }) {
  if (!session.own && base) session.base = base.replace(/\/$/, "");
  session.stepchat = stepchat;
  session.voximplant = voximplant;
}

export function signIn(typed) {
  adopt(typed);
  sessionStorage.setItem(TYPED, JSON.stringify(typed));
}

export function signOut() {
  sessionStorage.removeItem(TYPED);
  sessionStorage.removeItem(KEY);
  Object.assign(session, { operator: null, stepchat: null, voximplant: null });
}

// Whether a person with these roles may call methods for which one of `wanted` is enough. An API key has every role.
export function may(...wanted) {
  const roles = session.voximplant?.roles;
  return !roles || roles.some((role) => wanted.includes(role));
}
