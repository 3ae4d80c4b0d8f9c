// The console: the frame around the views, and the keys that work everywhere.
import { html, render, useEffect, useErrorBoundary, useState } from "./preact.js";
import { choose, current, languages, t } from "./i18n.js";
import { change, href, useRoute } from "./route.js";
import { findRoles } from "./api.js";
import { accountOf, connect, may, openAccount, session, signIn, signOut, Trouble } from "./session.js";
import { Field, Form, said } from "./ui.js";
import { Access } from "./access.js";
import { Health } from "./health.js";
import { People } from "./people.js";
import { Phones } from "./phones.js";
import { Setup } from "./setup.js";
import { Statement } from "./statement.js";

// What is offered: only what the credentials at hand can do.
const VIEWS = {
  people: { show: People, open: () => Boolean(session.stepchat?.token) },
  phones: { show: Phones, open: () => Boolean(session.voximplant) && may("GetUsers") },
  money: { show: Statement, open: () => Boolean(session.voximplant) && may("GetTransactionHistory") },
  setup: { show: Setup, open: () => Boolean(session.voximplant) && may("GetUsers") },
  access: { show: Access, open: () => Boolean(session.operator) },
  health: { show: Health, open: () => Boolean(session.operator) },
};

// The views of one account's users and money.
const OF_ACCOUNT = new Set(["phones", "money", "setup"]);

// Which account's views are shown: the address says so. Nothing is shown before it can be called for.
function useAccount(params) {
  const wanted = session.operator && accountOf(params);
  const [opened, set] = useState({ account: session.voximplant?.account_id });
  useEffect(() => {
    if (!wanted || wanted === opened.account) return;
    // Whoever goes on to a third account meanwhile must not end up with the key of this one.
    const stop = new AbortController();
    openAccount(wanted, stop.signal).then((told) => {
      if (stop.signal.aborted) return;
      session.voximplant = told;
      set({ account: wanted });
    }, (failed) => stop.signal.aborted || set({ account: wanted, failed }));
    return () => stop.abort();
  }, [wanted]);
  return { account: opened.account, failed: opened.failed, ready: !wanted || wanted === opened.account };
}

// More than one account: which is looked at.
function ChooseAccount({ account }) {
  const accounts = session.operator?.accounts ?? [];
  if (accounts.length < 2) return null;
  return html`<label class="unseen" for="account">${t("key.account")}</label>
    <select id="account" onChange=${(event) => change({ account: event.target.value, app: "", user: "", skill: "", noskill: "", queue: "", noqueue: "", page: "" })}>
      ${accounts.map((one) => html`<option value=${one.account_id} selected=${one.account_id === account}>${one.account_name}</option>`)}</select>`;
}

function Frame({ onLanguage }) {
  const { view, params } = useRoute();
  const open = Object.entries(VIEWS).filter(([, one]) => one.open());
  const [name, shown] = open.find(([one]) => one === view) ?? open[0] ?? [];
  const [failure, again] = useErrorBoundary();
  const { account, failed, ready } = useAccount(params);
  useEffect(() => { document.title = `${t(`view.${name}`)} · Switchboard`; }, [name, current()]);
  useEffect(() => {
    const keys = (event) => {
      const typing = event.target.closest("input, textarea, select, dialog");
      if (event.key === "/" && !typing && !event.ctrlKey && !event.metaKey && !event.altKey) {
        const box = document.getElementById("search");
        if (box) { event.preventDefault(); box.focus(); box.select(); }
      }
      if (event.key === "Escape" && event.target.id === "search") event.target.blur();
    };
    addEventListener("keydown", keys);
    return () => removeEventListener("keydown", keys);
  }, []);
  const View = shown?.show;
  return html`<a class="skip" href="#main" onClick=${(event) => { event.preventDefault(); document.getElementById("main").focus(); }}>${t("skip")}</a>
    <header class="top">
      <a class="brand" href="#/people"><img src="icon.svg" alt="" width="24" height="24" />Switchboard</a>
      <nav aria-label=${t("views")}>${open.map(([one]) => html`<a href=${href(one)} aria-current=${one === name ? "page" : undefined}>${t(`view.${one}`)}</a>`)}</nav>
      <span class="hint server">${session.operator?.deployment ?? new URL(session.base).host}</span>
      ${OF_ACCOUNT.has(name) && html`<${ChooseAccount} account=${account} />`}
      <label class="unseen" for="language">${t("language")}</label>
      <select id="language" onChange=${(event) => onLanguage(event.target.value)}>
        ${Object.entries(languages).map(([tag, text]) => html`<option value=${tag} lang=${tag} selected=${tag === current()}>${text}</option>`)}</select>
      ${!session.operator && html`<button type="button" onClick=${() => { signOut(); location.reload(); }}>${t("sign.out")}</button>`}
    </header>
    <main id="main" tabindex="-1">
      ${failure ? html`<div class="notice bad" role="alert"><p>${said(failure)}</p><button type="button" onClick=${again}>${t("again")}</button></div>`
        : OF_ACCOUNT.has(name) && failed ? html`<div class="notice bad" role="alert"><p>${said(failed)}</p></div>`
        : OF_ACCOUNT.has(name) && !ready ? html`<p role="status">${t("loading")}</p>`
        : View ? html`<${View} key=${OF_ACCOUNT.has(name) ? `${name} ${account}` : name} params=${params} />` : html`<p class="notice">${t("nothing.open")}</p>`}
    </main>`;
}

// The credentials file of the official clients.
async function serviceKey(file) {
  try {
    const { account_id, key_id, private_key } = JSON.parse(await file.text());
    if (account_id && key_id && private_key) return { account_id, key_id, private_key };
  } catch {
    // Told below.
  }
  throw new Trouble("refused", "file", t("sign.file.bad"));
}

function SignIn({ why, onDone }) {
  return html`<main id="main" class="sign-in"><h1>Switchboard</h1>
    ${why?.kind === "offline" ? html`<p class="notice bad" role="alert">${said(why)}</p>`
      : html`<p class="notice">${session.own ? t("sign.secret") : t("sign.why")}${why?.message ? ` (${why.message})` : ""}</p>`}
    <${Form} submit=${t("sign.in")} onSubmit=${async ({ base, token, account_id, api_key, file }) => {
      const voximplant = file?.size ? await serviceKey(file) : api_key ? { account_id, api_key } : null;
      signIn({ base, stepchat: token ? { token } : null, voximplant });
      await findRoles();
      onDone();
    }}>
      ${!session.own && !session.base && html`<${Field} name="base" label=${t("sign.base")} type="url" required pattern="https?://.*" placeholder="https://…" />`}
      <fieldset><legend>StepChat</legend><${Field} name="token" label=${t("sign.token")} type="password" autocomplete="off" /></fieldset>
      <fieldset><legend>Voximplant</legend><${Field} name="account_id" label=${t("sign.account")} inputmode="numeric" />
        <${Field} name="api_key" label=${t("sign.key")} type="password" autocomplete="off" />
        <${Field} name="file" label=${t("sign.file")} type="file" accept=".json,application/json" /></fieldset>
      <p class="hint">${t("sign.kept")}</p>
    </${Form}></main>`;
}

function App() {
  const [state, set] = useState({ phase: "connecting" });
  const [, redraw] = useState(current());
  // What was typed before is looked at again: its roles may be others now.
  const start = async () => {
    try {
      const why = await connect();
      if (!why && !session.operator) await findRoles();
      set(why ? { phase: "sign-in", why } : { phase: "ready" });
    } catch (why) {
      set({ phase: "sign-in", why });
    }
  };
  useEffect(() => { start(); }, []);
  if (state.phase === "connecting") return html`<p class="empty" role="status">${t("loading")}</p>`;
  if (state.phase === "sign-in") return html`<${SignIn} why=${state.why} onDone=${() => set({ phase: "ready" })} />`;
  return html`<${Frame} key=${current()} onLanguage=${(tag) => { choose(tag); redraw(tag); }} />`;
}

render(html`<${App} />`, document.getElementById("app"));
