// A CSV file of people: what the import would do, shown first; then the import itself, by the operator's own command.
import { html, useState } from "./preact.js";
import { t } from "./i18n.js";
import { operator, Trouble } from "./session.js";
import { Dialog, said } from "./ui.js";

export function ImportPeople({ onClose }) {
  const [file, choose] = useState(null);
  const [state, set] = useState({});
  // The file goes by another name on its way.
  const shown = (text) => text.replaceAll("people.csv", file.name);
  const run = async (dry) => {
    set((old) => ({ told: old.told, busy: true }));
    try {
      const told = await operator(dry ? "import?dry_run=true" : "import", await file.arrayBuffer(), { raw: true });
      const rejected = told.rejected && URL.createObjectURL(new Blob([told.rejected], { type: "text/csv" }));
      set({ told: { ...told, rejected, output: shown(told.output) }, finished: !dry && !told.failed });
    } catch (error) {
      if (error.name === "NotReadableError") {
        set({ error: new Trouble("refused", "file", t("import.changed")) });
        return;
      }
      // What was tried may be done again: the command goes on where it was cut off.
      set((old) => ({ told: old.told, error, cut: !dry && error.kind === "offline" }));
    }
  };
  return html`<${Dialog} title=${t("people.import")} onClose=${onClose} wide>
    <p>${t("import.what")}</p>
    <p><label>${t("import.file")} <input type="file" accept=".csv,text/csv" onChange=${(event) => { choose(event.target.files[0] ?? null); set({}); }} /></label></p>
    ${state.error && html`<p class="notice bad" role="alert">${state.cut ? t("import.cut") : said(state.error)}</p>`}
    ${state.told?.failed && html`<p class="notice bad" role="alert">${t("import.failed")}</p><pre tabindex="0" class="output">${state.told.output}</pre>`}
    ${state.told && !state.told.failed && !state.error && html`<p role="status">${state.finished ? t(state.told.done ? "import.done" : "import.partly") : t(state.told.done ? "import.tried" : "import.tried.bad")}</p>
      <pre tabindex="0" class="output">${state.told.output}</pre>
      ${state.told.rejected && html`<p><a class="button" href=${state.told.rejected} download=${`rejected-${file.name}`}>${t("import.rejected")}</a></p>`}`}
    <div class="row end"><button type="button" onClick=${onClose}>${t("close")}</button>
      <button type="button" class=${state.told ? "" : "main"} disabled=${!file || state.busy} onClick=${() => run(true)}>${t("import.try")}</button>
      <button type="button" class="main" disabled=${!file || state.busy || !state.told || state.told.failed || state.finished} onClick=${() => run(false)}>${state.busy ? t("working") : t("import.run")}</button></div>
  </${Dialog}>`;
}
