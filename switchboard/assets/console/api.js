// The two public APIs. Everything about people and money goes through them, and through nothing else.
import { bearer, session, Trouble } from "./session.js";

const BUSY = new Set([429, 502, 503, 504]);

async function post(url, fields, { headers = {}, signal } = {}) {
  const body = new URLSearchParams();
  for (const [name, value] of Object.entries(fields)) {
    if (value === undefined || value === null) continue;
    body.set(name, typeof value === "object" ? JSON.stringify(value) : String(value));
  }
  let answer;
  try {
    answer = await fetch(url, { method: "POST", body, headers, signal, cache: "no-store" });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Trouble("offline", null, "");
  }
  let told;
  try {
    told = await answer.json();
  } catch {
    throw new Trouble(BUSY.has(answer.status) ? "busy" : "unknown", String(answer.status), "");
  }
  return { answer, told };
}

// Codes that mean: this credential opens nothing any more, or not this.
const NO_ENTRY = new Set(["invalid-token", "security-error"]);

// Calls a StepChat method; the whole answer, since lists carry `next_cursor` beside `response`.
export async function stepchatWhole(method, fields = {}, { key, signal } = {}) {
  if (!session.stepchat?.token) throw new Trouble("credentials", null, "");
  const headers = { Accept: "application/json", Authorization: `Bearer ${session.stepchat.token}` };
  if (key) headers["Idempotency-Key"] = key;
  const { answer, told } = await post(`${session.base}/stepchat/${method}`, fields, { headers, signal });
  // Times in the answer are the server's, and so is this one, where the browser may read it.
  if (told.success === true) return { ...told, at: Date.parse(answer.headers.get("Date") ?? "") || Date.now() };
  const code = typeof told.response === "string" ? told.response : String(answer.status);
  if (NO_ENTRY.has(code)) throw new Trouble("credentials", code, told.message ?? "");
  throw new Trouble(BUSY.has(answer.status) ? "busy" : "refused", code, told.message ?? "");
}

// Whether somebody was online when a list was read, which shows when each was last active. The window is the service's own,
// unless its operator has set another. Asking for all who are online would cost more the more there are.
// Who was only added or imported was not there.
export const wasOnline = (person, at) => person.last_activity !== person.creation_time && at - Date.parse(`${person.last_activity?.replace(" ", "T")}Z`) < 30_000;

export const stepchat = async (method, fields, options) => (await stepchatWhole(method, fields, options)).response;

// Codes of Voximplant for credentials that are not (or no longer) good: the key, the account, the token and its dates.
const NO_CREDENTIAL = new Set([100, 115, 447, 454, 455, 456]);
// The credential is good, but not for this method. Nothing tells it but the sentence.
const NO_ROLE = /needs one of the roles/;

// Calls a Voximplant method; the whole answer.
export async function voximplant(method, fields = {}, { key, signal } = {}) {
  if (!session.voximplant) throw new Trouble("credentials", null, "");
  const { account_id, api_key } = session.voximplant;
  const headers = key ? { "Idempotency-Key": key } : {};
  if (!api_key) headers.Authorization = `Bearer ${await bearer()}`;
  const { answer, told } = await post(
    `${session.base}/platform_api/${method}`, { ...fields, account_id, api_key }, { headers, signal });
  if (told.error) {
    const { code, msg } = told.error;
    const kind = NO_CREDENTIAL.has(code) && !NO_ROLE.test(msg) ? "credentials" : code === 340 ? "busy" : "refused";
    throw new Trouble(kind, String(code), msg ?? "");
  }
  if (told.result === undefined) throw new Trouble(BUSY.has(answer.status) ? "busy" : "unknown", String(answer.status), "");
  return told;
}

// One method of each group that asks for the same roles. Called without its fields none of them does anything: it says
// which field it misses, or that no role of the key reaches it.
const GROUPS = ["AddUser", "AddSkill", "BindSkill", "GetUsers", "GetTransactionHistory"];

// Finds out what the credentials reach; what they do not is not offered.
export async function findRoles() {
  const groups = session.voximplant ? GROUPS : [];
  const [reads, refused] = await Promise.all([onlyReads(), Promise.all(groups.map((method) => voximplant(method).then(() => false, (error) => {
    if (!(error instanceof Trouble) || error.kind === "credentials" || error.kind === "offline") throw error;
    return NO_ROLE.test(error.message);
  })))]);
  session.refused = new Set([...groups.filter((_, n) => refused[n]), ...(reads ? [WRITES] : [])]);
}

// A StepChat method that changes people. Called for nobody it changes nobody.
const WRITES = "update-user";

// Whether the StepChat token is one that may only read.
async function onlyReads() {
  if (!session.stepchat?.token) return false;
  try {
    await stepchat(WRITES, {});
  } catch (error) {
    if (!(error instanceof Trouble) || error.kind === "offline" || error.code === "invalid-token") throw error;
    return error.code === "security-error";
  }
  return false;
}

// Every row of a list method, page by page; `each` hears how many there are so far.
export async function allPeople(fields, { each, signal } = {}) {
  const people = new Map();
  for (let page = 1; ; page += 1) {
    let cursor;
    let rows = 0;
    do {
      const told = await stepchatWhole("get-users", { ...fields, pagination: page, cursor }, { signal });
      for (const person of told.response) people.set(person.id, person);
      rows += told.response.length;
      cursor = told.next_cursor;
      each?.(people.size);
    } while (cursor);
    if (rows < 100) return [...people.values()];
  }
}

export const newKey = () => crypto.randomUUID();
