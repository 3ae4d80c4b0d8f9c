// The statement of the account, or of one of its users: a chart of the balance, and the lines.
import { html, useEffect, useRef, useState } from "./preact.js";
import { voximplant } from "./api.js";
import { amount, current, has, moment, number, t } from "./i18n.js";
import { decimal, units } from "./money.js";
import { change, href } from "./route.js";
import { Field, Freshness, Table, Text, useLoaded } from "./ui.js";

// Lines of one look: enough for a person, and bounded for the page.
const MOST = 5_000;

async function lines(fields, signal) {
  const rows = [];
  let cursor;
  do {
    const told = await voximplant("GetTransactionHistory", { ...fields, desc_order: true, count: 1000, cursor }, { signal });
    rows.push(...told.result);
    cursor = told.next_cursor ?? (told.result.length === 1000 ? null : undefined);
    if (cursor === null) {
      // Without a cursor the next ones are behind an offset.
      const more = await voximplant("GetTransactionHistory", { ...fields, desc_order: true, count: 1000, offset: rows.length }, { signal });
      rows.push(...more.result);
      cursor = more.next_cursor ?? (more.result.length === 1000 && rows.length < MOST ? null : undefined);
    }
  } while (cursor !== undefined && rows.length < MOST);
  return rows;
}

const moments = (params) => ({
  from_date: params.from ? `${params.from} 00:00:00` : "2000-01-01 00:00:00",
  to_date: params.to ? `${params.to} 23:59:59` : undefined,
});

async function load(params, signal) {
  const span = moments(params);
  const [info, user, all, ofUsers] = await Promise.all([
    voximplant("GetAccountInfo", { return_live_balance: true }, { signal }),
    params.user ? voximplant("GetUsers", { user_id: params.user }, { signal }).then((told) => told.result[0] ?? null) : null,
    lines({ ...span, user_id: params.user || undefined }, signal),
    params.user ? null : lines({ ...span, users_transactions_only: true }, signal),
  ]);
  const users = new Set(ofUsers?.map((line) => line.transaction_id));
  const rows = params.user ? all : all.filter((line) => !users.has(line.transaction_id));
  const balance = units(params.user ? user?.balance ?? 0 : info.result.balance);
  return { info: info.result, user, rows, balance, cut: all.length >= MOST };
}

export function Statement({ params }) {
  const loaded = useLoaded((signal) => load(params, signal), [params.user, params.from, params.to]);
  const { info, user, rows = [], balance, cut } = loaded.data ?? {};
  const show = (value) => amount(decimal(units(value)), info.currency);
  // The balance after each line, from today's balance backwards: only possible when the span reaches to today.
  const whole = !params.to && !cut;
  let left = balance ?? 0n;
  const after = rows.map((row) => { const then = left; left -= units(row.amount); return then; });
  return html`<section aria-labelledby="money-title">
    <h1 id="money-title">${t("statement.title")}</h1>
    ${params.user && html`<p><a href=${href("money")}>${t("statement.of.account")}</a></p>`}
    <${Freshness} loaded=${loaded} />
    ${info && html`<p>${params.user ? html`<${Text} value=${user?.user_display_name ?? t("phone.gone", { id: params.user })} />` : html`<${Text} value=${info.account_name} />`}
${" · "}${t("account.balance")}: <strong>${user?.parent_accounting ? t("phone.shared") : amount(decimal(balance), info.currency)}</strong></p>
      ${!params.user && html`<p class="hint">${t("statement.how")} <a href=${href("phones")}>${t("view.phones")}</a></p>`}`}
    <div class="filters">
      <${Field} label=${t("statement.from")} type="date" value=${params.from ?? ""} onChange=${(event) => change({ from: event.target.value })} />
      <${Field} label=${t("statement.to")} type="date" value=${params.to ?? ""} onChange=${(event) => change({ to: event.target.value })} />
    </div>
    ${whole && rows.length > 1 && html`<${Chart} rows=${rows} after=${after} currency=${info.currency} />`}
    ${cut && html`<p class="notice">${t("statement.cut", { count: number(MOST) })}</p>`}
    ${info && html`<${Table} caption=${t("statement.title")} rows=${rows} rowKey=${(row) => row.transaction_id} loading=${loaded.loading} empty=${t("statement.none")} columns=${[
      { name: "at", label: t("statement.at"), show: (row) => moment(row.performed_at) },
      { name: "type", label: t("statement.type"), show: (row) => (has(`kind.${row.transaction_type}`) ? t(`kind.${row.transaction_type}`) : row.transaction_type) },
      { name: "text", label: t("statement.text"), show: (row) => html`<${Text} value=${row.transaction_description ?? ""} />` },
      { name: "amount", label: t("statement.amount"), className: "number", show: (row) => show(row.amount) },
      ...(whole ? [{ name: "after", label: t("statement.after"), className: "number", show: (row) => amount(decimal(after[rows.indexOf(row)]), "") }] : []),
      { name: "id", label: t("person.id"), className: "number", show: (row) => row.transaction_id },
    ]} />`}
  </section>`;
}

// The balance over time. The library is loaded when there is something to draw; the table says the same in numbers.
function Chart({ rows, after, currency }) {
  const box = useRef(null);
  const [failed, fail] = useState(false);
  useEffect(() => {
    let chart;
    let gone = false;
    const times = rows.map((row) => Date.parse(`${row.performed_at.replace(" ", "T")}Z`) / 1000).reverse();
    // A picture may round; amounts are shown exactly in the table.
    const values = after.map((value) => Number(value) / 10_000).reverse();
    import("./vendor/uplot.js").then(({ default: Plot }) => {
      if (gone) return;
      const style = getComputedStyle(document.documentElement);
      const ink = style.getPropertyValue("--ink").trim();
      const line = style.getPropertyValue("--accent").trim();
      const axis = { stroke: ink, grid: { stroke: style.getPropertyValue("--line").trim() } };
      const span = times.at(-1) - times[0];
      const format = new Intl.DateTimeFormat(current(), span > 2 * 86_400 ? { dateStyle: "short" } : { dateStyle: "short", timeStyle: "short" });
      chart = new Plot({
        // Lines of one moment are a span of nothing, which the library would stretch over years.
        scales: { x: { range: (_, from, to) => [Math.min(from, to - 3_600), to + Math.max(to - from, 3_600) / 50] } },
        width: box.current.clientWidth, height: 220, legend: { show: false }, cursor: { show: false },
        axes: [{ ...axis, space: 120, values: (_, at) => at.map((time) => format.format(time * 1000)) }, { ...axis, size: 80 }],
        series: [{}, { stroke: line, width: 2, paths: Plot.paths.stepped({ align: 1 }), points: { show: times.length < 50 } }],
      }, [times, values], box.current);
    }, () => fail(true));
    return () => { gone = true; chart?.destroy(); };
  }, [rows]);
  if (failed) return html`<p class="hint">${t("chart.failed")}</p>`;
  return html`<div class="chart" ref=${box} role="img" aria-label=${t("chart.label", { currency })}></div>`;
}
