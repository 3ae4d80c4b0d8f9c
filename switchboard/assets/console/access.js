// Who may call: API tokens of StepChat and keys of Voximplant, by name, with their last use. The operator's alone.
import { html, useState } from "./preact.js";
import { moment, t } from "./i18n.js";
import { operator, session } from "./session.js";
import { Ask, Check, Dialog, Field, Form, Freshness, Table, Text, useLoaded, useNotice } from "./ui.js";

const load = async (signal) => {
  const [tokens, keys, services] = await Promise.all(["tokens", "keys", "service-keys"].map((path) => operator(path, undefined, { signal })));
  return { tokens, keys, services };
};

const Name = () => html`<${Field} name="name" label=${t("name")} hint=${t("token.name.hint")} title=${t("token.name.hint")}
  pattern="[a-z0-9\\-]{1,40}" required autofocus />`;

// Whose key it is to be.
const Account = () => html`<${Field} as="select" name="account_id" label=${t("key.account")}>
  ${session.operator.accounts.map((one) => html`<option value=${one.account_id}>${one.account_name}</option>`)}</${Field}>`;

// Makes a token or a key, and hands on what `secret` finds in the answer: it is shown once.
function Make({ path, title, fieldsOf = (fields) => fields, secret, onClose, onMade, children }) {
  return html`<${Dialog} title=${title} onClose=${onClose}>
    <${Form} submit=${title} onCancel=${onClose} onSubmit=${async (fields, form) => onMade(secret(await operator(path, fieldsOf(fields, form))))}>
      ${children}</${Form}></${Dialog}>`;
}

const ofAccount = ({ account_id, ...fields }) => ({ ...fields, account_id: Number(account_id) });
const roles = (fields, form) => ({ ...ofAccount({ account_id: fields.account_id }), description: fields.description, roles: new FormData(form).getAll("role") });

export function Access() {
  const loaded = useLoaded(load, []);
  const [window, open] = useState(null);
  const [made, show] = useState(null);
  const [notice, note] = useNotice();
  const { tokens = [], keys = [], services = [] } = loaded.data ?? {};
  const done = (text) => { open(null); note(text); loaded.reload(); };
  const shown = (secret) => { show(secret); done(""); };
  const revoke = (path, name, fields) => html`<button type="button" class="danger" onClick=${() => open({ path, name, fields })}>${t("revoke")}<span class="unseen"> ${name}</span></button>`;
  // What this page itself calls with: without it, it shows nothing more.
  const own = (row) => row.name.startsWith("switchboard-console-")
    || row.account_id === session.operator.voximplant.account_id && row.end && session.operator.voximplant.api_key.endsWith(row.end);
  const used = { name: "used", label: t("token.used"), show: (row) => (row.used ? moment(row.used) : t("never")) };
  const created = { name: "created", label: t("person.created"), show: (row) => moment(row.created) };
  return html`<h1>${t("access.title")}</h1><${Freshness} loaded=${loaded} />
    <section aria-labelledby="tokens"><div class="row between"><h2 id="tokens">${t("tokens")}</h2>
      <button type="button" onClick=${() => open("token")}>${t("token.add")}</button></div>
      <p class="hint">${t("tokens.hint")}</p>
      <${Table} caption=${t("tokens")} rows=${tokens} rowKey=${(row) => row.name} loading=${loaded.loading} empty=${t("tokens.none")} columns=${[
        { name: "name", label: t("name"), show: (row) => row.name },
        { name: "scope", label: t("token.scope"), show: (row) => t(`scope.${row.scope}`) },
        created, used,
        { name: "x", label: "", show: (row) => (row.revoked ? t("revoked", { time: moment(row.revoked) }) : revoke("tokens/revoke", row.name, { name: row.name })) },
      ]} /></section>
    <section aria-labelledby="keys"><div class="row between"><h2 id="keys">${t("keys")}</h2>
      <button type="button" onClick=${() => open("key")}>${t("key.add")}</button></div>
      <p class="hint">${t("keys.hint")}</p>
      <${Table} caption=${t("keys")} rows=${keys} rowKey=${(row) => `${row.account_id} ${row.name}`} loading=${loaded.loading} empty=${t("keys.none")} columns=${[
        { name: "name", label: t("name"), show: (row) => html`<${Text} value=${row.name} />` },
        { name: "account", label: t("key.account"), show: (row) => row.account_name },
        { name: "end", label: t("key.end"), show: (row) => (row.end ? `…${row.end}` : "") },
        created, used,
        { name: "x", label: "", show: (row) => (own(row) ? html`<span class="hint">${t("key.own")}</span>` : revoke("keys/revoke", row.name, { name: row.name, account_id: row.account_id })) },
      ]} /></section>
    <section aria-labelledby="services"><div class="row between"><h2 id="services">${t("services")}</h2>
      <button type="button" onClick=${() => open("service")}>${t("service.add")}</button></div>
      <p class="hint">${t("services.hint")}</p>
      <${Table} caption=${t("services")} rows=${services} rowKey=${(row) => row.id} loading=${loaded.loading} empty=${t("keys.none")} columns=${[
        { name: "name", label: t("service.what"), show: (row) => html`<${Text} value=${row.description || row.id} />` },
        { name: "account", label: t("key.account"), show: (row) => row.account_name },
        { name: "roles", label: t("service.roles"), show: (row) => row.roles.join(", ") },
        created, used,
        { name: "x", label: "", show: (row) => revoke("service-keys/revoke", row.description || row.id, { id: row.id, account_id: row.account_id }) },
      ]} /></section>
    ${window === "token" && html`<${Make} path="tokens" title=${t("token.add")} secret=${(made) => made.token} onClose=${() => open(null)} onMade=${shown}>
      <${Name} /><${Field} as="select" name="scope" label=${t("token.scope")}><option value="read">${t("scope.read")}</option><option value="write">${t("scope.write")}</option></${Field}></${Make}>`}
    ${window === "key" && html`<${Make} path="keys" title=${t("key.add")} fieldsOf=${ofAccount} secret=${(made) => made.api_key} onClose=${() => open(null)} onMade=${shown}>
      <${Name} /><${Account} /></${Make}>`}
    ${window === "service" && html`<${Make} path="service-keys" title=${t("service.add")} fieldsOf=${roles} secret=${(made) => `${JSON.stringify(made, null, 2)}\n`} onClose=${() => open(null)} onMade=${shown}>
      <${Field} name="description" label=${t("service.what")} required autofocus /><${Account} />
      <fieldset><legend>${t("service.roles")}</legend>${session.operator.roles.map((role) => html`<${Check} label=${role} name="role" value=${role} />`)}</fieldset></${Make}>`}
    ${window?.path && html`<${Ask} title=${t("revoke.title", { name: window.name })} words=${[t("revoke.what")]} submit=${t("revoke")} onClose=${() => open(null)}
      onYes=${async () => { await operator(window.path, window.fields); done(t("revoke.done", { name: window.name })); }} />`}
    ${made && html`<${Made} secret=${made} onClose=${() => show(null)} />`}${notice}`;
}

// A secret, the one time that it is shown: only who says so closes it.
function Made({ secret, onClose }) {
  const [copied, set] = useState(false);
  const file = secret.startsWith("{");
  const copy = () => navigator.clipboard?.writeText(secret).then(() => set(true), () => set(false));
  return html`<${Dialog} title=${t(file ? "secret.file.title" : "secret.title")} onClose=${onClose} stays><p>${t("secret.once")}</p>
    <p><code class="secret">${secret}</code></p>
    <div class="row end">${file && html`<a class="button main" download="voximplant.json" href=${`data:application/json,${encodeURIComponent(secret)}`}>${t("service.file")}</a>`}
      <button type="button" class=${file ? "" : "main"} onClick=${copy}>${t(copied ? "copied" : "copy")}</button>
      <button type="button" onClick=${onClose}>${t("close")}</button></div></${Dialog}>`;
}
