// StepChat people: one of them, in the side panel.
import { html, useEffect, useRef, useState } from "./preact.js";
import { newKey, stepchat, stepchatWhole } from "./api.js";
import { fullName, moment, t } from "./i18n.js";
import { change, keepUnsaved } from "./route.js";
import { may } from "./session.js";
import { Ask, Conflict, Dialog, Field, Form, Freshness, Link, Text, useLoaded } from "./ui.js";

const TYPES = ["visitor", "lead", "user", "agent", "admin"];
const PROFILE = ["first_name", "last_name", "email", "user_type", "department"];

// The form's values of a person, all of them texts.
const valuesOf = (person) => Object.fromEntries(PROFILE.map((name) => [name, person[name] ?? ""]));
const extrasOf = (person) => new Map((person.details ?? []).map((one) => [one.slug, one]));

async function load(id, signal) {
  const asked = ["get-user", "is-online"].map((method) => stepchat(method, { user_id: id, extra: method === "get-user" || undefined }, { signal }));
  const [person, online] = await Promise.all(asked);
  // Who was only added or imported was not there.
  return person && { ...person, online: online && person.last_activity !== person.creation_time };
}

export function Person({ id, conversation, onChanged }) {
  const loaded = useLoaded((signal) => load(id, signal), [id]);
  const panel = useRef(null);
  const close = () => change({ user: "", conversation: "" });
  useEffect(() => panel.current?.focus(), [id]);
  const person = loaded.data;
  return html`<aside ref=${panel} tabindex="-1" class="panel" aria-label=${t("person.panel")}
      onKeyDown=${(event) => { if (event.key === "Escape" && !event.target.closest("dialog")) close(); }}>
    <div class="row end"><button type="button" class="icon" aria-label=${t("close")} onClick=${close}>✕</button></div>
    <${Freshness} loaded=${loaded} />
    ${person === false && html`<p class="notice">${t("person.gone", { id })}</p>`}
    ${person && html`<${Head} person=${person} />
      <fieldset class="bare" disabled=${!may("update-user")}><${Profile} key=${loaded.at} person=${person} reload=${loaded.reload} onChanged=${onChanged} /></fieldset>
      <${Conversations} id=${id} open=${conversation} />
      ${may("update-user") && html`<${Moves} person=${person} reload=${loaded.reload} onChanged=${onChanged} close=${close} />`}`}
    ${!person && loaded.loading && html`<p role="status">${t("loading")}</p>`}
  </aside>`;
}

function Head({ person }) {
  // Pictures come from anywhere; this page loads nothing from elsewhere, so it draws the initials itself.
  const initials = [person.first_name, person.last_name].map((name) => [...(name ?? "").replace(/^#.*/, "")][0] ?? "").join("");
  return html`<div class="row"><span class="avatar" aria-hidden="true">${initials || "?"}</span>
    <div><h2><${Text} value=${fullName(person)} /></h2>
      <p class="hint">${t(`type.${person.user_type}`)} · ${t("person.id")} ${person.id}${person.online ? ` · ${t("person.online")}` : ""}</p>
      <p class="hint">${t("person.created")}: ${moment(person.creation_time)}</p></div></div>`;
}

// What differs between two states of a person, by field and by extra.
function differences(before, now) {
  const changed = PROFILE.filter((name) => (before[name] ?? "") !== (now[name] ?? ""));
  const [old, current] = [extrasOf(before), extrasOf(now)];
  const slugs = new Set([...old.keys(), ...current.keys()]);
  return [
    ...changed.map((name) => ({ label: t(`person.${name}`), before: before[name] ?? "", now: now[name] ?? "" })),
    ...[...slugs].filter((slug) => slug !== "current_url" && old.get(slug)?.value !== current.get(slug)?.value)
      .map((slug) => ({ label: (current.get(slug) ?? old.get(slug)).name, before: old.get(slug)?.value ?? "", now: current.get(slug)?.value ?? "" })),
  ];
}

function Profile({ person, reload, onChanged }) {
  const [values, set] = useState(() => valuesOf(person));
  const [extras, setExtras] = useState(() => (person.details ?? []).map((one) => ({ ...one })));
  const [conflict, setConflict] = useState(null);
  const edit = (name) => ({ name, value: values[name], onInput: (event) => set({ ...values, [name]: event.target.value }) });
  const kept = (n, patch) => setExtras(extras.map((one, at) => (at === n ? { ...one, ...patch } : one)));

  const changes = () => {
    const before = valuesOf(person);
    const fields = {};
    for (const name of PROFILE) if (values[name] !== before[name]) fields[name] = values[name] || (name === "email" || name === "department" ? "NULL" : "");
    const settings = {};
    const old = extrasOf(person);
    const slugs = new Set();
    for (const one of extras) {
      const slug = one.slug || one.name.trim().toLowerCase().replace(/\s+/g, "-");
      if (!slug) continue;
      slugs.add(slug);
      if (one.value !== old.get(slug)?.value || one.name !== old.get(slug)?.name) settings[slug] = [one.value, one.name];
    }
    for (const [slug, one] of old) if (!slugs.has(slug)) settings[slug] = ["", one.name];
    if (Object.keys(settings).length) fields.extra = settings;
    return fields;
  };
  const write = async () => {
    await stepchat("update-user", { user_id: person.id, ...changes() }, { key: newKey() });
    setConflict(null);
    onChanged(t("saved"));
    reload();
  };
  // What was last shown of the person: whatever differs from it has not been seen.
  const seen = useRef(person);
  const save = async () => {
    if (Object.keys(changes()).length === 0) return;
    // Somebody else may have written meanwhile: show that before anything is saved.
    const now = await stepchat("get-user", { user_id: person.id, extra: true });
    if (now === false) { reload(); return; }
    if (differences(seen.current, now).length === 0) { await write(); return; }
    seen.current = now;
    const mine = { ...person, ...values, details: extras };
    const [theirs, own] = [differences(person, now), differences(person, mine)];
    const both = new Map([...theirs, ...own].map((one) => [one.label, one.before]));
    const after = (changes, label) => changes.find((one) => one.label === label)?.now;
    setConflict([...both].map(([label, before]) => ({ label, before, now: after(theirs, label) ?? before, mine: after(own, label) ?? "" })));
  };
  const dirty = Object.keys(changes()).length > 0;
  useEffect(() => { keepUnsaved(dirty ? t("unsaved") : ""); return () => keepUnsaved(""); }, [dirty]);
  return html`
    <${Form} submit=${t("save")} onSubmit=${save} disabled=${!dirty}>
      <${Field} label=${t("person.first_name")} maxlength="100" ...${edit("first_name")} />
      <${Field} label=${t("person.last_name")} maxlength="100" ...${edit("last_name")} />
      <${Field} label=${t("person.email")} maxlength="191" type="text" inputmode="email" ...${edit("email")} />
      <${Field} as="select" label=${t("person.type")} ...${edit("user_type")} onChange=${(event) => set({ ...values, user_type: event.target.value })}>
        ${TYPES.map((type) => html`<option value=${type} selected=${type === values.user_type}>${t(`type.${type}`)}</option>`)}</${Field}>
      <${Field} label=${t("person.department")} inputmode="numeric" ...${edit("department")} />
      <fieldset><legend>${t("person.extras")}</legend>
        ${extras.map((one, n) => html`<div class="row extra" key=${one.slug || `new-${n}`}>
          <input dir="auto" aria-label=${t("extra.name")} value=${one.name} readonly=${Boolean(one.slug)} placeholder=${t("extra.name")}
            onInput=${(event) => kept(n, { name: event.target.value })} />
          <input dir="auto" aria-label=${t("extra.value", { name: one.name })} value=${one.value} placeholder=${t("extra.value", { name: "" })}
            onInput=${(event) => kept(n, { value: event.target.value })} />
          <button type="button" class="icon" aria-label=${t("extra.remove", { name: one.name })}
            onClick=${() => setExtras(extras.filter((_, at) => at !== n))}>✕</button></div>`)}
        <button type="button" onClick=${() => setExtras([...extras, { slug: "", name: "", value: "" }])}>${t("extra.add")}</button>
      </fieldset>
    </${Form}>
    ${conflict && html`<${Conflict} rows=${conflict} onMine=${save} onClose=${() => setConflict(null)}
      onTheirs=${() => { setConflict(null); keepUnsaved(""); reload(); }} />`}`;
}

async function conversationsOf(id, signal) {
  const rows = [];
  let cursor;
  do {
    const told = await stepchatWhole("get-user-conversations", { user_id: id, cursor }, { signal });
    rows.push(...told.response);
    cursor = told.next_cursor;
  } while (cursor && rows.length < 500);
  return { rows, more: Boolean(cursor) };
}

function Conversations({ id, open }) {
  // Read anew with each that is opened: a link may lead to one that came meanwhile.
  const loaded = useLoaded((signal) => conversationsOf(id, signal), [id, open]);
  const { rows = [], more } = loaded.data ?? {};
  return html`<section aria-labelledby="talks"><h3 id="talks">${t("conversations")}</h3>
    <${Freshness} loaded=${loaded} />
    ${loaded.data && rows.length === 0 && html`<p class="hint">${t("conversations.none")}</p>`}
    <ul class="plain">${rows.map((one) => {
      const talk = one.conversation_id ?? one.id;
      return html`<li><button type="button" class="link" aria-expanded=${open === talk ? "true" : "false"}
        onClick=${() => change({ conversation: open === talk ? "" : talk })}>
          <${Text} value=${one.title || one.message || `#${talk}`} /></button> <span class="hint">${moment(one.creation_time)}</span>
        ${open === talk && html`<${Messages} id=${talk} user=${id} />`}</li>`;
    })}</ul>
    ${more && html`<p class="hint">${t("conversations.more")}</p>`}
  </section>`;
}

function Messages({ id, user }) {
  const loaded = useLoaded((signal) => stepchatWhole("get-conversation", { conversation_id: id, user_id: user }, { signal }), [id]);
  const messages = loaded.data?.response?.messages ?? [];
  return html`<div class="messages"><${Freshness} loaded=${loaded} />
    ${messages.map((one) => html`<article class=${one.user_id === user ? "" : "other"}>
      <p class="hint"><${Text} value=${fullName({ ...one, id: one.user_id })} /> · ${moment(one.creation_time)}</p>
      <p class="said" dir="auto">${one.message}</p>
    </article>`)}
    ${loaded.data?.next_cursor && html`<p class="hint">${t("messages.more")}</p>`}
    ${loaded.loading && html`<p role="status">${t("loading")}</p>`}</div>`;
}

function Moves({ person, reload, onChanged, close }) {
  const [asking, ask] = useState(null);
  const lead = async () => {
    await stepchat("update-user-to-lead", { user_id: person.id }, { key: newKey() });
    onChanged(t("saved"));
    reload();
  };
  const remove = async () => {
    await stepchat("delete-user", { user_id: person.id }, { key: newKey() });
    onChanged(t("person.deleted", { name: fullName(person) }));
    close();
  };
  return html`<div class="row">
    ${["visitor", "user"].includes(person.user_type) && html`<button type="button" onClick=${() => ask("lead")}>${t("person.lead")}</button>`}
    <button type="button" onClick=${() => ask("password")}>${t("person.password")}</button>
    <button type="button" class="danger" onClick=${() => ask("delete")}>${t("delete")}</button>
    ${asking === "lead" && html`<${Ask} title=${t("person.lead")} words=${[t("person.lead.what")]} submit=${t("person.lead")} onYes=${lead} onClose=${() => ask(null)} />`}
    ${asking === "delete" && html`<${Ask} title=${t("person.delete.title", { name: fullName(person) })} words=${[t("person.delete.what"), t("cannot.undo")]}
      submit=${t("delete")} onYes=${remove} onClose=${() => ask(null)} />`}
    ${asking === "password" && html`<${Dialog} title=${t("person.password")} onClose=${() => ask(null)}>
      <${Form} submit=${t("save")} onCancel=${() => ask(null)} onSubmit=${async ({ password }) => {
        await stepchat("update-user", { user_id: person.id, password }, { key: newKey() });
        ask(null);
        onChanged(t("saved"));
      }}><${Field} label=${t("person.password.new")} hint=${t("person.password.hint")} name="password" type="password" autocomplete="new-password" required minlength="1" maxlength="1024" /></${Form}>
    </${Dialog}>`}
  </div>`;
}

export function AddPerson({ onClose, onAdded }) {
  const key = useRef(newKey());
  const add = async ({ phone, ...fields }) => {
    const filled = Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== ""));
    if (phone) filled.extra = { phone: [phone, t("person.phone.label")] };
    onAdded(await stepchat("add-user", filled, { key: key.current }));
  };
  // Changed values are another person: only the same ones again are the same call.
  return html`<${Dialog} title=${t("people.add")} onClose=${onClose}>
    <${Form} submit=${t("people.add")} onSubmit=${add} onCancel=${onClose}>
      <div class="column" onInput=${() => { key.current = newKey(); }}>
        <${Field} label=${t("person.first_name")} name="first_name" maxlength="100" autofocus />
        <${Field} label=${t("person.last_name")} name="last_name" maxlength="100" />
        <${Field} label=${t("person.email")} name="email" maxlength="191" inputmode="email" />
        <${Field} label=${t("person.phone")} name="phone" inputmode="tel" />
        <${Field} as="select" label=${t("person.type")} name="user_type">
          <option value="">${t("type.auto")}</option>
          ${TYPES.map((type) => html`<option value=${type}>${t(`type.${type}`)}</option>`)}</${Field}>
        <${Field} label=${t("person.password.first")} name="password" type="password" autocomplete="new-password" maxlength="1024" />
      </div>
    </${Form}>
  </${Dialog}>`;
}
