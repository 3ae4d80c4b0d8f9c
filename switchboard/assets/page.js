// The reference page: shows a family's OpenAPI document in RapiDoc, and prepares the calls that a reader tries.
"use strict";

(() => {
  // "." is where the page comes from, "" is whatever the document says.
  const server = document.querySelector("meta[name=switchboard-server]").content;
  const titles = { stepchat: "StepChat", voximplant: "Voximplant" };
  const viewer = document.querySelector("rapi-doc");
  const status = document.getElementById("status");
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
      ? { theme: "dark", "bg-color": "#0f172a", "text-color": "#cbd5e1", "primary-color": "#2dd4bf",
          "nav-bg-color": "#131d33", "nav-text-color": "#94a3b8", "nav-hover-bg-color": "#1e2a45",
          "nav-hover-text-color": "#e2e8f0", "nav-accent-color": "#2dd4bf", "nav-accent-text-color": "#2dd4bf" }
      : { theme: "light", "bg-color": "#ffffff", "text-color": "#1e293b", "primary-color": "#0f766e",
          "nav-bg-color": "#f8fafc", "nav-text-color": "#475569", "nav-hover-bg-color": "#e6f4f1",
          "nav-hover-text-color": "#0f172a", "nav-accent-color": "#0f766e", "nav-accent-text-color": "#0f766e" };
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

  async function load(path, read) {
    const answer = await fetch(path);
    if (!answer.ok) throw new Error(`${path}: ${answer.status}`);
    return answer[read]();
  }

  async function start() {
    for (const link of document.querySelectorAll("[data-family]")) {
      if (link.dataset.family === family) link.setAttribute("aria-current", "page");
    }
    document.title = `Switchboard: ${titles[family]} API reference`;
    const path = `openapi/${family}.json`;
    document.getElementById("document").href = path;
    dress();
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", dress);
    if (!server) viewer.setAttribute("allow-server-selection", "true");
    // The side bar needs room; without it the operations are a list to open.
    if (matchMedia("(max-width: 768px)").matches) viewer.setAttribute("render-style", "view");
    const [spec, text] = await Promise.all([
      load(path, "json"),
      load("reference/quirks.md", "text").catch(() => ""),
    ]);
    viewer.addEventListener("spec-loaded", fillIn, { once: true });
    viewer.loadSpec(prepare(spec, text));
  }

  // An operation of the other family may be linked to.
  window.addEventListener("hashchange", () => {
    if (location.hash.startsWith("#key=") || chosen() !== family) location.reload();
  });

  start().catch((error) => {
    const notice = document.createElement("p");
    notice.className = "notice";
    notice.textContent = location.protocol === "file:"
      ? "Browsers do not let a page on disk load its documents: put this folder on a web server."
      : `The reference cannot be loaded: ${error.message}`;
    viewer.replaceWith(notice);
  });
})();
