// A transfer with its preview: who gets what, and what is left. A second click is no second payment.
import { html, useRef, useState } from "./preact.js";
import { newKey, voximplant } from "./api.js";
import { amount as shown, t } from "./i18n.js";
import { decimal, parse, preview, units } from "./money.js";
import { Check, Dialog, Field, Form, Text } from "./ui.js";

const MOST_SHOWN = 100;

// What somebody has, what is moved, and what is had then.
const Cells = ({ values }) => ["now", "moved", "after"].map((name, n) =>
  html`<td class="number" data-label=${t(`transfer.${name}`)}>${values[n]}</td>`);

export function Transfer({ users, account, takes = false, onClose, onDone }) {
  // One key as long as nothing changes: whatever is sent again under it happens once.
  const key = useRef(newKey());
  const [text, setText] = useState("");
  const [back, setBack] = useState(takes);
  const [strict, setStrict] = useState(true);
  const payable = users.filter((user) => !user.parent_accounting);
  const one = payable.length === 1 ? { name: payable[0].user_name } : null;
  const other = () => { key.current = newKey(); };
  const size = parse(text);
  const valid = size !== null && size > 0n;
  const signed = valid ? (back ? -size : size) : 0n;
  const seen = preview(signed, units(account.balance), payable.map((user) => ({ ...user, balance: units(user.balance ?? 0) })), strict);
  const send = async ({ note }) => {
    const fields = { user_id: payable.map((user) => user.user_id).join(";"), amount: decimal(signed), strict_mode: strict };
    if (note) Object.assign(fields, { user_transaction_description: note, account_transaction_description: note });
    const told = await voximplant("TransferMoneyToUser", fields, { key: key.current });
    onDone(t("transfer.done", { balance: shown(decimal(units(told.balance)), account.currency) }));
  };
  const money = (value) => shown(decimal(value), account.currency);
  return html`<${Dialog} title=${t(takes ? "transfer.take" : "transfer.title")} onClose=${onClose} wide>
    ${payable.length < users.length && html`<p class="notice">${t("transfer.shared", { count: users.length - payable.length })} ${t("phone.shared.hint")}</p>`}
    ${payable.length > 0 && html`<${Form} submit=${t("transfer.send")} onSubmit=${send} onCancel=${onClose} disabled=${!valid || seen.refused}>
      <fieldset><legend>${t("transfer.direction")}</legend>
        <label class="check"><input type="radio" name="direction" checked=${!back} onChange=${() => { setBack(false); other(); }} /> ${t(one ? "transfer.to.one" : "transfer.to", one)}</label>
        <label class="check"><input type="radio" name="direction" checked=${back} onChange=${() => { setBack(true); other(); }} /> ${t(one ? "transfer.back.one" : "transfer.back", one)}</label></fieldset>
      <${Field} label=${t(one ? "transfer.amount.one" : "transfer.amount", { currency: account.currency })} inputmode="decimal" required autofocus value=${text} hint=${t("transfer.amount.hint")}
        onInput=${(event) => { setText(event.target.value); other(); }} />
      <${Check} label=${t(one ? "transfer.strict.one" : "transfer.strict")} checked=${strict} onChange=${(event) => { setStrict(event.target.checked); other(); }} />
      <${Field} label=${t("transfer.note")} name="note" maxlength="255" onInput=${other} />
      <div class="scroll" tabindex="0" role="region" aria-label=${t("transfer.preview")}><table>
        <caption>${t("transfer.preview")}</caption>
        <thead><tr><th scope="col">${t("phone.name")}</th><th scope="col" class="number">${t("transfer.now")}</th><th scope="col" class="number">${t("transfer.moved")}</th><th scope="col" class="number">${t("transfer.after")}</th></tr></thead>
        <tbody>${seen.rows.slice(0, MOST_SHOWN).map((row) => html`<tr><th scope="row"><${Text} value=${row.user_name} /></th>
            <${Cells} values=${[row.balance, row.moved, row.after].map(money)} /></tr>`)}
          <tr class="total"><th scope="row">${t("transfer.account")}</th><${Cells} values=${[units(account.balance), seen.left - units(account.balance), seen.left].map(money)} /></tr></tbody></table></div>
      <p class="hint">${t("transfer.preview.hint")}</p>
      ${text && !valid && html`<p class="notice bad" role="alert">${t("transfer.bad")}</p>`}
      ${valid && seen.refused && html`<p class="notice bad" role="alert">${t("transfer.refused")}</p>`}
    </${Form}>`}
  </${Dialog}>`;
}
