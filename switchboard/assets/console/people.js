// StepChat people: the list.
import { html, useEffect, useMemo, useRef, useState } from "./preact.js";
import { allPeople, newKey, stepchat, stepchatWhole, wasOnline } from "./api.js";
import { fullName, moment, number, t } from "./i18n.js";
import { change } from "./route.js";
import { may, session } from "./session.js";
import { Ask, Dialog, Freshness, Table, Text, useLater, useLoaded, useNotice } from "./ui.js";
import { AddPerson, Person } from "./person.js";
import { ImportPeople } from "./import.js";

const PAGE = 100;
const TABS = { all: [], user: ["user"], lead: ["lead"], visitor: ["visitor"], staff: ["agent", "admin"] };
const DELETE_AT_ONCE = 1_000;

// The filter in the address, as get-users takes it.
function asked(params) {
  const types = TABS[params.type] ?? [];
  return {
    sorting: [params.sort || "creation_time", params.dir === "asc" ? "ASC" : "DESC"],
    user_types: types.length ? types : undefined,
    search: params.q || undefined,
  };
}

async function page(params, signal) {
  const fields = { ...asked(params), extra: ["phone"], pagination: params.page || 1 };
  const first = await stepchatWhole("get-users", fields, { signal });
  const rows = first.response;
  for (let cursor = first.next_cursor; cursor;) {
    const more = await stepchatWhole("get-users", { ...fields, cursor }, { signal });
    rows.push(...more.response);
    cursor = more.next_cursor;
  }
  const owner = params.q && !params.page ? await byPhone(params, signal) : null;
  const found = owner && !rows.some((row) => row.id === owner.id) ? [owner, ...rows] : rows;
  const people = params.q ? fitting(params.q, found) : found;
  return people.map((row) => ({ ...row, online: wasOnline(row, first.at) }));
}

const digits = (text) => (text ?? "").replace(/\D/g, "").replace(/^00/, "");
const isPhone = (text) => /^\+?[\d\s().-]{6,}$/.test(text) && digits(text).length >= 5;

// The method finds whoever fits one of the words. Whoever fits all of them comes first; of a number's groups all must fit.
function fitting(q, rows) {
  if (isPhone(q)) return rows.filter((row) => digits(row.extra?.phone).includes(digits(q)));
  const words = q.toLowerCase().split(/\s+/).filter(Boolean);
  const fits = (row) => words.filter((word) => `${fullName(row)} ${row.email ?? ""}`.toLowerCase().includes(word)).length;
  return words.length < 2 ? rows : [...rows].sort((one, other) => fits(other) - fits(one));
}

// The search looks for parts of texts as they were written; a number is one number however its digits are grouped.
async function byPhone(params, signal) {
  if (!isPhone(params.q)) return null;
  const found = await stepchat("get-user-by", { by: "phone", value: digits(params.q) }, { signal });
  if (!found) return null;
  const fields = { ...asked(params), search: undefined, extra: ["phone"], user_ids: [found.id] };
  return (await stepchat("get-users", fields, { signal }))[0] ?? null;
}

export function People({ params }) {
  const counts = useLoaded((signal) => stepchat("count-users", {}, { signal }), [params.type, params.q]);
  const list = useLoaded((signal) => page(params, signal), [params.type, params.q, params.sort, params.dir, params.page]);
  const [chosen, choose] = useState(new Set());
  const [window, openWindow] = useState(null);
  const [notice, note] = useNotice();
  const search = useRef(null);
  const type = params.type in TABS ? params.type : "all";
  const refresh = () => { list.reload(); counts.reload(); };

  useEffect(() => choose(new Set()), [type, params.q]);
  useEffect(() => { if (search.current && document.activeElement !== search.current) search.current.value = params.q ?? ""; }, [params.q]);

  const later = useLater((q) => change({ q, page: "" }, { quiet: true }));
  const rows = list.data ?? [];
  const at = Number(params.page || 1);
  const sort = { by: params.sort || "creation_time", descending: params.dir !== "asc" };
  const columns = useMemo(() => [
    { name: "name", label: t("person.name"), sort: "first_name", show: (row) => html`<span class=${row.online ? "dot on" : "dot"}
        title=${row.online ? t("person.online") : ""}></span><${Text} value=${fullName(row)} />${row.online ? html`<span class="unseen"> ${t("person.online")}</span>` : ""}` },
    { name: "email", label: t("person.email"), sort: "email", className: "long", show: (row) => html`<${Text} value=${row.email ?? ""} />` },
    { name: "phone", label: t("person.phone"), show: (row) => html`<${Text} value=${row.extra?.phone ?? ""} />` },
    { name: "type", label: t("person.type"), sort: "user_type", show: (row) => t(`type.${row.user_type}`) },
    { name: "created", label: t("person.created"), sort: "creation_time", className: params.user ? "less" : "", show: (row) => moment(row.creation_time) },
    { name: "active", label: t("person.active"), sort: "last_activity", className: "less", show: (row) => moment(row.last_activity) },
    { name: "department", label: t("person.department"), sort: "department", className: "less", show: (row) => row.department ?? "" },
    { name: "id", label: t("person.id"), sort: "id", className: "number", show: (row) => row.id },
  ], [document.documentElement.lang, Boolean(params.user)]);

  const countOf = { all: counts.data?.all, user: counts.data?.user, lead: counts.data?.lead, visitor: counts.data?.visitor,
    staff: counts.data && counts.data.all - counts.data.user - counts.data.lead - counts.data.visitor };
  const filtered = Boolean(params.q);

  return html`<div class="split">
    <section aria-labelledby="people-title">
      <div class="row between"><h1 id="people-title">${t("people.title")}</h1>
        <div class="row">
          ${may("update-user") && html`<button type="button" onClick=${() => openWindow("add")}>${t("people.add")}</button>`}
          ${session.operator && html`<button type="button" onClick=${() => openWindow("import")}>${t("people.import")}</button>`}
          <button type="button" onClick=${() => openWindow("export")}>${t("people.export")}</button>
        </div></div>
      <nav class="tabs" aria-label=${t("person.type")}>
        ${Object.keys(TABS).map((tab) => html`<button type="button" aria-current=${tab === type ? "true" : undefined}
          onClick=${() => change({ type: tab === "all" ? "" : tab, page: "" })}>${t(`tab.${tab}`)}
          ${countOf[tab] !== undefined && html`<span class="count">${number(countOf[tab])}</span>`}</button>`)}
      </nav>
      <div class="row"><input ref=${search} id="search" type="search" class="grow" dir="auto" defaultValue=${params.q ?? ""}
        aria-label=${t("people.search")} placeholder=${t("people.search.hint")} onInput=${(event) => later(event.target.value)} /></div>
      <${Freshness} loaded=${list} />
      ${chosen.size > 0 && html`<${Chosen} chosen=${chosen} choose=${choose} params=${params} note=${note} refresh=${refresh}
        total=${filtered ? null : countOf[type]} />`}
      <${Table} caption=${t("people.title")} columns=${columns} rows=${rows} rowKey=${(row) => row.id} sort=${sort}
        onSort=${(by, descending) => change({ sort: by, dir: descending ? "desc" : "asc", page: "" })}
        onOpen=${(row) => change({ user: row.id, conversation: "" })} open=${params.user} chosen=${chosen} onChoose=${choose}
        loading=${list.loading} empty=${list.error ? "" : !filtered ? t("people.none") : t(isPhone(params.q) ? "people.none.phone" : "people.none.found", { q: params.q })} />
      <nav class="row pages" aria-label=${t("pages")}>
        <button type="button" disabled=${at <= 1} onClick=${() => change({ page: at > 2 ? at - 1 : "" })}>${t("pages.before")}</button>
        <span>${t("pages.at", { page: number(at) })}</span>
        <button type="button" disabled=${rows.length < PAGE} onClick=${() => change({ page: at + 1 })}>${t("pages.next")}</button>
      </nav>
      ${notice}
    </section>
    ${params.user && html`<${Person} key=${params.user} id=${params.user} conversation=${params.conversation}
      onChanged=${(text) => { note(text); refresh(); }} />`}
    ${window === "add" && html`<${AddPerson} onClose=${() => openWindow(null)} onAdded=${(id) => {
      openWindow(null); note(t("person.added")); refresh(); change({ user: String(id) });
    }} />`}
    ${window === "import" && html`<${ImportPeople} onClose=${() => { openWindow(null); refresh(); }} />`}
    ${window === "export" && html`<${Export} params=${params} chosen=${chosen} count=${filtered ? undefined : countOf[type]} onClose=${() => openWindow(null)} />`}
  </div>`;
}

// What can be done with the chosen, or with all that the filter finds, whatever page they are on.
function Chosen({ chosen, choose, params, note, refresh, total }) {
  const [busy, setBusy] = useState("");
  const [asking, ask] = useState(false);
  const all = async () => {
    setBusy(t("choose.reading", { count: 0 }));
    try {
      const people = await allPeople(asked(params), { each: (count) => setBusy(t("choose.reading", { count: number(count) })) });
      choose(new Set(people.map((person) => person.id)));
    } catch (error) {
      note(error.message);
    }
    setBusy("");
  };
  const remove = async () => {
    const ids = [...chosen];
    for (let from = 0; from < ids.length; from += DELETE_AT_ONCE) {
      await stepchat("delete-users", { user_ids: ids.slice(from, from + DELETE_AT_ONCE) }, { key: newKey() });
    }
    choose(new Set());
    change({ user: "" });
    note(t("people.deleted", { count: number(ids.length) }));
    refresh();
  };
  return html`<div class="notice row" role="region" aria-label=${t("choose.title")}>
    <strong>${t("choose.count", { count: number(chosen.size) })}</strong>
    <button type="button" disabled=${Boolean(busy)} onClick=${all}>${busy || (total ? t("choose.all.of", { count: number(total) }) : t("choose.all"))}</button>
    <button type="button" onClick=${() => choose(new Set())}>${t("choose.none")}</button>
    ${may("update-user") && html`<button type="button" class="danger" onClick=${() => ask(true)}>${t("delete")}</button>`}
    ${asking && html`<${Ask} title=${t("people.delete.title", { count: number(chosen.size) })} submit=${t("delete")}
      words=${[t("person.delete.what"), t("cannot.undo")]} onYes=${remove} onClose=${() => ask(false)} />`}
  </div>`;
}

// The chosen, or all that the filter finds, or everybody, as the file that csv-users makes.
function Export({ params, chosen, count, onClose }) {
  const [state, set] = useState({ busy: false });
  const type = params.type in TABS ? params.type : "all";
  const make = async (what) => {
    set({ busy: true });
    try {
      let ids;
      if (what === "chosen") ids = [...chosen];
      if (what === "filter") ids = (await allPeople(asked(params))).map((person) => person.id);
      const link = ids?.length === 0 ? null : await stepchat("csv-users", ids ? { user_ids: ids } : {});
      // A file of this server gets a name that says what is in it; one from elsewhere keeps its own.
      const near = link && new URL(link).origin === location.origin;
      const name = near ? `${params.q || type === "all" || what === "all" ? "people" : t(`tab.${type}`).toLowerCase()}.csv` : "users.csv";
      set({ busy: false, name, link: near ? URL.createObjectURL(await (await fetch(link)).blob()) : link });
    } catch (error) {
      set({ busy: false, error });
    }
  };
  const dialog = (content) => html`<${ExportDialog} onClose=${onClose}>${content}</${ExportDialog}>`;
  if (state.link) {
    return dialog(html`<p>${t("export.ready")}</p><p><a class="button main" href=${state.link} download=${state.name} rel="noopener" autofocus>${t("export.download", { name: state.name })}</a></p>`);
  }
  return dialog(html`
    ${state.error && html`<${Freshness} loaded=${{ error: state.error, reload: () => set({ busy: false }) }} />`}
    ${state.link === null && html`<p>${t("people.none")}</p>`}
    <p>${t("export.what")}</p>
    <div class="column">
      ${chosen.size > 0 && html`<button type="button" disabled=${state.busy} onClick=${() => make("chosen")}>${t("export.chosen", { count: number(chosen.size) })}</button>`}
      ${(type !== "all" || params.q) && html`<button type="button" disabled=${state.busy} onClick=${() => make("filter")}>${
        params.q ? t("export.filter") : t("export.tab", { tab: t(`tab.${type}`), count: count === undefined ? "" : ` (${number(count)})` })}</button>`}
      <button type="button" disabled=${state.busy} onClick=${() => make("all")}>${t("export.all")}</button>
    </div>
    ${state.busy && html`<p role="status">${t("working")}</p>`}`);
}

const ExportDialog = ({ children, onClose }) => html`<${Dialog} title=${t("people.export")} onClose=${onClose}>${children}</${Dialog}>`;
