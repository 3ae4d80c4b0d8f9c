// Whether all is well: counts, unfinished work, the ledger's last check, the last hour's calls. The operator's alone.
import { html, useEffect } from "./preact.js";
import { clock, moment, number, t } from "./i18n.js";
import { operator } from "./session.js";
import { Freshness, Table, useLoaded } from "./ui.js";

export function Health() {
  const loaded = useLoaded((signal) => operator("health", undefined, { signal }), []);
  useEffect(() => { const timer = setInterval(loaded.reload, 60_000); return () => clearInterval(timer); }, []);
  const told = loaded.data;
  const figure = (label, value, bad) => html`<div class=${bad ? "figure bad" : "figure"}><dt>${label}</dt><dd>${value}</dd></div>`;
  return html`<h1>${t("health.title")}</h1><${Freshness} loaded=${loaded} />
    ${told && html`<p class="hint">${t("health.at", { time: clock(loaded.at), deployment: told.deployment })}</p>
      <dl class="figures">
        ${figure(t("health.jobs"), told.jobs.left === null ? t("health.unknown") : number(told.jobs.left), told.jobs.age_seconds > 600)}
        ${figure(t("health.jobs.age"), told.jobs.age_seconds === null ? t("health.unknown") : t("seconds", { count: number(told.jobs.age_seconds) }), told.jobs.age_seconds > 600)}
        ${figure(t("health.ledger"), told.ledger.findings === null ? t("health.unknown") : told.ledger.findings === 0 ? t("health.ledger.fine") : t("health.ledger.bad", { count: number(told.ledger.findings) }), told.ledger.findings > 0)}
        ${figure(t("health.ledger.at"), told.ledger.at ? moment(told.ledger.at) : t("never"))}
        ${figure(t("health.requests"), number(told.hour.requests))}
        ${figure(t("health.failures"), number(told.hour.failures), told.hour.failures > 0)}
        ${figure(t("health.read"), number(told.hour.read_units))}
        ${figure(t("health.write"), number(told.hour.write_units))}
      </dl>
      <p class="hint">${t("health.hour", { since: moment(told.hour.since) })}</p>
      ${told.hour.methods.length > 0 && html`<${Table} caption=${t("health.methods")} rows=${told.hour.methods} rowKey=${(row) => row.method} columns=${[
        { name: "method", label: t("health.method"), show: (row) => row.method },
        { name: "requests", label: t("health.requests"), className: "number", show: (row) => number(row.requests) },
        { name: "failures", label: t("health.failures"), className: "number", show: (row) => number(row.failures) },
        { name: "ms", label: t("health.slowest"), className: "number", show: (row) => number(Math.round(row.slowest_ms)) },
      ]} />`}`}`;
}
