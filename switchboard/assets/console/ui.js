// Pieces that several views use.
import { html, useCallback, useEffect, useLayoutEffect, useRef, useState } from "./preact.js";
import { Trouble } from "./session.js";
import { clock, has, t } from "./i18n.js";

// What went wrong, in words: what happened, and what to do.
export function said(error) {
  if (!(error instanceof Trouble)) return t("trouble.defect", { message: error.message });
  if (error.kind === "refused" && has(`code.${error.code}`)) return t(`code.${error.code}`);
  return t(`trouble.${error.kind}`, { code: error.code ?? "", message: error.message });
}

// Loads, and loads anew when `wanted` changes. What was loaded stays visible after a failure, marked as old.
export function useLoaded(load, wanted) {
  const [state, set] = useState({ data: undefined, error: null, loading: true, at: null });
  const [round, again] = useState(0);
  useEffect(() => {
    const stop = new AbortController();
    set((old) => ({ ...old, loading: true }));
    load(stop.signal).then(
      (data) => !stop.signal.aborted && set({ data, error: null, loading: false, at: new Date() }),
      (error) => !stop.signal.aborted && set((old) => ({ ...old, error, loading: false })),
    );
    return () => stop.abort();
  }, [...wanted, round]);
  const reload = useCallback(() => again((n) => n + 1), []);
  return { ...state, reload };
}

// Above whatever shows loaded data: the failure, since when the data is old, and a way to try again.
export function Freshness({ loaded }) {
  const { error, data, at, loading, reload } = loaded;
  if (!error) return null;
  return html`<div class="notice bad" role="alert">
    <p>${said(error)}</p>
    ${data !== undefined && at && html`<p>${t("stale", { time: clock(at) })}</p>`}
    <button type="button" disabled=${loading} onClick=${reload}>${t("again")}</button>
  </div>`;
}

// A window over the page. Esc closes it, unless it `stays`; the browser keeps the focus inside and gives it back.
export function Dialog({ title, children, onClose, wide = false, stays = false }) {
  const box = useRef(null);
  useLayoutEffect(() => {
    const opened = box.current;
    opened.showModal();
    return () => opened.close();
  }, []);
  return html`<dialog ref=${box} class=${wide ? "wide" : ""} aria-labelledby="dialog-title"
      onCancel=${(event) => {
        // A choice of a file that is called off says so too, and it is not about the window.
        if (event.target !== box.current) return;
        event.preventDefault();
        if (!stays) onClose();
      }}>
    <header><h2 id="dialog-title">${title}</h2>
      <button type="button" class="icon" aria-label=${t("close")} onClick=${onClose}>✕</button></header>
    ${children}
  </dialog>`;
}

// A form whose button waits for its work, and says what failed. `onSubmit` gets the fields by name.
export function Form({ onSubmit, submit, children, danger = false, disabled = false, onCancel }) {
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState(null);
  const send = async (event) => {
    event.preventDefault();
    setBusy(true);
    setError(null);
    try {
      await onSubmit(Object.fromEntries(new FormData(event.target)), event.target);
    } catch (failed) {
      setError(failed);
    }
    setBusy(false);
  };
  return html`<form class="fields" onSubmit=${send}>
    ${children}
    ${error && html`<p class="notice bad" role="alert">${said(error)}</p>`}
    <div class="row end">
      ${onCancel && html`<button type="button" onClick=${onCancel}>${t("cancel")}</button>`}
      <button type="submit" class=${danger ? "danger" : "main"} disabled=${busy || disabled}>${busy ? t("working") : submit}</button>
    </div>
  </form>`;
}

let fields = 0;

export function Field({ label, hint, as = "input", id: own, children, ...rest }) {
  const [made] = useState(() => `field-${(fields += 1)}`);
  const id = own ?? made;
  const about = hint ? { "aria-describedby": `${id}-hint` } : {};
  return html`<div class="field"><label for=${id} class=${rest.required ? "required" : ""}>${label}</label>
    ${as === "select" ? html`<select id=${id} ...${about} ...${rest}>${children}</select>`
      : as === "textarea" ? html`<textarea id=${id} dir="auto" ...${about} ...${rest}></textarea>`
      : html`<input id=${id} dir="auto" autocomplete="off" ...${about} ...${rest} />`}
    ${hint && html`<p class="hint" id="${id}-hint">${hint}</p>`}</div>`;
}

export function Check({ label, ...rest }) {
  return html`<label class="check"><input type="checkbox" ...${rest} /> ${label}</label>`;
}

// Asks before something that cannot be taken back. `words` say what goes with it.
export function Ask({ title, words, submit, onYes, onClose }) {
  return html`<${Dialog} title=${title} onClose=${onClose}>
    <${Form} danger submit=${submit} onCancel=${onClose} onSubmit=${async () => { await onYes(); onClose(); }}>
      ${words.map((line) => html`<p>${line}</p>`)}
    </${Form}>
  </${Dialog}>`;
}

// Somebody else has written meanwhile: `rows` are { label, before, now, mine } of what differs. Shown before anything is saved.
export function Conflict({ rows, onMine, onTheirs, onClose }) {
  const heads = ["field", "before", "now", "yours"];
  return html`<${Dialog} title=${t("conflict.title")} onClose=${onClose}>
    <p>${t("conflict.what")}</p>
    <table><thead><tr>${heads.map((head) => html`<th scope="col">${t(`conflict.${head}`)}</th>`)}</tr></thead>
      <tbody>${rows.map((row) => html`<tr><th scope="row"><${Text} value=${row.label} /></th>
        <td data-label=${t("conflict.before")}><${Text} value=${row.before} /></td><td data-label=${t("conflict.now")}><${Text} value=${row.now} /></td>
        <td data-label=${t("conflict.yours")}><${Text} value=${row.mine} /></td></tr>`)}</tbody></table>
    <${Form} submit=${t("conflict.mine")} onSubmit=${onMine} onCancel=${onClose}>
      <button type="button" onClick=${onTheirs}>${t("conflict.theirs")}</button></${Form}>
  </${Dialog}>`;
}

// A table: `columns` are { name, label, show(row), sort?, className? }. Up and down move between rows, Enter opens one.
export function Table({ caption, columns, rows, rowKey, sort, onSort, onOpen, open, chosen, onChoose, loading, empty }) {
  const body = useRef(null);
  const [at, setAt] = useState(0);
  const place = Math.min(at, Math.max(rows.length - 1, 0));
  const move = (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!step || event.target.tagName === "INPUT" && event.target.type !== "checkbox") return;
    const next = Math.min(Math.max(place + step, 0), rows.length - 1);
    event.preventDefault();
    setAt(next);
    body.current?.rows[next]?.querySelector(".opens")?.focus();
  };
  const all = rows.length > 0 && rows.every((row) => chosen?.has(rowKey(row)));
  const choose = (keys, on) => {
    const next = new Set(chosen);
    for (const key of keys) on ? next.add(key) : next.delete(key);
    onChoose(next);
  };
  return html`<div class="scroll" tabindex="0" role="region" aria-label=${caption}>
    <table aria-busy=${loading ? "true" : "false"}>
      <caption class="unseen">${caption}</caption>
      <thead><tr>
        ${onChoose && html`<th class="narrow" scope="col"><input type="checkbox" checked=${all} aria-label=${t("choose.page")}
          onChange=${(event) => choose(rows.map(rowKey), event.target.checked)} /></th>`}
        ${columns.map((column) => {
          const dir = sort?.by === column.sort && column.sort ? (sort.descending ? "descending" : "ascending") : undefined;
          return html`<th scope="col" class=${column.className ?? ""} aria-sort=${dir}>
            ${column.sort && onSort
              ? html`<button type="button" class="sort" onClick=${() => onSort(column.sort, dir === "ascending")}>
                  ${column.label}<span aria-hidden="true">${{ ascending: " ↑", descending: " ↓" }[dir] ?? ""}</span></button>`
              : column.label}</th>`;
        })}
      </tr></thead>
      <tbody ref=${body} onKeyDown=${move}>
        ${rows.map((row, n) => {
          const key = rowKey(row);
          return html`<tr key=${key} class=${open === key ? "open" : ""} onClick=${(event) => {
            if (!event.target.closest("input, a, button")) onOpen?.(row);
          }}>
            ${onChoose && html`<td class="narrow"><input type="checkbox" checked=${chosen.has(key)}
              aria-label=${t("choose.row", { name: key })} onChange=${(event) => choose([key], event.target.checked)} /></td>`}
            ${columns.map((column, c) => html`<td class=${column.className ?? ""} data-label=${column.label}>
              ${c === 0 && onOpen
                ? html`<button type="button" class="opens" tabindex=${n === place ? 0 : -1} onFocus=${() => setAt(n)}
                    onClick=${() => onOpen(row)}>${column.show(row)}</button>`
                : column.show(row)}</td>`)}
          </tr>`;
        })}
      </tbody>
    </table>
    ${rows.length === 0 && !loading && empty !== "" && html`<p class="empty">${empty ?? t("nothing")}</p>`}
  </div>`;
}

// Text of other people: its own direction, never markup.
export const Text = ({ value }) => html`<bdi>${value}</bdi>`;

// A short word on what was done. Screen readers hear it, also when it is the same word again.
export function useNotice() {
  const [notice, set] = useState({ text: "", count: 0 });
  useEffect(() => {
    if (!notice.text) return undefined;
    const end = setTimeout(() => set(({ count }) => ({ text: "", count })), 6000);
    return () => clearTimeout(end);
  }, [notice.count]);
  const tell = useCallback((text) => set(({ count }) => ({ text, count: count + 1 })), []);
  return [html`<div class="toast" role="status" aria-live="polite">${notice.text && html`<p key=${notice.count}>${notice.text}</p>`}</div>`, tell];
}

// Value of something typed, some time after the last key.
export function useLater(call, wait = 250) {
  const timer = useRef(null);
  useEffect(() => () => clearTimeout(timer.current), []);
  return (value) => {
    clearTimeout(timer.current);
    timer.current = setTimeout(() => call(value), wait);
  };
}

// Only http(s) addresses become links: nothing that people store may run.
export function Link({ to }) {
  const web = /^https?:\/\//i.test(to);
  return web ? html`<a href=${to} rel="noopener noreferrer nofollow" target="_blank"><${Text} value=${to} /></a>`
    : html`<${Text} value=${to} />`;
}
