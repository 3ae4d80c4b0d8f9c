// What Voximplant users are sorted into: applications, skills, queues.
import { html, useState } from "./preact.js";
import { newKey, voximplant } from "./api.js";
import { moment, t } from "./i18n.js";
import { href } from "./route.js";
import { may } from "./session.js";
import { Ask, Dialog, Field, Form, Freshness, Table, Text, useLoaded, useNotice } from "./ui.js";
import { everything } from "./phones.js";

async function load(signal) {
  const [applications, skills] = await Promise.all([everything("GetApplications", {}, signal), everything("GetSkills", {}, signal)]);
  const queues = await Promise.all(applications.map(async (one) =>
    (await everything("GetQueues", { application_id: one.application_id, with_operatorcount: true }, signal))
      .map((queue) => ({ ...queue, application: one }))));
  return { applications, skills, queues: queues.flat() };
}

export function Setup() {
  const loaded = useLoaded(load, []);
  const [window, open] = useState(null);
  const [notice, note] = useNotice();
  const { applications = [], skills = [], queues = [] } = loaded.data ?? {};
  const writes = may("AddSkill");
  const done = (text) => { open(null); note(text); loaded.reload(); };
  const part = (id, title, add, table) => html`<section aria-labelledby=${id}>
    <div class="row between"><h2 id=${id}>${title}</h2>${writes && html`<button type="button" onClick=${() => open(add)}>${t(`${add}.add`)}</button>`}</div>${table}</section>`;
  return html`<h1>${t("setup.title")}</h1><${Freshness} loaded=${loaded} />
    ${part("apps", t("applications"), "application", html`<${Table} caption=${t("applications")} rows=${applications} rowKey=${(row) => row.application_id} loading=${loaded.loading} columns=${[
      { name: "name", label: t("name"), show: (row) => html`<a href=${href("phones", { app: row.application_id })}><${Text} value=${row.application_name} /></a>` },
      { name: "created", label: t("person.created"), show: (row) => moment(row.created) },
      { name: "id", label: t("person.id"), className: "number", show: (row) => row.application_id },
      ...(writes ? [{ name: "x", label: "", show: (row) => html`<button type="button" class="danger" onClick=${() => open({ remove: row })}>${t("delete")}<span class="unseen"> ${row.application_name}</span></button>` }] : []),
    ]} />`)}
    ${part("skills", t("phone.skills"), "skill", html`<${Table} caption=${t("phone.skills")} rows=${skills} rowKey=${(row) => row.skill_id} loading=${loaded.loading} empty=${t("skills.none")} columns=${[
      { name: "name", label: t("name"), show: (row) => html`<a href=${href("phones", { skill: row.skill_id })}><${Text} value=${row.skill_name} /></a>` },
      { name: "id", label: t("person.id"), className: "number", show: (row) => row.skill_id },
    ]} />`)}
    ${part("queues", t("phone.queues"), "queue", html`<${Table} caption=${t("phone.queues")} rows=${queues} rowKey=${(row) => row.acd_queue_id} loading=${loaded.loading} empty=${t("queues.none")} columns=${[
      { name: "name", label: t("name"), show: (row) => html`<a href=${href("phones", { queue: row.acd_queue_id, app: row.application.application_id })}><${Text} value=${row.acd_queue_name} /></a>` },
      { name: "app", label: t("phone.application"), show: (row) => row.application.application_name },
      { name: "operators", label: t("queue.operators"), className: "number", show: (row) => row.operatorcount ?? "" },
      { name: "id", label: t("person.id"), className: "number", show: (row) => row.acd_queue_id },
    ]} />`)}
    ${window === "application" && html`<${Named} title=${t("application.add")} field="application_name" method="AddApplication" done=${done} close=${() => open(null)} />`}
    ${window === "skill" && html`<${Named} title=${t("skill.add")} field="skill_name" method="AddSkill" done=${done} close=${() => open(null)} />`}
    ${window === "queue" && html`<${Named} title=${t("queue.add")} field="acd_queue_name" method="AddQueue" done=${done} close=${() => open(null)} applications=${applications} />`}
    ${window?.remove && html`<${Ask} title=${t("application.delete.title", { name: window.remove.application_name })} words=${[t("application.delete.what"), t("cannot.undo")]}
      submit=${t("delete")} onClose=${() => open(null)} onYes=${async () => {
        await voximplant("DelApplication", { application_id: window.remove.application_id }, { key: newKey() });
        done(t("saved"));
      }} />`}${notice}`;
}

function Named({ title, field, method, done, close, applications }) {
  const [key] = useState(newKey);
  return html`<${Dialog} title=${title} onClose=${close}><${Form} submit=${title} onCancel=${close}
      onSubmit=${async (fields) => { await voximplant(method, fields, { key: `${key}-${JSON.stringify(fields)}`.slice(0, 255) }); done(t("saved")); }}>
    ${applications && html`<${Field} as="select" name="application_id" label=${t("phone.application")}>
      ${applications.map((one) => html`<option value=${one.application_id}>${one.application_name}</option>`)}</${Field}>`}
    <${Field} name=${field} label=${t("name")} required autofocus /></${Form}></${Dialog}>`;
}
