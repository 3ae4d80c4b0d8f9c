// What a reader does with the reference page.
"use strict";

const fs = require("node:fs");
const { check, launchProfile } = require("../browser.js");
const axeSource = fs.readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");

const { PAGE_BROWSER, PAGE_SHOTS, PAGE_PROFILE, PAGE_URL, PAGE_STATIC, PAGE_TOKEN, PAGE_KEY, PAGE_PRINTED } = process.env;
const WIDE = { width: 1440, height: 950 };
const NARROW = { width: 360, height: 740 };

// Everything that a page says and asks for.
function watch(page) {
  const seen = { said: [], asked: [] };
  page.on("console", (message) => seen.said.push(`${message.type()}: ${message.text()}`));
  page.on("pageerror", (error) => seen.said.push(`error: ${error.message}`));
  page.on("request", (request) => seen.asked.push(request.url()));
  return seen;
}

// What a page that did not become ready shows, and waits for.
const state = (page) => page.evaluate(() => ({
  address: location.href,
  status: document.getElementById("status")?.textContent,
  notice: document.querySelector("main.notice")?.textContent,
  methods: document.querySelectorAll("#methods a").length,
  loaded: performance.getEntriesByType("resource").map((entry) => `${entry.name} ${Math.round(entry.responseEnd)}`),
})).catch((error) => error.message);

const strangers = (seen, origin) => seen.asked.filter((url) => !url.startsWith(`${origin}/`) && !url.startsWith("data:"));
const shot = (page, name) => page.screenshot({ path: `${PAGE_SHOTS}/${name}.png` });
const ready = (page) => page.locator("#status").filter({ hasText: /./ }).waitFor();

async function operation(page, path, family) {
  await page.goto(`${PAGE_URL}/?family=${family}#post-${path}`);
  await ready(page);
  await page.locator("rapi-doc").getByText(path, { exact: true }).last().waitFor();
}

// Presses TRY: what was sent, and what the page then shows.
async function tried(page, path) {
  const sent = page.waitForRequest((request) => request.method() === "POST" && new URL(request.url()).pathname === path);
  await page.getByRole("button", { name: "TRY", exact: true }).click();
  const request = await sent;
  const answer = await (await request.response()).json();
  await page.getByText("Response Status: OK:200").waitFor();
  const shown = await page.locator("api-request").last().evaluate((element) => element.responseText);
  return { url: request.url(), body: new URLSearchParams(request.postData() ?? ""), headers: request.headers(), answer, shown };
}

const showAnswer = (page) =>
  page.getByText("Response Status: OK:200").evaluate((element) => element.scrollIntoView({ block: "center" }));

async function stepchat(page) {
  await operation(page, "/stepchat/add-user", "stepchat");
  await shot(page, "stepchat-method");
  const first = await tried(page, "/stepchat/add-user");
  check("StepChat: TRY posts the form of the first example to the method's path",
    first.url === `${PAGE_URL}/stepchat/add-user` && first.headers["content-type"].startsWith("application/x-www-form-urlencoded")
    && first.body.get("email") === "ivan@example.com" && JSON.parse(first.body.get("extra")).phone.length === 2,
    [first.url, String(first.body)]);
  check("StepChat: the local token is filled in, and is in no address",
    first.headers.authorization === `Bearer ${PAGE_TOKEN}` && !first.url.includes(PAGE_TOKEN));
  check("StepChat: the real answer is shown", first.answer.success === true && first.answer.response > 1
    && JSON.parse(first.shown).response === first.answer.response, first.shown);
  const again = await tried(page, "/stepchat/add-user");
  check("StepChat: a refusal is shown too", again.answer.response === "duplicate-email" && again.shown.includes("duplicate-email"),
    again.shown);
  await page.getByRole("button", { name: "CURL", exact: true }).click();
  await showAnswer(page);
  const curl = await page.locator("api-request").last().evaluate((element) => element.curlSyntax);
  check("StepChat: the call is told as a command to paste", curl.startsWith(`curl '${PAGE_URL}/stepchat/add-user'`)
    && curl.includes("--data-urlencode 'email=ivan@example.com'"), curl);
  await shot(page, "stepchat-tried");
}

async function voximplant(page) {
  await operation(page, "/platform_api/GetUsers", "voximplant");
  await shot(page, "voximplant-method");
  const users = await tried(page, "/platform_api/GetUsers");
  check("Voximplant: account and API key are filled in, in the form and in no address",
    users.body.get("api_key") === PAGE_KEY && users.body.get("account_id") === "1" && users.url === `${PAGE_URL}/platform_api/GetUsers`,
    [users.url, String(users.body)]);
  check("Voximplant: the real answer is shown", Array.isArray(users.answer.result) && JSON.parse(users.shown).count === users.answer.count,
    users.shown);
  await operation(page, "/platform_api/AddUser", "voximplant");
  const added = await tried(page, "/platform_api/AddUser");
  check("Voximplant: the first example of AddUser adds a user", added.answer.result === 1 && added.answer.user_id > 0, added.answer);
  await showAnswer(page);
  await shot(page, "voximplant-tried");
  await operation(page, "/platform_api/GetAccountInfo", "voximplant");
  const account = await tried(page, "/platform_api/GetAccountInfo");
  check("Voximplant: a method without parameters can be tried", account.answer.result?.account_id === 1, account.answer);
}

// The number of methods in the contents, and in the document.
async function counts(page, family) {
  const document = await (await page.request.get(`${PAGE_URL}/openapi/${family}.json`)).json();
  await page.goto(`${PAGE_URL}/?family=${family}`);
  await ready(page);
  await page.locator("#methods a").first().waitFor();
  return [await page.locator("#methods a").count(), Object.keys(document.paths).length];
}

async function reading(page) {
  await page.goto(`${PAGE_URL}/?family=voximplant`);
  await ready(page);
  check("without the printed address the page says what is missing",
    (await page.locator("#status").textContent()).includes("the address that the server has printed"),
    await page.locator("#status").textContent());
  await page.goto(`${PAGE_URL}/#key=${PAGE_PRINTED}`);
  await ready(page);
  check("the key leaves the address at once", !page.url().includes(PAGE_PRINTED), page.url());
  await page.locator("#api-title").waitFor();
  check("/ opens with a title, an introduction and the first call",
    (await page.title()).startsWith("Switchboard") && (await page.getByText("Switchboard keeps your users").count()) === 1
    && (await page.getByText(`curl ${PAGE_URL}/stepchat/add-user`).count()) === 1);
  check("/ says that the credentials are filled in", (await page.locator("#status").textContent()).includes("credentials filled in"),
    await page.locator("#status").textContent());
  await shot(page, "overview");
  for (const family of ["stepchat", "voximplant"]) {
    const [shown, documented] = await counts(page, family);
    check(`every method of ${family} is in the contents`, shown === documented && shown > 10, [shown, documented]);
  }
  await page.locator("header").getByText("StepChat").click();
  await page.waitForURL(/family=stepchat/);
  await ready(page);
  check("the families can be switched", (await page.locator("#api-title").textContent()).includes("StepChat"));
  await page.locator("#contents").getByText("Quirks").click();
  await page.waitForFunction(() => {
    const quirks = document.querySelector("rapi-doc").shadowRoot.getElementById("overview--quirks");
    return quirks && quirks.getBoundingClientRect().top < innerHeight / 2;
  });
  const lost = await page.locator("#about a[href^='#overview']").evaluateAll((links) =>
    links.map((link) => link.hash.slice(1)).filter((id) => !document.querySelector("rapi-doc").shadowRoot.getElementById(id)));
  check("every chapter of the contents is on the page", lost.length === 0, lost);
  check("the quirks are on the page", (await page.getByText("Where Switchboard differs").count()) === 1);
  await shot(page, "quirks");
  await page.goto(`${PAGE_URL}/?family=voximplant#auth`);
  await ready(page);
  await page.getByText("2 API key applied").waitFor();
  await shot(page, "credentials");
}

// The methods that the contents show for these words, typed without Enter: by their names, and all.
async function typed(page, text) {
  await page.locator("#filter").fill("");
  await page.locator("#filter").pressSequentially(text);
  return page.locator("#methods").evaluate((list) => {
    const names = (links) => [...links].map((link) => link.textContent.split("/").pop());
    return [names(list.querySelectorAll("li:not(.more ~ li) > a")), names(list.querySelectorAll("a"))];
  });
}

async function finding(page) {
  const cases = {
    stepchat: [["get user", "get-user", /get.*user/], ["user add", "add-user", /add-user/], ["GetUsers", "get-users", /get.*users/],
      ["details get users", "get-users-with-details", /get-users-with-details/], ["/stepchat/add-user", "add-user", /add-user/]],
    voximplant: [["get user", "GetUsers", /GetUsers/], ["user add", "AddUser", /AddUser/], ["UserAdd", "AddUser", /AddUser/],
      ["getusers", "GetUsers", /GetUsers/], ["add-user", "AddUser", /AddUser/]],
  };
  for (const [family, texts] of Object.entries(cases)) {
    await page.goto(`${PAGE_URL}/?family=${family}`);
    await page.locator("#methods a").first().waitFor();
    for (const [text, first, pattern] of texts) {
      const [named] = await typed(page, text);
      check(`${family}: "${text}" finds ${first} first, and only names with these words`,
        named[0] === first && named.every((name) => pattern.test(name)), named);
    }
  }
  const everything = (await typed(page, ""))[1];
  check("an empty filter shows every method", everything.length > 10 && await page.locator("#about").isVisible(), everything);
  const [named, told] = await typed(page, "unbinds");
  check("methods are also found by their description", named.length === 0 && told.includes("BindSkill"), told);
  const none = (await typed(page, "rubbish"))[1];
  check("the page says that nothing is found", none.length === 0
    && (await page.locator("#found").textContent()).includes("No Voximplant method is found for “rubbish”"), none);
  await typed(page, "skill bind");
  await page.locator("#filter").press("Enter");
  await page.locator("#filter").fill("");
  await page.getByText("/platform_api/BindSkill", { exact: true }).last().waitFor();
  check("Enter opens the first method found, and the contents mark it",
    page.url().endsWith("#post-/platform_api/BindSkill")
    && (await page.locator("#methods [aria-current]").textContent()) === "/platform_api/BindSkill", page.url());
}

// Whether all of an element is on the screen.
const isOnScreen = (locator) => locator.evaluate((element) => {
  const box = element.getBoundingClientRect();
  return box.width > 0 && box.left >= 0 && box.top >= 0 && box.right <= innerWidth && box.bottom <= innerHeight;
});

// What is wider than the screen and not in a box of its own that scrolls.
const tooWide = (page) => page.evaluate(() => {
  const scrolls = (box) => box && !box.matches("main")
    && (["auto", "scroll"].includes(getComputedStyle(box).overflowX) || scrolls(box.parentElement));
  const isOut = (element) => {
    const { width, left, right } = element.getBoundingClientRect();
    return width > 0 && (left < -1 || right > innerWidth + 1) && getComputedStyle(element).visibility !== "hidden";
  };
  const within = (root) => [...root.querySelectorAll("*")].flatMap((element) => [
    ...(isOut(element) && !scrolls(element) ? [`${element.localName}: ${element.textContent.trim().slice(0, 40)}`] : []),
    ...(element.shadowRoot ? within(element.shadowRoot) : []),
  ]);
  return [...(document.documentElement.scrollWidth > innerWidth ? ["the page"] : []), ...within(document)];
});

async function narrow(context) {
  const page = await context.newPage();
  const seen = watch(page);
  await page.setViewportSize(NARROW);
  await page.goto(`${PAGE_URL}/#key=${PAGE_PRINTED}`);
  await ready(page);
  const families = page.locator("[data-family]");
  check("360 px: both families are on the screen", await isOnScreen(families.first()) && await isOnScreen(families.last()));
  await families.last().click();
  await page.waitForURL(/family=voximplant/);
  await ready(page);
  check("360 px: the contents are not in the way", !(await page.locator("#contents").isVisible()));
  await page.getByRole("button", { name: "Methods" }).click();
  check("360 px: one tap shows methods", await isOnScreen(page.locator("#methods a").nth(2)));
  await shot(page, "narrow-contents");
  await typed(page, "user add");
  await shot(page, "narrow-found");
  await page.locator("#methods a").first().click();
  const title = page.getByRole("heading", { name: "Adds a new user." });
  await title.waitFor();
  check("360 px: a method that was found is on the screen, and the contents are gone",
    await isOnScreen(title) && !(await page.locator("#contents").isVisible()));
  const field = await page.getByLabel("user_name", { exact: true }).evaluate((input) => input.clientWidth);
  check("360 px: a field has room for what is typed", field > 250, field);
  await shot(page, "narrow-form");
  await operation(page, "/platform_api/GetUsers", "voximplant");
  const users = await tried(page, "/platform_api/GetUsers");
  await showAnswer(page);
  check("360 px: a call can be tried and its answer is on the screen",
    Array.isArray(users.answer.result) && await isOnScreen(page.getByText("Response Status: OK:200")));
  await shot(page, "narrow-answer");
  await page.getByRole("button", { name: "Methods" }).click();
  await page.getByRole("button", { name: "Close" }).click();
  check("360 px: the contents can be closed", !(await page.locator("#contents").isVisible()));
  check("360 px: nothing is said on the console", seen.said.length === 0, seen.said);
  await page.close();
}

// What axe finds in the view that bars somebody from it.
async function barriers(page) {
  const { violations } = await page.evaluate(() => window.axe.run(document, { resultTypes: ["violations"] }));
  return violations.filter((one) => ["critical", "serious"].includes(one.impact))
    .flatMap((one) => one.nodes.slice(0, 2).map((node) => `${one.id}: ${node.html.replace(/\s+/g, " ").slice(0, 120)}`));
}

const drawn = (page) => page.evaluate(() => new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve))));

// Goes through the views that the contents lead to.
async function views(page, wanted, look) {
  const links = page.locator("#contents a[href^='#']");
  const places = await links.evaluateAll((all) => all.map((link) => link.getAttribute("href")));
  const seen = places.filter((place) => wanted.test(place));
  for (const place of seen) {
    await page.evaluate((hash) => { location.hash = hash; }, place);
    await page.waitForFunction((id) => document.querySelector("rapi-doc").shadowRoot.getElementById(id), place.slice(1));
    await drawn(page);
    await look(place);
  }
  return seen.length;
}

// The parts of a method's view that appear only when they are used.
async function parts(page, look) {
  await operation(page, "/stepchat/get-user-by", "stepchat");
  await tried(page, "/stepchat/get-user-by");
  // The buttons change their colours slowly.
  await page.mouse.move(0, 0);
  await page.waitForTimeout(900);
  await look("an answer");
  for (const tab of ["RESPONSE HEADERS", "CURL", "SCHEMA"]) {
    await page.getByRole("button", { name: tab, exact: true }).filter({ visible: true }).first().click();
    await drawn(page);
    await look(tab);
  }
  await page.getByLabel("Media type of the request body").selectOption("application/json");
  await page.getByLabel("Request body", { exact: true }).waitFor();
  await look("a body in JSON");
  if (await page.getByRole("button", { name: "Methods" }).isVisible()) await page.getByRole("button", { name: "Methods" }).click();
  for (const text of ["get user", "rubbish"]) {
    await typed(page, text);
    await look(`the contents with "${text}"`);
  }
}

// Every view at both widths and in both colours, though not each in all four ways.
async function access(context) {
  const every = /^#(overview(--quirks)?|auth|post-.*)$/;
  const some = /^#(overview--quirks|auth|post-.*(add-user|AddUser|GetUsers))$/;
  const ways = [[NARROW, "light", every], [WIDE, "dark", every], [NARROW, "dark", some], [WIDE, "light", some]];
  for (const [size, colorScheme, wanted] of ways) {
    for (const family of ["stepchat", "voximplant"]) {
      const page = await context.newPage();
      await page.emulateMedia({ colorScheme });
      await page.setViewportSize(size);
      await page.goto(`${PAGE_URL}/?family=${family}#key=${PAGE_PRINTED}`);
      await ready(page);
      await page.evaluate(axeSource);
      const [barred, wide] = [[], []];
      const look = async (name) => {
        barred.push(...(await barriers(page)).map((found) => `${name}: ${found}`));
        wide.push(...(await tooWide(page)).map((found) => `${name}: ${found}`));
      };
      const count = await views(page, wanted, look);
      if (family === "stepchat") await parts(page, look);
      await shot(page, `${colorScheme}-${size.width}-${family}`);
      const way = `${family}, ${count} views, ${size.width} px, ${colorScheme}`;
      check(`axe finds nothing critical or serious: ${way}`, count > 2 && barred.length === 0, barred);
      check(`nothing is wider than the screen: ${way}`, count > 2 && wide.length === 0, wide);
      await page.close();
    }
  }
}

async function attacks(context) {
  const page = await context.newPage();
  // A site of somebody else's: it exists only here.
  await page.route("http://evil.example/**", (route) => route.fulfill({ contentType: "text/html", body: "<!doctype html><p>evil" }));
  await page.goto("http://evil.example/");
  const stolen = await page.evaluate(async ([url, key]) => {
    const tries = [{ headers: { "X-Switchboard-Page": "1" } }, { headers: { "X-Switchboard-Page": key } }, {}, { mode: "no-cors" }].map(async (options) => {
      try {
        return await (await fetch(`${url}/reference/credentials`, options)).text();
      } catch {
        return "";
      }
    });
    return (await Promise.all(tries)).join("");
  }, [PAGE_URL, PAGE_PRINTED]);
  check("a script of another site is not told the credentials", !stolen.includes(PAGE_TOKEN) && !stolen.includes(PAGE_KEY), stolen);
  await page.setContent(`<iframe src="${PAGE_URL}/"></iframe>`, { waitUntil: "commit" });
  await page.waitForTimeout(700);
  const framed = page.frames().some((frame) => frame.url().startsWith(PAGE_URL));
  check("another site cannot frame the page", !framed, page.frames().map((frame) => frame.url()));
  await page.close();
}

async function staticFolder(context) {
  const page = await context.newPage();
  const seen = watch(page);
  await page.goto(PAGE_STATIC);
  await ready(page);
  await page.locator("#api-title").waitFor();
  check("the static folder shows the reference from any web host",
    (await page.locator("#methods a").count()) > 10 && (await page.locator("#status").textContent()).includes("Choose a server"),
    await page.locator("#status").textContent());
  await page.locator("#contents").getByText("API servers").click();
  await page.getByRole("heading", { name: "API SERVER" }).waitFor();
  await page.evaluate(axeSource);
  const barred = await barriers(page);
  check("axe finds nothing critical or serious: the choice of a server", barred.length === 0, barred);
  await shot(page, "static");
  check("the static folder asks nobody else, and says nothing on the console",
    strangers(seen, PAGE_STATIC).length === 0 && seen.said.length === 0, [...strangers(seen, PAGE_STATIC), ...seen.said]);
  await page.close();
}

(async () => {
  const context = await launchProfile(PAGE_PROFILE, PAGE_BROWSER, { viewport: WIDE });
  // Other tests may have most of the machine.
  context.setDefaultTimeout(60_000);
  try {
    const page = await context.newPage();
    const seen = watch(page);
    await reading(page);
    await stepchat(page);
    await voximplant(page);
    check("no request leaves the origin", strangers(seen, PAGE_URL).length === 0, strangers(seen, PAGE_URL));
    check("nothing is said on the console", seen.said.length === 0, seen.said);
    await finding(page);
    await page.close();
    await narrow(context);
    await access(context);
    await staticFolder(context);
    await attacks(context);
  } catch (error) {
    check("the browser's story can be told to its end", false, [error.stack, ...await Promise.all(context.pages().map(state))]);
  } finally {
    await context.close();
  }
})();
