// The reference page: shows a family's OpenAPI document in RapiDoc, finds its methods, and prepares the calls that a reader
// tries.
"use strict";

(() => {
  // "." is where the page comes from, "" is whatever the document says.
  const server = document.querySelector("meta[name=switchboard-server]").content;
  const titles = { stepchat: "StepChat", voximplant: "Voximplant" };
  const viewer = document.querySelector("rapi-doc");
  const status = document.getElementById("status");
  const [contents, about, methods, filter, found] =
    ["contents", "about", "methods", "filter", "found"].map((id) => document.getElementById(id));
  const key = printedKey();
  const family = chosen();

  // The address that the server prints ends in a key, which opens its credentials. It leaves the address and stays in the tab.
  function printedKey() {
    const printed = location.hash.match(/^#key=([0-9a-f]+)$/)?.[1];
    if (printed) history.replaceState(null, "", location.pathname + location.search);
    try {
      if (printed) sessionStorage.setItem("switchboard-key", printed);
      return printed ?? sessionStorage.getItem("switchboard-key") ?? "";
    } catch {
      return printed ?? "";
    }
  }

  // The address names an operation, or else the family.
  function chosen() {
    const place = decodeURIComponent(location.hash);
    if (place.includes("/platform_api")) return "voximplant";
    if (place.includes("/stepchat")) return "stepchat";
    return new URLSearchParams(location.search).get("family") === "voximplant" ? "voximplant" : "stepchat";
  }

  function dress() {
    const dark = matchMedia("(prefers-color-scheme: dark)").matches;
    const colours = dark
      ? { theme: "dark", "bg-color": "#0f172a", "text-color": "#cbd5e1", "primary-color": "#2dd4bf" }
      : { theme: "light", "bg-color": "#ffffff", "text-color": "#1e293b", "primary-color": "#0f766e" };
    for (const [name, colour] of Object.entries(colours)) viewer.setAttribute(name, colour);
  }

  const operations = (spec) => Object.values(spec.paths).map((path) => path.post).filter(Boolean);

  const follow = (spec, value) =>
    value?.$ref?.startsWith("#/") ? value.$ref.slice(2).split("/").reduce((at, name) => at?.[name], spec) : value;

  // Forms come first, with the first example in their fields: that is how both APIs are called.
  function preferForms(spec, body) {
    const form = body?.content?.["application/x-www-form-urlencoded"];
    if (!form) return;
    body.content = { "application/x-www-form-urlencoded": form, ...body.content };
    const fields = follow(spec, form.schema)?.properties ?? {};
    const example = follow(spec, Object.values(form.examples ?? {})[0])?.value ?? {};
    for (const [name, value] of Object.entries(example)) {
      if (fields[name]) fields[name].example = typeof value === "object" ? JSON.stringify(value) : String(value);
    }
  }

  // What the page of quirks says about both families and about this one.
  function quirks(text) {
    const wanted = ["Both families", titles[family], "Readings of the methods around the pages"];
    const [intro, ...chapters] = text.split(/^## /m);
    const legend = intro.split(/\n\s*\n/).find((paragraph) => paragraph.startsWith('"Page"')) ?? "";
    const kept = chapters.filter((chapter) => wanted.includes(chapter.split("\n", 1)[0].trim()));
    const lower = kept.map((chapter) => `### ${chapter.replace(/^### /gm, "#### ")}`);
    return ["\n\n## Quirks", "Where Switchboard differs from the original, or where its published pages leave a choice.",
      legend, ...lower].join("\n\n");
  }

  function prepare(spec, quirksText) {
    if (server) {
      const [documented, real] = [spec.servers[0].url, server === "." ? location.origin : server];
      spec.servers = [{ url: real }];
      spec.info.description = spec.info.description.replaceAll(documented, real);
    }
    // The licence is that of the document, not of the service.
    delete spec.info.license;
    if (quirksText) spec.info.description += quirks(quirksText);
    for (const operation of operations(spec)) {
      preferForms(spec, operation.requestBody);
      if (quirksText) operation.description += "\n\n[Quirks of this family](#overview--quirks)";
    }
    return spec;
  }

  const quoted = (text) => `'${text.replaceAll("'", "'\\''")}'`;

  function curl(request) {
    const lines = [`curl ${quoted(request.url)}`];
    const isForm = request.body instanceof URLSearchParams;
    request.headers.forEach((value, name) => {
      if (!(isForm && name === "content-type")) lines.push(`-H ${quoted(`${name}: ${value}`)}`);
    });
    if (isForm && request.body.size === 0) lines.push("-X POST");
    if (isForm) for (const [name, value] of request.body) lines.push(`--data-urlencode ${quoted(`${name}=${value}`)}`);
    else if (request.body) lines.push(`--data ${quoted(request.body)}`);
    return lines.join(" \\\n  ");
  }

  // Credentials travel in the form: addresses end up in logs and histories.
  viewer.addEventListener("before-try", (event) => {
    const { request } = event.detail;
    const isForm = request.headers.get("content-type")?.includes("form-urlencoded");
    if (isForm) {
      request.body ??= new URLSearchParams();
      const url = new URL(request.url, location.href);
      url.searchParams.forEach((value, name) => request.body.set(name, value));
      url.search = "";
      request.url = url.href;
    }
    event.composedPath()[0].curlSyntax = curl(request);
  });

  // The server tells its own page, on its own machine, what its state folder holds.
  async function credentials() {
    if (server !== ".") return null;
    if (!key) throw new Error("they are filled in at the address that the server has printed");
    const answer = await fetch("reference/credentials", { headers: { "X-Switchboard-Page": key } });
    if (!answer.ok) throw new Error((await answer.text()).trim());
    return (await answer.json())[family];
  }

  function say(text, isReady) {
    status.textContent = text;
    status.title = text;
    status.classList.toggle("ready", Boolean(isReady));
  }

  async function fillIn() {
    const byHand = "fill in your credentials under Authentication";
    try {
      const known = await credentials();
      if (!known) return say(server ? `Calls go to ${server}; ${byHand}` : `Choose a server; ${byHand}`);
      for (const [scheme, value] of Object.entries(known)) viewer.setApiKey(scheme, String(value));
      say(`Calls go to ${location.host}, with this machine's credentials filled in`, true);
    } catch (error) {
      say(`Calls go to ${location.host}; ${byHand} (${error.message})`);
    }
  }

  // "get-user", "GetUsers" and "get user" are the same words.
  const words = (text) => text.replace(/([a-z\d])([A-Z])/g, "$1 $2").toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? [];

  function entry(place, text) {
    const item = document.createElement("li");
    const link = document.createElement("a");
    link.href = place;
    link.textContent = text;
    item.append(link);
    return item;
  }

  // The viewer's own side bar is not shown: it needs 768 px, and filters only after Enter and by whole phrases.
  function listContents(spec) {
    const chapters = spec.infoDescriptionHeaders.map(({ text }) =>
      entry(`#overview--${text.toLowerCase().replaceAll(" ", "-")}`, text));
    if (!server) chapters.push(entry("#servers", "API servers"));
    about.append(...chapters, entry("#auth", "Authentication"), entry(`openapi/${family}.json`, "OpenAPI 3.1 document"));
    const listed = spec.tags.flatMap((tag) => tag.paths).map(({ elementId, path, summary, description }) => ({
      item: entry(`#${elementId}`, path),
      name: words(path.split("/").pop()).join(""),
      text: words(`${path} ${summary} ${description}`).join(" "),
    }));
    filter.addEventListener("input", () => find(listed));
    find(listed);
    markPlace();
    methods.querySelector("[aria-current]")?.scrollIntoView({ block: "nearest" });
  }

  // Methods with all words in their name come first, and of these the ones with the fewest others. Then those whose
  // description has the words.
  function find(listed) {
    const asked = words(filter.value.replace(/^.*\//, ""));
    const named = listed.filter(({ name }) => asked.every((word) => name.includes(word)));
    if (asked.length) named.sort((one, other) => one.name.length - other.name.length);
    const told = listed.filter((method) => !named.includes(method) && asked.every((word) => method.text.includes(word)));
    const more = document.createElement("li");
    more.className = "more";
    more.textContent = "In the description:";
    const items = (list) => list.map(({ item }) => item);
    methods.replaceChildren(...items(named), ...(told.length ? [more] : []), ...items(told));
    about.hidden = asked.length > 0;
    const count = named.length + told.length;
    if (!asked.length) found.textContent = "";
    else if (!count) found.textContent = `No ${titles[family]} method is found for “${filter.value.trim()}”.`;
    else found.textContent = count === 1 ? "1 method" : `${count} methods`;
  }

  function markPlace() {
    const place = decodeURIComponent(location.hash) || "#overview";
    for (const link of contents.querySelectorAll("a")) {
      if (link.getAttribute("href") === place) link.setAttribute("aria-current", "location");
      else link.removeAttribute("aria-current");
    }
  }

  filter.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && filter.value.trim()) methods.querySelector("a")?.click();
  });

  contents.addEventListener("click", (event) => {
    const link = event.target.closest("a[href^='#']");
    if (!link) return;
    // The address does not change, so nobody else would scroll back to where the reader already was.
    if (link.hash === location.hash) viewer.scrollToPath(link.hash.slice(1));
    if (!contents.matches(":popover-open")) return;
    contents.hidePopover();
    viewer.shadowRoot.querySelector("main").focus({ preventScroll: true });
  });

  // A sheet that is open would lie over the page once there is room for a side bar.
  matchMedia("(max-width: 48rem)").addEventListener("change", () => contents.hidePopover());

  // For the viewer's insides, which our style sheet does not reach. On a narrow screen a field, its limits and its
  // description stand below each other instead of side by side.
  const inside = new CSSStyleSheet();
  inside.replaceSync(`
    :focus-visible { outline: 2px solid var(--primary-color) !important; outline-offset: 1px; }
    main:focus-visible { outline-offset: -3px; }
    :is(input, select, textarea) { border-color: var(--field); }
    :host(:is(api-request, api-response, schema-table)) { display: block; }
    :is(p, li, h2), .param-constraint { overflow-wrap: anywhere; }
    .m-markdown table { display: block; width: fit-content; overflow-x: auto; }
    .section-gap--focused-mode, .section-gap--read-mode { padding: 12px clamp(12px, 5cqi, 80px); }
    @container (max-width: 40rem) {
      .expanded-endpoint-body > [style^="position:absolute"] { position: static !important; }
      .expanded-endpoint-body > [style^="position:absolute"] > div {
        flex-wrap: wrap;
        justify-content: start !important;
        min-width: 0 !important;
      }
      .request-panel .m-table, .request-panel .m-table :is(tbody, tr, td) { display: block; width: auto !important; }
      .request-panel .m-table td { padding: 4px 8px !important; border-top: 0; overflow-wrap: anywhere; }
      .request-panel .m-table td:first-child[style*="border:none"], .request-panel .m-table td:empty { display: none; }
      .request-panel .m-table tr:has(.param-name) { padding-top: 8px; border-top: 1px solid var(--light-border-color); }
      .param-name, .param-type { display: inline-block; margin-right: 8px; text-align: left; }
      .table-title > span:has(~ select) { display: none; }
      .table-title > select { margin-left: auto; }
      .tab-buttons { flex-wrap: wrap; height: auto; }
      .table .tr { flex-wrap: wrap; }
      .table .key { flex: 1; width: auto; }
      .table .key-type { width: auto; padding-right: 8px; text-align: right; }
      .key-descr.key-descr { display: block; flex: 1 0 100%; padding: 0 8px 4px 16px; }
      .table .key-descr[style*="bold"] { display: none; }
      .toolbar-btn + pre { padding-top: 44px; }
    }`);

  // What the viewer leaves out for those who do not see its page, or use no mouse. It draws anew whenever it likes, and uses
  // the fields of one method for the next one, so this runs after every change.
  function mend(root) {
    const set = (selector, name, value) => {
      for (const element of root.querySelectorAll(selector)) {
        element.setAttribute(name, typeof value === "function" ? value(element) : value);
      }
    };
    const headings = "#api-title, h2[part=section-operation-summary], :is(#auth, #servers) > .sub-title";
    set(`${headings}, .req-res-title`, "role", "heading");
    set(headings, "aria-level", "1");
    set(".req-res-title", "aria-level", "2");
    set(":is(input, textarea)[data-pname]", "aria-label", (field) => field.dataset.pname);
    set("textarea.request-body-param-user-input", "aria-label", "Request body");
    set(".api-key-input", "aria-label", (field) => `Credential: ${field.closest("td").querySelector("span").textContent}`);
    set(".table-title > select", "aria-label", "Media type of the request body");
    set(".example-panel > select:not([aria-label])", "aria-label", "Example of the request body");
    set("a:not([href])", "role", "button");
    set("a:not([href]), main", "tabindex", "0");
    const isCut = (box) => box.scrollWidth > box.clientWidth || box.scrollHeight > box.clientHeight;
    set("pre, .m-markdown table", "tabindex", (box) => (isCut(box) ? "0" : "-1"));
    if (!root.adoptedStyleSheets.includes(inside)) root.adoptedStyleSheets.push(inside);
    watcher.observe(root, { subtree: true, childList: true, attributeFilter: ["data-pname", "style"] });
    for (const element of root.querySelectorAll("*")) if (element.shadowRoot) mend(element.shadowRoot);
  }

  const watcher = new MutationObserver(() => mend(viewer.shadowRoot));

  // Examples and allowed values are links without an address, which a press of Enter does not follow.
  viewer.addEventListener("keydown", (event) => {
    const [at] = event.composedPath();
    if (event.key === "Enter" && at.matches("a[role=button]")) at.click();
  });

  async function load(path, read) {
    const answer = await fetch(path);
    if (!answer.ok) throw new Error(`${path}: ${answer.status}`);
    return answer[read]();
  }

  async function start() {
    // A link to a chapter names no family, so the address keeps it.
    history.replaceState(null, "", `?family=${family}${location.hash}`);
    for (const link of document.querySelectorAll("[data-family]")) {
      if (link.dataset.family === family) link.setAttribute("aria-current", "page");
    }
    document.title = `Switchboard: ${titles[family]} API reference`;
    dress();
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", dress);
    if (!server) viewer.setAttribute("allow-server-selection", "true");
    const [spec, text] = await Promise.all([
      load(`openapi/${family}.json`, "json"),
      load("reference/quirks.md", "text").catch(() => ""),
    ]);
    viewer.addEventListener("spec-loaded", (event) => {
      mend(viewer.shadowRoot);
      window.addEventListener("resize", () => mend(viewer.shadowRoot));
      listContents(event.detail);
      fillIn();
    }, { once: true });
    viewer.loadSpec(prepare(spec, text));
  }

  // An operation of the other family may be linked to.
  window.addEventListener("hashchange", () => {
    if (location.hash.startsWith("#key=") || chosen() !== family) location.reload();
    else markPlace();
  });

  start().catch((error) => {
    const notice = document.createElement("main");
    notice.className = "notice";
    notice.textContent = location.protocol === "file:"
      ? "Browsers do not let a page on disk load its documents: put this folder on a web server."
      : `The reference cannot be loaded: ${error.message}`;
    viewer.replaceWith(notice);
  });
})();
