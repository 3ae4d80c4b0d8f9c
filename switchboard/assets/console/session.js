// Where the calls go and with which credentials: from the server's own process, or typed in by a person.
// Typed credentials live in this tab's session storage and nowhere else.

const KEY = "switchboard-key";
const TYPED = "switchboard-typed";
const WANTED = "switchboard-wanted";

const served = document.querySelector("meta[name=switchboard-server]").content;

// "." is the server the page comes from; anything else is the address of a deployment; nothing is yet to be said.
export const session = {
  base: served === "." ? new URL("..", location.href.split("#")[0]).href.replace(/\/$/, "") : served.replace(/\/$/, ""),
  own: served === ".",
  // What `operator/session` said, or null: then nothing of the operator's is offered.
  operator: null,
  stepchat: null,
  voximplant: null,
  // Groups of Voximplant methods that the key has no role for.
  refused: new Set(),
};

// The key that the server prints comes in the address's fragment, which no browser sends anywhere, and is taken out of it at once.
// What was to be seen before the key was asked for is seen then.
function takeKey() {
  const match = /^#key=([0-9a-f]+)/.exec(location.hash);
  if (match) {
    sessionStorage.setItem(KEY, match[1]);
    const wanted = sessionStorage.getItem(WANTED) ?? "#/people";
    sessionStorage.removeItem(WANTED);
    history.replaceState(null, "", `${location.pathname}${location.search}${wanted}`);
  }
  return sessionStorage.getItem(KEY) ?? "";
}

// The printed address, put into a tab that is open already.
addEventListener("hashchange", () => {
  if (!location.hash.startsWith("#key=")) return;
  takeKey();
  location.reload();
});

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
  // Another key: that of a server that was started anew, or none.
  if (answer.status === 403) throw new Trouble("operator", "403", (await answer.text()).trim());
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
      if (restoreTyped()) return null;
      if (location.hash.length > 2) sessionStorage.setItem(WANTED, location.hash);
      return error;
    }
  }
  return restoreTyped() ? null : new Trouble("credentials", null, "");
}

// What another account is called with. Who signed in with a key of their own has the account of that key.
export const openAccount = (id, signal) => operator("account", { account_id: id }, { signal });

// The account that an address names; the first, if it names none.
export const accountOf = (params) => Number(params.account) || session.operator.voximplant.account_id;

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
  Object.assign(session, { operator: null, stepchat: null, voximplant: null, refused: new Set() });
}

// Whether the credential has a role for a group of Voximplant methods, named by one of them (`findRoles` in api.js).
export const may = (group) => !session.refused.has(group);

// A token that a service key has signed, as the official clients make it: good for an hour, made anew before.
let signed = { token: "", until: 0 };

export async function bearer() {
  const now = Math.floor(Date.now() / 1000);
  const { account_id, key_id, private_key } = session.voximplant;
  if (signed.key !== key_id || signed.until < now + 60) {
    const base64 = (text) => btoa(text).replace(/[+]/g, "-").replace(/[/]/g, "_").replace(/=+$/, "");
    const json = (value) => base64(JSON.stringify(value));
    // An hour is the longest that is taken; a clock may be a little ahead.
    const until = now + 3_500;
    const text = `${json({ alg: "RS256", typ: "JWT", kid: key_id })}.${json({ iss: Number(account_id), iat: now - 60, exp: until })}`;
    const der = Uint8Array.from(atob(private_key.replace(/-----[^-]+-----|\s/g, "")), (one) => one.charCodeAt(0));
    const kind = { name: "RSASSA-PKCS1-v1_5", hash: "SHA-256" };
    const key = await crypto.subtle.importKey("pkcs8", der, kind, false, ["sign"]);
    const signature = new Uint8Array(await crypto.subtle.sign(kind, key, new TextEncoder().encode(text)));
    signed = { key: key_id, until, token: `${text}.${base64(String.fromCharCode(...signature))}` };
  }
  return signed.token;
}
