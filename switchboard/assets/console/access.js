// Who may call: API tokens of StepChat and keys of Voximplant, by name, with their last use. The operator's alone.
import { html, useState } from "./preact.js";
import { moment, t } from "./i18n.js";
import { operator } from "./session.js";
import { Ask, Dialog, Field, Form, Freshness, Table, Text, useLoaded, useNotice } from "./ui.js";

const load = async (signal) => {
  const [tokens, keys] = await Promise.all([operator("tokens", undefined, { signal }), operator("keys", undefined, { signal })]);
  return { tokens, keys };
};

export function Access() {
  const loaded = useLoaded(load, []);
  const [window, open] = useState(null);
  const [made, show] = useState(null);
  const [notice, note] = useNotice();
  const { tokens = [], keys = [] } = loaded.data ?? {};
  const done = (text) => { open(null); note(text); loaded.reload(); };
  const revoke = (path, row) => html`<button type="button" class="danger" onClick=${() => open({ path, row })}>${t("revoke")}<span class="unseen"> ${row.name}</span></button>`;
  return html`<h1>${t("access.title")}</h1><${Freshness} loaded=${loaded} />
    <section aria-labelledby="tokens"><div class="row between"><h2 id="tokens">${t("tokens")}</h2>
      <button type="button" onClick=${() => open("token")}>${t("token.add")}</button></div>
      <p class="hint">${t("tokens.hint")}</p>
      <${Table} caption=${t("tokens")} rows=${tokens} rowKey=${(row) => row.name} loading=${loaded.loading} empty=${t("tokens.none")} columns=${[
        { name: "name", label: t("name"), show: (row) => row.name },
        { name: "scope", label: t("token.scope"), show: (row) => t(`scope.${row.scope}`) },
        { name: "created", label: t("person.created"), show: (row) => moment(row.created) },
        { name: "used", label: t("token.used"), show: (row) => (row.used ? moment(row.used) : t("never")) },
        { name: "x", label: "", show: (row) => (row.revoked ? t("revoked", { time: moment(row.revoked) }) : revoke("tokens/revoke", row)) },
      ]} /></section>
    <section aria-labelledby="keys"><div class="row between"><h2 id="keys">${t("keys")}</h2>
      <button type="button" onClick=${() => open("key")}>${t("key.add")}</button></div>
      <p class="hint">${t("keys.hint")}</p>
      <${Table} caption=${t("keys")} rows=${keys} rowKey=${(row) => `${row.account_id} ${row.name}`} loading=${loaded.loading} empty=${t("keys.none")} columns=${[
        { name: "name", label: t("name"), show: (row) => html`<${Text} value=${row.name} />` },
        { name: "account", label: t("key.account"), show: (row) => row.account_name },
        { name: "end", label: t("key.end"), show: (row) => (row.end ? `…${row.end}` : "") },
        { name: "created", label: t("person.created"), show: (row) => moment(row.created) },
        { name: "x", label: "", show: (row) => revoke("keys/revoke", row) },
      ]} /></section>
    ${window === "token" && html`<${Dialog} title=${t("token.add")} onClose=${() => open(null)}>
      <${Form} submit=${t("token.add")} onCancel=${() => open(null)} onSubmit=${async (fields) => {
        const { token } = await operator("tokens", fields);
        show(token); done("");
      }}><${Field} name="name" label=${t("name")} hint=${t("token.name.hint")} pattern="[a-z0-9\\-]{1,40}" title=${t("token.name.hint")} required autofocus />
        <${Field} as="select" name="scope" label=${t("token.scope")}><option value="read">${t("scope.read")}</option><option value="write">${t("scope.write")}</option></${Field}></${Form}></${Dialog}>`}
    ${window === "key" && html`<${Dialog} title=${t("key.add")} onClose=${() => open(null)}>
      <${Form} submit=${t("key.add")} onCancel=${() => open(null)} onSubmit=${async (fields) => {
        const { api_key } = await operator("keys", fields);
        show(api_key); done("");
      }}><${Field} name="name" label=${t("name")} hint=${t("token.name.hint")} pattern="[a-z0-9\\-]{1,40}" title=${t("token.name.hint")} required autofocus /></${Form}></${Dialog}>`}
    ${window?.path && html`<${Ask} title=${t("revoke.title", { name: window.row.name })} words=${[t("revoke.what")]} submit=${t("revoke")} onClose=${() => open(null)}
      onYes=${async () => { await operator(window.path, { name: window.row.name, account_id: window.row.account_id }); done(t("revoke.done", { name: window.row.name })); }} />`}
    ${made && html`<${Dialog} title=${t("secret.title")} onClose=${() => show(null)}><p>${t("secret.once")}</p>
      <p><code class="secret">${made}</code></p>
      <div class="row end"><button type="button" onClick=${() => navigator.clipboard?.writeText(made)}>${t("copy")}</button>
      <button type="button" class="main" onClick=${() => show(null)}>${t("close")}</button></div></${Dialog}>`}${notice}`;
}
