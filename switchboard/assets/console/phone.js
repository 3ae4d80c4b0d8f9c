// Voximplant users: one of them, in the side panel.
import { html, useEffect, useRef, useState } from "./preact.js";
import { newKey, voximplant } from "./api.js";
import { moment, t } from "./i18n.js";
import { change, href, keepUnsaved } from "./route.js";
import { may } from "./session.js";
import { Ask, Check, Conflict, Dialog, Field, Form, Freshness, Text, useLoaded } from "./ui.js";
import { money } from "./phones.js";
import { Transfer } from "./transfer.js";

const LABELS = { user_name: "phone.name", user_display_name: "phone.display", mobile_phone: "phone.mobile", user_custom_data: "phone.custom", user_active: "phone.active", parent_accounting: "phone.parent" };
const SHOWN = Object.keys(LABELS);

async function load(id, signal) {
  const told = await voximplant("GetUsers", { user_id: id, with_skills: true, with_queues: true, return_live_balance: true }, { signal });
  return told.result[0] ?? null;
}

export function PhoneUser({ id, account, onChanged }) {
  const loaded = useLoaded((signal) => load(id, signal), [id]);
  const panel = useRef(null);
  const close = () => change({ user: "" });
  useEffect(() => panel.current?.focus(), [id]);
  const [window, openWindow] = useState(null);
  const user = loaded.data;
  const done = (text) => { openWindow(null); loaded.reload(); onChanged(text); };
  const writes = may("AddUser");
  return html`<aside ref=${panel} tabindex="-1" class="panel" aria-label=${t("phone.panel")}
      onKeyDown=${(event) => { if (event.key === "Escape" && !event.target.closest("dialog")) close(); }}>
    <div class="row end"><button type="button" class="icon" aria-label=${t("close")} onClick=${close}>✕</button></div>
    <${Freshness} loaded=${loaded} />
    ${user === null && html`<p class="notice">${t("phone.gone", { id })}</p>`}
    ${user && html`
      <h2><${Text} value=${user.user_display_name} /></h2>
      <p class="hint"><${Text} value=${user.user_name} /> · ${t("person.id")} ${user.user_id} · ${t("phone.acd")}: ${user.acd_status}</p>
      <p class="hint">${t("person.created")}: ${moment(user.created)} · ${t("phone.modified")}: ${moment(user.modified)}</p>
      <div class="row"><p>${t("phone.balance")}: <strong>${user.parent_accounting ? t("phone.shared") : money(user.balance ?? 0, account.currency)}</strong>${writes && user.parent_accounting && html` <span class="hint">${t("phone.shared.hint")}</span>`}</p>
        ${writes && !user.parent_accounting && html`<button type="button" onClick=${() => openWindow("transfer")}>${t("transfer.title")}</button>
          <button type="button" onClick=${() => openWindow("take")}>${t("transfer.take")}</button>`}
        ${may("GetTransactionHistory") && html`<a class="button" href=${href("money", { user: user.user_id })}>${t("statement.title")}</a>`}</div>
      <${Edit} key=${loaded.at} user=${user} writes=${writes} done=${done} />
      <${Groups} user=${user} account=${account} done=${done} />
      ${writes && html`<div class="row"><button type="button" onClick=${() => openWindow("password")}>${t("person.password")}</button>
        <button type="button" class="danger" onClick=${() => openWindow("delete")}>${t("delete")}</button></div>`}
      ${(window === "transfer" || window === "take") && html`<${Transfer} users=${[user]} account=${account} takes=${window === "take"} onClose=${() => openWindow(null)} onDone=${done} />`}
      ${window === "password" && html`<${Dialog} title=${t("person.password")} onClose=${() => openWindow(null)}>
        <${Form} submit=${t("save")} onCancel=${() => openWindow(null)} onSubmit=${async ({ user_password }) => {
          await voximplant("SetUserInfo", { user_id: id, user_password }, { key: newKey() });
          done(t("saved"));
        }}><${Field} label=${t("person.password.new")} hint=${t("phone.password.hint")} name="user_password" type="password" autocomplete="new-password" required /></${Form}></${Dialog}>`}
      ${window === "delete" && html`<${Ask} title=${t("person.delete.title", { name: user.user_display_name })} words=${[t("phone.delete.what"), t("cannot.undo")]}
        submit=${t("delete")} onClose=${() => openWindow(null)} onYes=${async () => {
          await voximplant("DelUser", { user_id: id }, { key: newKey() });
          close();
          onChanged(t("person.deleted", { name: user.user_display_name }));
        }} />`}`}
    ${loaded.loading && !user && html`<p role="status">${t("loading")}</p>`}
  </aside>`;
}

function Edit({ user, writes, done }) {
  const valuesOf = (one) => Object.fromEntries(SHOWN.map((name) => [name, one[name] ?? (name === "user_active" || name === "parent_accounting" ? false : "")]));
  const [values, set] = useState(() => valuesOf(user));
  const [conflict, setConflict] = useState(null);
  const text = (name) => ({ name, value: values[name], disabled: !writes, onInput: (event) => set({ ...values, [name]: event.target.value }) });
  const flag = (name) => ({ name, checked: values[name], disabled: !writes, onChange: (event) => set({ ...values, [name]: event.target.checked }) });
  const before = valuesOf(user);
  const changed = SHOWN.filter((name) => values[name] !== before[name]);
  const write = async () => {
    const fields = Object.fromEntries(changed.map((name) => [name === "user_name" ? "new_user_name" : name, values[name]]));
    await voximplant("SetUserInfo", { user_id: user.user_id, ...fields }, { key: newKey() });
    setConflict(null);
    done(t("saved"));
  };
  // What was last shown of the user: whatever differs from it has not been seen.
  const seen = useRef(before);
  const save = async () => {
    const now = await load(user.user_id);
    if (!now) { done(""); return; }
    const current = valuesOf(now);
    if (SHOWN.every((name) => current[name] === seen.current[name])) { await write(); return; }
    seen.current = current;
    const others = SHOWN.filter((name) => current[name] !== before[name] || changed.includes(name));
    setConflict(others.map((name) => ({ label: t(LABELS[name]), before: String(before[name]), now: String(current[name]), mine: changed.includes(name) ? String(values[name]) : "" })));
  };
  useEffect(() => { keepUnsaved(changed.length ? t("unsaved") : ""); return () => keepUnsaved(""); }, [changed.length > 0]);
  return html`<${Form} submit=${t("save")} onSubmit=${save} disabled=${!writes || changed.length === 0}>
      <${Field} label=${t("phone.name")} ...${text("user_name")} />
      <${Field} label=${t("phone.display")} ...${text("user_display_name")} />
      <${Field} label=${t("phone.mobile")} inputmode="tel" ...${text("mobile_phone")} />
      <${Field} as="textarea" label=${t("phone.custom")} rows="3" ...${text("user_custom_data")} />
      <${Check} label=${t("phone.active")} ...${flag("user_active")} />
      <${Check} label=${t("phone.parent")} ...${flag("parent_accounting")} />
      ${!user.parent_accounting && values.parent_accounting && html`<p class="hint">${t("phone.parent.what")}</p>`}
    </${Form}>
    ${conflict && html`<${Conflict} rows=${conflict} onMine=${save} onClose=${() => setConflict(null)}
      onTheirs=${() => { setConflict(null); keepUnsaved(""); done(""); }} />`}`;
}

// Skills and queues: shown, and bound or unbound one at a time.
function Groups({ user, account, done }) {
  const binds = may("BindSkill");
  const [error, setError] = useState(null);
  // What was chosen and is not read back yet: without it, an answer to an earlier click would take the later one back.
  const [chosen, setChosen] = useState({});
  const bound = new Set([...(user.skills ?? []).map((one) => `skill ${one.skill_id}`),
    ...(user.acd_queues ?? []).map((one) => `queue ${one.acd_queue_id}`)]);
  useEffect(() => setChosen((old) => Object.fromEntries(Object.entries(old).filter(([name, on]) => bound.has(name) !== on))), [user]);
  const bind = async (name, method, fields, on) => {
    setError(null);
    setChosen((old) => ({ ...old, [name]: on }));
    try {
      await voximplant(method, { user_id: user.user_id, ...fields, bind: on }, { key: newKey() });
      done(t("saved"));
    } catch (failed) {
      setChosen(({ [name]: _, ...others }) => others);
      setError(failed);
    }
  };
  const box = (label, name, method, fields) => html`<${Check} label=${label} checked=${chosen[name] ?? bound.has(name)}
    disabled=${name in chosen} onChange=${(event) => bind(name, method, fields, event.target.checked)} />`;
  const queues = account.queues.filter((one) => !user.application_id || one.application_id === user.application_id);
  return html`<fieldset disabled=${!binds}><legend>${t("phone.skills")}</legend>
      ${account.skills.length === 0 && html`<p class="hint">${t("skills.none")}</p>`}
      ${account.skills.map((one) => box(one.skill_name, `skill ${one.skill_id}`, "BindSkill", { skill_id: one.skill_id }))}</fieldset>
    <fieldset disabled=${!binds}><legend>${t("phone.queues")}</legend>
      ${queues.length === 0 && html`<p class="hint">${t("queues.none")}</p>`}
      ${queues.map((one) => box(one.acd_queue_name, `queue ${one.acd_queue_id}`, "BindUserToQueue",
        { application_id: one.application_id, acd_queue_id: one.acd_queue_id }))}</fieldset>
    ${error && html`<${Freshness} loaded=${{ error, reload: () => setError(null) }} />`}`;
}
