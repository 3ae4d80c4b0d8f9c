// Voximplant users: the account, the list with every filter of GetUsers, and what can be done with the chosen.
import { html, useEffect, useRef, useState } from "./preact.js";
import { newKey, voximplant } from "./api.js";
import { amount, number, t } from "./i18n.js";
import { decimal, units } from "./money.js";
import { change } from "./route.js";
import { may } from "./session.js";
import { Ask, Check, Dialog, Field, Form, Freshness, Table, Text, useLater, useLoaded, useNotice } from "./ui.js";
import { PhoneUser } from "./phone.js";
import { Transfer } from "./transfer.js";

const PAGE = 100;
const STATES = ["OFFLINE", "ONLINE", "READY", "BANNED", "IN_SERVICE", "AFTER_SERVICE", "TIMEOUT", "DND"];
const FILTERS = ["name", "display", "ids", "active", "skill", "noskill", "queue", "noqueue", "acd"];

export const money = (value, currency) => amount(decimal(units(value)), currency);

// The whole of a list method that is short: applications, skills, queues.
export async function everything(method, fields, signal) {
  const rows = [];
  let cursor;
  do {
    const told = await voximplant(method, { ...fields, count: 1000, cursor }, { signal });
    rows.push(...told.result);
    cursor = told.next_cursor;
  } while (cursor);
  return rows;
}

function asked(params) {
  return {
    application_id: params.app || undefined,
    user_name: params.name || undefined,
    user_display_name: params.display || undefined,
    user_id: params.ids || undefined,
    user_active: params.active || undefined,
    skill_id: params.skill || undefined,
    excluded_skill_id: params.noskill || undefined,
    acd_queue_id: params.queue || undefined,
    excluded_acd_queue_id: params.noqueue || undefined,
    acd_status: params.acd || undefined,
    order_by: params.order || "user_id",
    with_skills: true,
    with_queues: true,
  };
}

async function page(params, signal) {
  const offset = (Number(params.page || 1) - 1) * PAGE;
  return voximplant("GetUsers", { ...asked(params), count: PAGE, offset }, { signal });
}

// What the account is, and what its users are sorted into: loaded once for the view.
async function account(signal) {
  const [info, applications, skills] = await Promise.all([
    voximplant("GetAccountInfo", { return_live_balance: true }, { signal }),
    everything("GetApplications", {}, signal),
    everything("GetSkills", {}, signal),
  ]);
  const queues = await Promise.all(applications.map(async (application) =>
    (await everything("GetQueues", { application_id: application.application_id }, signal))
      .map((queue) => ({ ...queue, application_id: application.application_id }))));
  return { ...info.result, applications, skills, queues: queues.flat() };
}

export function Phones({ params }) {
  const known = useLoaded(account, []);
  const list = useLoaded((signal) => page(params, signal), [...FILTERS.map((name) => params[name]), params.app, params.order, params.page]);
  const [chosen, choose] = useState(new Set());
  const [window, openWindow] = useState(null);
  const [notice, note] = useNotice();
  const rows = list.data?.result ?? [];
  const total = list.data?.total_count;
  const at = Number(params.page || 1);
  const refresh = () => { list.reload(); known.reload(); };
  const writes = may("AddUser");
  const names = (known.data?.applications ?? []).length === 1 || params.app ? null : new Map(known.data?.applications.map((one) => [one.application_id, one.application_name]));
  useEffect(() => choose(new Set()), [params.app]);
  const picked = rows.filter((row) => chosen.has(row.user_id));
  const columns = [
    { name: "user_name", label: t("phone.name"), sort: "user_name", show: (row) => html`<${Text} value=${row.user_name} />` },
    { name: "display", label: t("phone.display"), sort: "user_display_name", show: (row) => html`<${Text} value=${row.user_display_name} />` },
    ...(names && rows.some((row) => row.application_id) ? [{ name: "app", label: t("phone.application"), show: (row) => names.get(row.application_id) ?? "" }] : []),
    { name: "active", label: t("phone.active"), show: (row) => (row.user_active ? t("yes") : t("no")) },
    { name: "acd", label: t("phone.acd"), show: (row) => row.acd_status ?? "" },
    { name: "skills", label: t("phone.skills"), className: "less", show: (row) => (row.skills ?? []).map((one) => one.skill_name).join(", ") },
    { name: "balance", label: t("phone.balance"), className: "number", show: (row) => (row.parent_accounting ? t("phone.shared") : money(row.balance ?? 0, "")) },
    { name: "id", label: t("person.id"), sort: "user_id", className: "number", show: (row) => row.user_id },
  ];
  return html`<div class="split"><section aria-labelledby="phones-title">
    <div class="row between"><h1 id="phones-title">${t("phones.title")}</h1>
      ${writes && html`<div class="row"><button type="button" disabled=${!known.data} onClick=${() => openWindow("add")}>${t("phones.add")}</button></div>`}</div>
    ${!list.error && html`<${Freshness} loaded=${known} />`}
    ${known.data && html`<p class="hint"><${Text} value=${known.data.account_name} /> · ${t("account.balance")}: <strong>${money(known.data.balance, known.data.currency)}</strong></p>
      <${Filters} params=${params} account=${known.data} />`}
    <${Freshness} loaded=${list} />
    ${chosen.size > 0 && html`<div class="notice row" role="region" aria-label=${t("choose.title")}>
      <strong>${t("choose.count", { count: number(chosen.size) })}</strong>
      <button type="button" onClick=${() => choose(new Set())}>${t("choose.none")}</button>
      ${writes && html`<button type="button" disabled=${!known.data} onClick=${() => openWindow("transfer")}>${t("transfer.title")}</button>
        <button type="button" class="danger" onClick=${() => openWindow("delete")}>${t("delete")}</button>`}</div>`}
    <${Table} caption=${t("phones.title")} columns=${columns} rows=${rows} rowKey=${(row) => row.user_id}
      sort=${{ by: params.order || "user_id", descending: false }} onSort=${(order) => change({ order, page: "" })}
      onOpen=${(row) => change({ user: row.user_id })} open=${Number(params.user)} chosen=${chosen} onChoose=${choose} loading=${list.loading}
      empty=${list.error ? "" : FILTERS.some((name) => params[name]) ? t("phones.none.found") : t("phones.none")} />
    <nav class="row pages" aria-label=${t("pages")}>
      <button type="button" disabled=${at <= 1} onClick=${() => change({ page: at > 2 ? at - 1 : "" })}>${t("pages.before")}</button>
      <span>${t("pages.at", { page: number(at) })}${total !== undefined ? ` · ${t("pages.total", { count: number(total) })}` : ""}</span>
      <button type="button" disabled=${at * PAGE >= (total ?? 0)} onClick=${() => change({ page: at + 1 })}>${t("pages.next")}</button>
    </nav>${notice}</section>
    ${params.user && known.data && html`<${PhoneUser} key=${params.user} id=${Number(params.user)} account=${known.data}
      onChanged=${(text) => { note(text); refresh(); }} />`}
    ${window === "add" && html`<${AddPhone} account=${known.data} application=${params.app} onClose=${() => openWindow(null)} onAdded=${(id) => {
      openWindow(null); note(t("phone.added")); refresh(); change({ user: id });
    }} />`}
    ${window === "transfer" && html`<${Transfer} users=${picked} account=${known.data} onClose=${() => openWindow(null)}
      onDone=${(text) => { openWindow(null); note(text); refresh(); }} />`}
    ${window === "delete" && html`<${Ask} title=${t("phones.delete.title", { count: number(chosen.size) })} words=${[t("phone.delete.what"), t("cannot.undo")]}
      submit=${t("delete")} onClose=${() => openWindow(null)} onYes=${async () => {
        await remove([...chosen]);
        choose(new Set()); change({ user: "" }); note(t("people.deleted", { count: number(chosen.size) })); refresh();
      }} />`}
  </div>`;
}

// DelUser takes ids without an application: they are the account's own.
async function remove(ids) {
  for (let from = 0; from < ids.length; from += 1000) {
    await voximplant("DelUser", { user_id: ids.slice(from, from + 1000).join(";") }, { key: newKey() });
  }
}

function Filters({ params, account }) {
  const set = (name) => (event) => change({ [name]: event.target.value, page: "" });
  const later = { name: useLater((value) => change({ name: value, page: "" }, { quiet: true })), display: useLater((value) => change({ display: value, page: "" }, { quiet: true })) };
  const choice = (name, label, options) => html`<${Field} as="select" label=${label} value=${params[name] ?? ""} onChange=${set(name)}>
    <option value="">${t("any")}</option>${options.map(([value, text]) => html`<option value=${value} selected=${String(value) === params[name]}>${text}</option>`)}</${Field}>`;
  const skills = account.skills.map((one) => [one.skill_id, one.skill_name]);
  const queues = account.queues.filter((one) => !params.app || String(one.application_id) === params.app).map((one) => [one.acd_queue_id, one.acd_queue_name]);
  const more = FILTERS.slice(2).some((name) => params[name]);
  return html`<div class="filters" role="search" aria-label=${t("filters")}>
    ${choice("app", t("phone.application"), account.applications.map((one) => [one.application_id, one.application_name]))}
    <${Field} label=${t("phone.name")} id="search" type="search" defaultValue=${params.name ?? ""} onInput=${(event) => later.name(event.target.value)} />
    <${Field} label=${t("phone.display")} type="search" defaultValue=${params.display ?? ""} onInput=${(event) => later.display(event.target.value)} />
    <details open=${more}><summary>${t("filters.more")}</summary><div class="filters">
      ${choice("active", t("phone.active"), [["true", t("yes")], ["false", t("no")]])}
      ${choice("acd", t("phone.acd"), STATES.map((one) => [one, one]))}
      ${choice("skill", t("filter.skill"), skills)} ${choice("noskill", t("filter.noskill"), skills)}
      ${choice("queue", t("filter.queue"), queues)} ${choice("noqueue", t("filter.noqueue"), queues)}
      <${Field} label=${t("filter.ids")} hint=${t("filter.ids.hint")} defaultValue=${params.ids ?? ""} onChange=${set("ids")} />
    </div></details>
  </div>`;
}

function AddPhone({ account, application, onClose, onAdded }) {
  const key = useRef(newKey());
  const add = async ({ shared, ...fields }) => {
    const filled = Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== ""));
    const told = await voximplant("AddUser", { ...filled, parent_accounting: shared === "on" }, { key: key.current });
    onAdded(told.user_id);
  };
  return html`<${Dialog} title=${t("phones.add")} onClose=${onClose}>
    ${account.applications.length === 0 ? html`<p class="notice">${t("phones.no.application")}</p>` : html`
    <${Form} submit=${t("phones.add")} onSubmit=${add} onCancel=${onClose}>
      <div class="column" onInput=${() => { key.current = newKey(); }}>
        <${Field} as="select" label=${t("phone.application")} name="application_id" required>
          ${account.applications.map((one) => html`<option value=${one.application_id} selected=${String(one.application_id) === application}>${one.application_name}</option>`)}</${Field}>
        <${Field} label=${t("phone.name")} hint=${t("phone.name.hint")} name="user_name" required autofocus />
        <${Field} label=${t("phone.display")} name="user_display_name" required maxlength="255" />
        <${Field} label=${t("person.password.new")} hint=${t("phone.password.hint")} name="user_password" type="password" autocomplete="new-password" required />
        <${Field} label=${t("phone.mobile")} name="mobile_phone" inputmode="tel" />
        <${Field} label=${t("phone.custom")} name="user_custom_data" />
        <${Check} label=${t("phone.parent")} name="shared" defaultChecked />
        <p class="hint">${t("phone.parent.hint")}</p>
      </div>
    </${Form}>`}
  </${Dialog}>`;
}
