// The address holds the view, its filters and the open person, so that any state can be sent to a colleague.
import { useEffect, useState } from "./preact.js";

export function read(hash = location.hash) {
  const [path, query = ""] = hash.replace(/^#\/?/, "").split("?");
  return { view: path || "people", params: Object.fromEntries(new URLSearchParams(query)) };
}

// The address of a view; empty parameters are left out. The account stays the one that is looked at.
export function href(view, params = {}) {
  const { account } = read().params;
  const filled = Object.entries({ account, ...params }).filter(([, value]) => value !== undefined && value !== null && value !== "");
  const query = new URLSearchParams(filled).toString();
  return `#/${view}${query ? `?${query}` : ""}`;
}

export function go(view, params) {
  location.hash = href(view, params).slice(1);
}

// What is typed and not saved is not lost by a click beside it.
let unsaved = "";
let shown = location.hash;
export const keepUnsaved = (question) => { unsaved = question; };
addEventListener("beforeunload", (event) => { if (unsaved) event.preventDefault(); });
addEventListener("hashchange", (event) => {
  const leaves = read(shown).params.user !== read().params.user || read(shown).view !== read().view;
  if (unsaved && leaves && !confirm(unsaved)) {
    event.stopImmediatePropagation();
    history.replaceState(null, "", shown);
    return;
  }
  if (leaves) unsaved = "";
  shown = location.hash;
});

// Changes some parameters of the current view. `quiet`: without a new entry in the history (typing a search).
export function change(params, { quiet = false } = {}) {
  const now = read();
  const address = href(now.view, { ...now.params, ...params });
  if (!quiet) {
    location.hash = address.slice(1);
    return;
  }
  history.replaceState(null, "", address);
  dispatchEvent(new HashChangeEvent("hashchange"));
}

export function useRoute() {
  const [route, set] = useState(read);
  useEffect(() => {
    const follow = () => set(read());
    addEventListener("hashchange", follow);
    return () => removeEventListener("hashchange", follow);
  }, []);
  return route;
}
