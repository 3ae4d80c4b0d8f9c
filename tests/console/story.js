// What people do with the console, in a real browser.
"use strict";

const fs = require("node:fs");
const { check, launch } = require("../browser.js");
const axeSource = fs.readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");

const { CONSOLE_BROWSER, CONSOLE_SHOTS, CONSOLE_URL, CONSOLE_KEY, CONSOLE_ONLY = "" } = process.env;
const ORIGIN = new URL(CONSOLE_URL).origin;
const KEY = new URL(CONSOLE_URL).hash;
const PAGE = CONSOLE_URL.split("#")[0];
const WIDE = { width: 1280, height: 860 };
const NARROW = { width: 375, height: 740 };
const MARKUP = `<img src=x onerror="window.hit=1"><script>window.hit=1</script>"'&amp;`;

const shot = (page, name) => page.screenshot({ path: `${CONSOLE_SHOTS}/${name}.png` });
const panel = (page) => page.locator("aside.panel");
const rows = (page) => page.locator("tbody tr");
// The next word on what was done: each is looked at once.
const toast = async (page, text) => {
  const told = page.locator(".toast p:not([data-seen])").filter({ hasText: text });
  await told.waitFor();
  await told.evaluate((word) => { word.dataset.seen = ""; });
};
const settled = (page) => page.locator("table[aria-busy=false]").first().waitFor();
const dialog = (page) => page.locator("dialog[open]");

async function open(browser, options = {}) {
  const context = await browser.newContext({ viewport: WIDE, locale: "en-GB", timezoneId: "UTC", ...options });
  const page = await context.newPage();
  page.setDefaultTimeout(60_000);
  page.seen = { said: [], asked: [] };
  page.on("console", (message) => page.seen.said.push(`${message.type()}: ${message.text()}`));
  page.on("pageerror", (error) => page.seen.said.push(`error: ${error.message}`));
  page.on("request", (request) => page.seen.asked.push(request.url()));
  return page;
}

async function enter(page, hash = "#/people") {
  await page.goto(PAGE + KEY);
  await page.locator("main h1").waitFor();
  await page.goto(`${PAGE}${hash}`);
  await page.locator("main h1").waitFor();
}

const view = async (page, hash) => { await page.goto(`${PAGE}${hash}`); await page.locator("main h1").first().waitFor(); await settled(page).catch(() => {}); };

// The public APIs, as another tool would call them: from the page's origin, with the page's own credentials.
const call = (page, method, fields) => page.evaluate(async ([name, values]) => {
  const { stepchat, voximplant } = await import("./api.js");
  return /^[A-Z]/.test(name) ? voximplant(name, values) : stepchat(name, values);
}, [method, fields]);

async function addsFindsChanges(page) {
  await enter(page);
  check("the key leaves the address at once", !page.url().includes("key"), page.url());
  await page.getByRole("button", { name: "Add a person" }).click();
  await dialog(page).getByLabel("First name").fill("Мария");
  await dialog(page).getByLabel("Last name").fill("Ёлкина");
  await dialog(page).getByLabel("E-mail").fill("maria@example.com");
  await dialog(page).getByLabel("Phone").fill("+7 919 555-00-11");
  await shot(page, "person-add");
  await dialog(page).getByRole("button", { name: "Add a person" }).click();
  await panel(page).getByRole("heading", { name: "Мария Ёлкина" }).waitFor();
  check("a person is added and shown", true);
  await page.keyboard.press("Escape");
  await panel(page).waitFor({ state: "detached" });
  check("Esc closes the panel", true);

  await page.locator("main h1").click();
  await page.keyboard.press("/");
  check("/ goes to the search", await page.locator("#search").evaluate((box) => box === document.activeElement));
  await page.keyboard.type("7 919 5550011");
  await page.waitForFunction(() => document.querySelectorAll("tbody tr").length === 1 && document.querySelector("tbody").textContent.includes("Мария"));
  check("a person is found by the phone number, however it is written", true);
  await page.locator("#search").fill("+7 919 555-00-11");
  await page.waitForFunction(() => location.hash.includes("555-00-11") && document.querySelectorAll("tbody tr").length === 1 && document.querySelector("table[aria-busy=false]"));
  check("and as the table shows it", (await page.locator("tbody").textContent()).includes("Мария"));
  await page.locator("#search").fill("+7 919 999-99-99");
  await page.getByText(/Nobody found/).waitFor();
  check("a number that nobody has finds nobody", await rows(page).filter({ hasText: "Мария" }).count() === 0);
  await page.locator("#search").fill("7 919 5550011");
  await page.waitForFunction(() => document.querySelectorAll("tbody tr").length === 1 && document.querySelector("tbody").textContent.includes("Мария"));
  check("the search is in the address", page.url().includes("q=7+919+5550011"), page.url());
  await page.locator("#search").fill("елкина");
  await page.waitForFunction(() => location.hash.includes(encodeURIComponent("елкина")));
  await settled(page);
  check("ё is found by е", await rows(page).count() === 1);
  const link = page.url();

  await rows(page).first().locator(".opens").click();
  await panel(page).getByLabel("First name").fill("Мария-Анна");
  await panel(page).getByRole("button", { name: "Add an extra" }).click();
  await panel(page).getByLabel("Name of the extra").last().fill("City");
  await panel(page).locator(".extra input").last().fill("Пермь");
  await panel(page).getByRole("button", { name: "Save" }).click();
  await toast(page, "Saved");
  await panel(page).getByRole("heading", { name: "Мария-Анна Ёлкина" }).waitFor();
  await page.waitForFunction(() => [...document.querySelectorAll("aside .extra input")].some((box) => box.value === "Пермь"));
  check("a profile and its extras are changed", true);
  await panel(page).getByLabel("Department").fill("7");
  page.once("dialog", (question) => question.dismiss());
  await rows(page).filter({ hasText: "Admin" }).first().locator(".opens").click().catch(() => {});
  check("what is typed and not saved is not lost by a click beside it", await panel(page).getByLabel("Department").inputValue() === "7");
  await panel(page).getByLabel("Department").fill("");
  const id = new URLSearchParams(page.url().split("?")[1]).get("user");
  await panel(page).getByRole("button", { name: "Remove City" }).click();
  await panel(page).getByRole("button", { name: "Save" }).click();
  await toast(page, "Saved");
  await page.waitForFunction(() => document.querySelectorAll("aside .extra").length === 1);
  const stored = await call(page, "get-user", { user_id: id, extra: true });
  check("an extra is removed, and nothing else", stored.details.length === 1 && stored.details[0].slug === "phone" && stored.email === "maria@example.com", stored);

  const other = await page.context().newPage();
  await other.goto(link);
  check("a link to a search opens without the key only with credentials of its own", await other.locator(".sign-in, main h1").first().textContent() !== null);
  await other.close();
  return id;
}

async function twoPeopleEdit(browser, page, id) {
  await view(page, `#/people?user=${id}`);
  await panel(page).getByLabel("Last name").waitFor();
  await call(page, "update-user", { user_id: id, first_name: "Changed elsewhere", last_name: "Theirs" });
  await panel(page).getByLabel("Last name").fill("Mine");
  await panel(page).getByRole("button", { name: "Save" }).click();
  await dialog(page).getByRole("heading", { name: "Changed meanwhile" }).waitFor();
  const before = await call(page, "get-user", { user_id: id });
  check("who saves second sees what changed meanwhile, before anything is saved",
    before.last_name === "Theirs" && /Changed elsewhere.*Theirs.*Mine/s.test(await dialog(page).textContent()), before);
  await shot(page, "person-conflict");
  await call(page, "update-user", { user_id: id, first_name: "Changed again" });
  await dialog(page).getByRole("button", { name: "Save my changes" }).click();
  await dialog(page).getByText("Changed again").waitFor();
  check("what changes while that is read is shown too", (await call(page, "get-user", { user_id: id })).last_name === "Theirs");
  await dialog(page).getByRole("button", { name: "Save my changes" }).click();
  await toast(page, "Saved");
  const after = await call(page, "get-user", { user_id: id });
  check("and may save on top: both changes stay", after.last_name === "Mine" && after.first_name === "Changed again", after);
}

async function conversations(page, id) {
  const talk = (await call(page, "new-conversation", { user_id: id, title: "About an order" })).details.id;
  await call(page, "send-message", { user_id: id, conversation_id: talk, message: `hello ${MARKUP}` });
  await view(page, `#/people?user=${id}&conversation=${talk}`);
  await page.locator(".said").first().waitFor();
  check("messages are shown as they were written", (await page.locator(".said").first().textContent()) === `hello ${MARKUP}`);
}

async function leadAndDelete(page, id) {
  await view(page, `#/people?user=${id}`);
  await panel(page).getByRole("button", { name: "Make a lead" }).click();
  await dialog(page).getByRole("button", { name: "Make a lead" }).click();
  await panel(page).getByText("lead", { exact: false }).first().waitFor();
  await toast(page, "Saved");
  check("a person becomes a lead", (await call(page, "get-user", { user_id: id })).user_type === "lead");
  await panel(page).getByRole("button", { name: "Delete" }).click();
  check("a delete says what goes with it", (await dialog(page).textContent()).includes("conversations"));
  await shot(page, "person-delete");
  await dialog(page).getByRole("button", { name: "Cancel" }).click();
  check("and may be thought over", (await call(page, "get-user", { user_id: id })) !== false);
  await panel(page).getByRole("button", { name: "Delete" }).click();
  await dialog(page).getByRole("button", { name: "Delete" }).click();
  await toast(page, "deleted");
  check("a person is deleted", (await call(page, "get-user", { user_id: id })) === false);
  await view(page, `#/people?user=${id}`);
  await panel(page).getByText(`There is no person ${id}`).waitFor();
  check("a link to somebody who is gone says so", true);
}

async function listAndBulk(page) {
  await enter(page);
  await page.evaluate(async () => {
    const { stepchat } = await import("./api.js");
    const one = (n) => stepchat("add-user", { first_name: `Bulk${String(n).padStart(3, "0")}`, last_name: "Row", user_type: "lead", extra: { phone: [`+1555${String(n).padStart(7, "0")}`, "Phone"] } });
    for (let from = 0; from < 120; from += 10) await Promise.all(Array.from({ length: 10 }, (_, n) => one(from + n)));
  });
  await view(page, "#/people?type=lead&sort=first_name&dir=asc");
  await page.waitForFunction(() => document.querySelectorAll("tbody tr").length === 100);
  const first = await rows(page).first().textContent();
  check("a link opens a tab, sorted", first.includes("Bulk000"), first);
  check("tabs show how many there are", /Leads\s*120/.test(await page.locator(".tabs").textContent()), await page.locator(".tabs").textContent());
  await page.getByRole("button", { name: /^Name/ }).click();
  await page.waitForFunction(() => document.querySelector("tbody tr")?.textContent.includes("Bulk119"));
  check("a column's head turns the order", (await page.locator("th[aria-sort=descending]").textContent()).includes("Name"));
  await page.getByRole("button", { name: "Next" }).click();
  await page.waitForFunction(() => document.querySelectorAll("tbody tr").length === 20);
  check("the next page has the rest", true);
  await page.locator(".opens").first().focus();
  await page.keyboard.press("ArrowDown");
  const focused = await page.evaluate(() => [...document.querySelectorAll(".opens")].indexOf(document.activeElement));
  check("arrows move between rows", focused === 1, focused);
  await page.keyboard.press("Enter");
  await panel(page).waitFor();
  check("Enter opens the row", true);
  await page.keyboard.press("Escape");

  await page.getByLabel("Select all on this page").check();
  await page.getByRole("button", { name: "Select all 120" }).click();
  await page.getByText("120 selected").waitFor();
  check("all of a filter are selected, whatever page they are on", true);
  await page.getByRole("button", { name: "Export" }).click();
  await dialog(page).getByRole("button", { name: "The 120 selected" }).click();
  const [file] = await Promise.all([page.waitForEvent("download"), dialog(page).getByRole("link", { name: "Download leads.csv" }).click()]);
  const text = fs.readFileSync(await file.path(), "utf8");
  check("the file has the name that was promised", file.suggestedFilename() === "leads.csv", file.suggestedFilename());
  check("the selection is exported as CSV", text.split("\r\n").length >= 121 && text.includes("Bulk077"), text.slice(0, 200));
  await dialog(page).getByRole("button", { name: "Close" }).click();
  await page.getByRole("region", { name: "Selection" }).getByRole("button", { name: "Delete" }).click();
  await dialog(page).getByRole("button", { name: "Delete" }).click();
  await toast(page, "120 deleted");
  await page.waitForFunction(() => document.querySelectorAll("tbody tr").length === 0);
  check("the selection is deleted", true);
}

async function markup(page) {
  await enter(page);
  const id = await call(page, "add-user", { first_name: MARKUP, last_name: "javascript:alert(1)", email: `"x"@<b>.example`,
    profile_image: "javascript:window.hit=1", extra: { city: [MARKUP, `City${MARKUP}`], website: ["javascript:window.hit=1", "Website"] } });
  await view(page, `#/people?user=${id}`);
  await panel(page).getByLabel("First name").waitFor();
  await shot(page, "person-markup");
  await call(page, "AddUser", { application_id: 1, user_name: "markup", user_display_name: MARKUP, user_password: "Passw0rd!", user_custom_data: MARKUP });
  await view(page, "#/phones");
  await rows(page).filter({ hasText: "markup" }).first().locator(".opens").click();
  await panel(page).getByLabel("Display name").waitFor();
  check("markup in names, extras, custom data and addresses is text",
    await page.evaluate(() => window.hit === undefined && document.querySelectorAll("main img, main script").length === 0)
    && (await panel(page).getByRole("heading").first().textContent()) === MARKUP);
  await call(page, "delete-user", { user_id: id });
  await call(page, "DelUser", { application_id: 1, user_name: "markup" });
}

async function money(page) {
  await enter(page, "#/phones");
  const before = (await call(page, "GetAccountInfo", {})).result.balance;
  await page.getByRole("button", { name: "Add a phone user" }).click();
  await dialog(page).getByLabel("User name").fill("console-test");
  await dialog(page).getByLabel("Display name").fill("Console Test");
  await dialog(page).getByLabel("New password").fill("Passw0rd!");
  await dialog(page).getByLabel("Uses the account's balance").uncheck();
  await dialog(page).getByRole("button", { name: "Add a phone user" }).click();
  await panel(page).getByRole("heading", { name: "Console Test" }).waitFor();
  check("a phone user is added", true);
  await panel(page).getByRole("button", { name: "Transfer money" }).click();
  await dialog(page).getByLabel(/Amount/).fill("5.00001");
  check("five decimals are no amount", (await dialog(page).textContent()).includes("at most four decimals")
    && await dialog(page).getByRole("button", { name: "Transfer", exact: true }).isDisabled());
  await dialog(page).getByLabel(/Amount/).fill("1,000");
  check("an amount that may be two is none", await dialog(page).getByRole("button", { name: "Transfer", exact: true }).isDisabled());
  await dialog(page).getByLabel(/Amount/).fill("5,00");
  await dialog(page).getByText("What will happen").waitFor();
  const seen = await dialog(page).locator("table").textContent();
  check("the preview says who gets what and what is left", seen.includes("5.00 USD") && seen.includes("console-test"), seen);
  await shot(page, "transfer-preview");
  // Two clicks before the first answer: the form is sent twice under one key.
  await dialog(page).locator("form").evaluate((form) => { form.requestSubmit(); form.requestSubmit(); });
  await toast(page, "Transferred");
  const now = (await call(page, "GetAccountInfo", {})).result.balance;
  check("a second click is no second payment", Math.round((before - now) * 10000) === 50000, [before, now]);
  await panel(page).getByText("5.00 USD").waitFor();
  await panel(page).getByRole("button", { name: "Transfer money" }).click();
  await dialog(page).getByLabel("From console-test back to the account").check();
  await dialog(page).getByLabel(/Amount/).fill("7");
  await dialog(page).getByText("This would be refused").waitFor();
  check("strictly nobody pays more than there is", await dialog(page).getByRole("button", { name: "Transfer", exact: true }).isDisabled());
  await dialog(page).getByLabel(/All or nothing/).uncheck();
  await dialog(page).getByRole("button", { name: "Transfer", exact: true }).click();
  await dialog(page).waitFor({ state: "detached" });
  check("it is taken back, cut to what was there", (await call(page, "GetAccountInfo", {})).result.balance === before);
  await panel(page).getByRole("link", { name: "Statement" }).click();
  await page.locator("main tbody tr").nth(1).waitFor();
  const lines = await page.locator("main tbody").textContent();
  check("the statement has both lines, and the balance after each", lines.includes("5.00") && lines.includes("−5.00"), lines);
  await page.locator(".chart canvas").waitFor();
  await shot(page, "statement");
  check("the chart is drawn", true);
  await view(page, "#/setup");
  await page.getByRole("button", { name: "Add a skill" }).click();
  await dialog(page).getByLabel("Name").fill("russian");
  await dialog(page).getByRole("button", { name: "Add a skill" }).click();
  await page.getByRole("link", { name: "russian" }).waitFor();
  await page.getByRole("button", { name: "Add a queue" }).click();
  await dialog(page).getByLabel("Name").fill("support");
  await dialog(page).getByRole("button", { name: "Add a queue" }).click();
  await page.getByRole("link", { name: "support" }).waitFor();
  check("skills and queues are made", true);
  await view(page, "#/phones?name=console");
  await rows(page).first().locator(".opens").click();
  // One right after the other: the answer to the first must not take the second back.
  await panel(page).getByLabel("russian").check();
  await panel(page).getByLabel("support").check();
  await page.waitForFunction(() => document.querySelectorAll("aside fieldset input:checked:enabled").length === 2);
  const user = (await call(page, "GetUsers", { user_name: "console-test", with_skills: true, with_queues: true })).result[0];
  check("a skill and a queue are bound", user.skills.length === 1 && user.acd_queues.length === 1, user);
  await view(page, `#/phones?skill=${user.skills[0].skill_id}`);
  await rows(page).filter({ hasText: "console-test" }).waitFor();
  check("users are filtered by skill, from the address", (await rows(page).count()) === 1);
  await view(page, `#/phones?user=${user.user_id}`);
  await panel(page).getByRole("button", { name: "Delete" }).click();
  await dialog(page).getByRole("button", { name: "Delete" }).click();
  await toast(page, "deleted");
  check("a phone user is deleted", (await call(page, "GetUsers", { user_id: user.user_id })).result.length === 0);
}

async function troubles(page) {
  await enter(page);
  await settled(page);
  await page.route("**/stepchat/get-users", (route) => route.abort());
  await page.getByRole("button", { name: /^Name/ }).click();
  await page.locator(".notice.bad").waitFor();
  const said = await page.locator(".notice.bad").textContent();
  check("a lost connection is told, and old data is marked as old", said.includes("no answer") && said.includes("was read at"), said);
  await shot(page, "lost-connection");
  await page.unroute("**/stepchat/get-users");
  await page.getByRole("button", { name: "Try again" }).click();
  await page.locator(".notice.bad").waitFor({ state: "detached" });
  check("and it goes on when the connection is back", true);
  await page.route("**/stepchat/get-users", (route) => route.fulfill({ json: { success: false, status: "error", response: "invalid-token", message: "" } }));
  await page.getByRole("button", { name: /^Name/ }).click();
  await page.locator(".notice.bad").waitFor();
  check("a revoked credential is told, with what to do", (await page.locator(".notice.bad").textContent()).includes("revoked"));
  await page.unroute("**/stepchat/get-users");
  await page.route("**/stepchat/get-users", (route) => route.fulfill({ status: 502, body: "<html>bad gateway</html>" }));
  await page.getByRole("button", { name: "Try again" }).click();
  await page.waitForFunction(() => document.querySelector(".notice.bad")?.textContent.includes("busy"));
  check("an answer that is none is told", true);
  await page.unroute("**/stepchat/get-users");
}

async function operatorStory(page) {
  await enter(page, "#/access");
  await page.getByRole("button", { name: "Make a token" }).click();
  await dialog(page).getByLabel("Name").fill("console-story");
  await dialog(page).getByRole("button", { name: "Make a token" }).click();
  await page.locator("code.secret").waitFor();
  const token = await page.locator("code.secret").textContent();
  check("a token is made and shown once", token.startsWith("sbk_"), token.slice(0, 12));
  await dialog(page).getByRole("button", { name: "Close" }).last().click();
  await page.getByRole("cell", { name: "console-story" }).first().waitFor();
  const works = () => page.evaluate((secret) => fetch("../stepchat/count-users", { method: "POST", headers: { Authorization: `Bearer ${secret}` } }).then((answer) => answer.json()), token);
  check("it opens what it should", (await works()).success === true);
  await shot(page, "access");
  await page.getByRole("button", { name: "Revoke console-story" }).click();
  await dialog(page).getByRole("button", { name: "Revoke" }).click();
  await page.getByText(/revoked /).first().waitFor();
  check("a revoked token opens nothing at once", (await works()).success === false);
  await page.getByRole("button", { name: "Make an API key" }).click();
  await dialog(page).getByLabel("Name").fill("console-key");
  await dialog(page).getByLabel("Account").selectOption({ label: "second" });
  await dialog(page).getByRole("button", { name: "Make an API key" }).click();
  await page.locator("code.secret").waitFor();
  const key = await page.locator("code.secret").textContent();
  await dialog(page).getByRole("button", { name: "Close" }).last().click();
  const row = rows(page).filter({ hasText: "console-key" });
  check("the key that the page itself calls with is not offered to be revoked", (await page.getByText("used by this page").count()) === 1);
  check("a key that was never used says so", (await row.textContent()).includes("never"), await row.textContent());
  const opens = () => page.evaluate((secret) => fetch(`../platform_api/GetAccountInfo?account_name=second&api_key=${secret}`).then((answer) => answer.json()), key);
  check("an API key opens the account that it was made for", (await opens()).result?.account_name === "second");
  await page.reload();
  await row.waitFor();
  check("its last use is shown", !(await row.textContent()).includes("never") && /\d:\d\d/.test(await row.textContent()), await row.textContent());
  await page.getByRole("button", { name: "Revoke console-key" }).click();
  await dialog(page).getByRole("button", { name: "Revoke" }).click();
  await toast(page, "console-key is revoked");
  check("it is revoked by its name", (await opens()).error !== undefined);
  await page.getByRole("button", { name: "Make a service key" }).click();
  await dialog(page).getByLabel("What it is for").fill("console-service");
  await dialog(page).getByLabel("Accountant").check();
  await dialog(page).getByLabel("Supervisor").check();
  await dialog(page).getByRole("button", { name: "Make a service key" }).click();
  await page.locator("code.secret").waitFor();
  const [download] = await Promise.all([page.waitForEvent("download"), dialog(page).getByRole("link", { name: "Download" }).click()]);
  const credentials = JSON.parse(fs.readFileSync(await download.path(), "utf8"));
  check("a service key is made, and its credentials file handed over", credentials.account_id === 1 && credentials.private_key.includes("PRIVATE KEY"), Object.keys(credentials));
  await dialog(page).getByRole("button", { name: "Close" }).last().click();
  const service = await rows(page).filter({ hasText: "console-service" }).textContent();
  check("it is listed with its roles", service.includes("Accountant") && service.includes("Supervisor"), service);
  await page.getByRole("button", { name: "Revoke console-service" }).click();
  await dialog(page).getByRole("button", { name: "Revoke" }).click();
  await toast(page, "console-service is revoked");

  await view(page, "#/health");
  await page.locator(".figure").first().waitFor();
  const figures = await page.locator(".figures").textContent();
  check("health shows the ledger and the last hour", figures.includes("sums up") && /Requests\s*[1-9]/.test(figures), figures);
  await shot(page, "health");

  await view(page, "#/people");
  await page.getByRole("button", { name: "Import" }).click();
  const file = { name: "people.csv", mimeType: "text/csv", buffer: Buffer.from("First Name,Last Name,Email,Phone\nImport,One,one@import.example,+15550001\nImport,Two,two@import.example,+15550002\n") };
  await dialog(page).locator("input[type=file]").setInputFiles(file);
  await dialog(page).getByRole("button", { name: /Try it/ }).click();
  await dialog(page).locator("pre").waitFor();
  check("an import is tried first, and changes nothing", (await call(page, "get-users", { search: "import.example" })).length === 0, await dialog(page).locator("pre").textContent());
  await shot(page, "import");
  await dialog(page).getByRole("button", { name: "Import", exact: true }).click();
  await dialog(page).getByText("Imported.", { exact: true }).waitFor();
  check("then it is done", (await call(page, "get-users", { search: "import.example" })).length === 2, await dialog(page).locator("pre").textContent());
  // The same file again, mended: choosing it anew, or calling that off, closes nothing.
  await dialog(page).locator("input[type=file]").evaluate((input) => input.dispatchEvent(new Event("cancel", { bubbles: true })));
  const mended = { name: "people.csv", mimeType: "text/csv", buffer: Buffer.from(`First Name,Type\nMended,bot\nFine,lead\n`) };
  await dialog(page).locator("input[type=file]").setInputFiles(mended);
  await dialog(page).getByRole("button", { name: /Try it/ }).click();
  const [rejected] = await Promise.all([page.waitForEvent("download"), dialog(page).getByRole("link", { name: /rejected rows/ }).click()]);
  check("rejected rows are handed over, with the reason", /invalid-user-type,Mended/.test(fs.readFileSync(await rejected.path(), "utf8")));
  const junk = { name: "junk.csv", mimeType: "text/csv", buffer: Buffer.from([0x50, 0xff, 0xfe, 0x00, 0x81]) };
  await dialog(page).locator("input[type=file]").setInputFiles(junk);
  await dialog(page).getByRole("button", { name: /Try it/ }).click();
  await dialog(page).getByText("cannot be imported").waitFor();
  check("a file that is none is told by its name, and cannot be imported", await dialog(page).getByRole("button", { name: "Import", exact: true }).isDisabled()
    && (await dialog(page).locator("pre").textContent()).includes("junk.csv"), await dialog(page).textContent());
  // The server was started anew: another key. The same tab takes the printed address.
  await page.evaluate(() => sessionStorage.setItem("switchboard-key", "00"));
  await view(page, "#/health");
  await page.locator(".notice.bad").waitFor();
  check("a key of before is told, with what to do", (await page.locator(".notice.bad").textContent()).includes("address that the server printed"));
  await page.reload();
  await page.locator(".sign-in").waitFor();
  await page.goto(PAGE + KEY);
  await page.locator(".figure").first().waitFor();
  check("the printed address works in a tab that is open, and shows what was wanted", page.url().endsWith("#/health"), page.url());
}

// Another account than the first: its users, its money, its applications.
async function accounts(page) {
  await enter(page, "#/setup?account=2");
  await page.getByRole("heading", { name: "Skills", exact: true }).waitFor();
  check("a link opens the account that it names", (await page.locator("#account option:checked").textContent()) === "second");
  await page.getByRole("button", { name: "Add an application" }).click();
  await dialog(page).getByLabel("Name").fill("apart");
  await dialog(page).getByRole("button", { name: "Add an application" }).click();
  await page.getByRole("link", { name: /^apart/ }).waitFor();
  await page.getByRole("link", { name: "Phone users" }).click();
  await page.getByText("No phone users yet.").waitFor();
  await page.getByText(/EUR/).first().waitFor();
  const info = await page.locator("main").textContent();
  check("its users and its money are shown, in its currency", info.includes("second") && info.includes("EUR"), info.slice(0, 200));
  await page.locator("#account").selectOption({ label: "demo" });
  await page.getByText(/USD/).first().waitFor();
  const names = await page.locator("main select").first().textContent();
  check("the other account has its own applications", names.includes("demo") && !names.includes("apart"), names);
  check("and the address says which account it is", page.url().includes("account=1"), page.url());
}

// An answer of megabytes, and a file whose import is cut off.
async function heavy(browser, page) {
  await enter(page);
  const text = "0123456789 ".repeat(4_700);
  await page.evaluate(async (value) => {
    const { stepchat } = await import("./api.js");
    for (let n = 0; n < 100; n += 1) await stepchat("add-user", { first_name: `Heavy${n}`, user_type: "visitor", extra: { phone: [`+${1000 + n} ${value}`, "Phone"] } });
  }, text);
  const began = Date.now();
  await view(page, "#/people?type=visitor");
  await page.waitForFunction(() => document.querySelectorAll("tbody tr").length === 100);
  const seconds = (Date.now() - began) / 1000;
  // A second or two alone; other tests may have most of the machine.
  check("a list of 5 MB is shown, and not in minutes", seconds < 30, seconds);
  await rows(page).nth(50).locator(".opens").click();
  await panel(page).getByLabel("First name").waitFor();
  check("and worked with", (await panel(page).getByLabel("First name").inputValue()).startsWith("Heavy"));
  await page.keyboard.press("Escape");
  const ids = (await call(page, "get-users", { user_types: ["visitor"] })).map((one) => one.id);
  await call(page, "delete-users", { user_ids: ids });

  const other = await open(browser);
  await enter(other);
  await other.getByRole("button", { name: "Import" }).click();
  // Several batches of the import: it is still under way when the first of them is seen.
  const lines = Array.from({ length: 2_000 }, (_, n) => `Cut,Off${n},cut${n}@cut.example,+1999${String(n).padStart(7, "0")}`);
  const file = { name: "cut.csv", mimeType: "text/csv", buffer: Buffer.from(["First Name,Last Name,Email,Phone", ...lines, ""].join("\n")) };
  await dialog(other).locator("input[type=file]").setInputFiles(file);
  await dialog(other).getByRole("button", { name: /Try it/ }).click();
  await dialog(other).locator("pre").waitFor();
  // A connection that can be cut: the browser's own switch to offline leaves those alone that are open.
  await other.evaluate(() => {
    const cut = new AbortController();
    const { fetch } = window;
    window.fetch = (url, options) => fetch(url, { ...options, signal: cut.signal }).catch(() => { throw new TypeError("cut off"); });
    window.cutOff = () => { cut.abort(); window.fetch = fetch; };
  });
  await dialog(other).getByRole("button", { name: "Import", exact: true }).click();
  await page.waitForFunction(async () => {
    const { stepchat } = await import("./api.js");
    return (await stepchat("get-users", { search: "cut.example" })).length > 0;
  });
  await other.evaluate(() => window.cutOff());
  await dialog(other).getByText("goes on where it stopped").waitFor();
  check("an import that is cut off is told, with what to do", true);
  await dialog(other).getByRole("button", { name: "Import", exact: true }).click();
  await dialog(other).getByText("Imported.", { exact: true }).waitFor({ timeout: 180_000 });
  const count = await other.evaluate(async () => {
    const { allPeople } = await import("./api.js");
    return (await allPeople({ search: "cut.example" })).length;
  });
  check("then it goes on, and adds nobody twice", count === lines.length, count);
  await other.context().close();
}

// A colleague without the printed address, with a key that may only look.
async function roles(browser, page) {
  await enter(page);
  await call(page, "AddUser", { application_id: 1, user_name: "looked-at", user_display_name: "Looked At", user_password: "Passw0rd!" });
  const colleague = await open(browser);
  await colleague.goto(PAGE);
  await colleague.getByRole("heading", { name: "Switchboard" }).waitFor();
  const form = colleague.locator("form");
  const wrong = { name: "key.json", mimeType: "application/json", buffer: Buffer.from("{}") };
  await form.locator("input[type=file]").setInputFiles(wrong);
  await form.getByRole("button", { name: "Sign in" }).click();
  await colleague.locator(".notice.bad").waitFor();
  check("a file that is no key is told", (await colleague.locator(".notice.bad").textContent()).includes("key_id"));
  await form.locator("input[type=file]").setInputFiles(CONSOLE_KEY);
  await form.getByRole("button", { name: "Sign in" }).click();
  await rows(colleague).filter({ hasText: "looked-at" }).waitFor();
  const offered = await colleague.locator(".top nav").textContent();
  check("views that the key has no role for are not offered", !/Money|People|Access|Health/.test(offered) && offered.includes("Phone users"), offered);
  check("nor is adding", await colleague.getByRole("button", { name: "Add a phone user" }).count() === 0);
  await rows(colleague).filter({ hasText: "looked-at" }).locator(".opens").click();
  await panel(colleague).getByLabel("Display name").waitFor();
  const buttons = await panel(colleague).getByRole("button").allTextContents();
  check("nor are changes of a user", await panel(colleague).getByLabel("Display name").isDisabled()
    && !buttons.some((text) => /Delete|Transfer|password/i.test(text)), buttons);
  await shot(colleague, "supervisor");
  await colleague.reload();
  await panel(colleague).getByLabel("Display name").waitFor();
  check("the key is kept in this tab alone", await colleague.evaluate(() => localStorage.length === 0 && document.cookie === ""));
  await colleague.getByRole("button", { name: "Sign out" }).click();
  await colleague.locator("form input[type=file]").waitFor();
  check("and gone with signing out", await colleague.evaluate(() => !JSON.stringify({ ...sessionStorage }).includes("private_key")));
  const typed = async (label, text) => colleague.getByLabel(label).fill(text);
  await typed("Account ID", "1");
  await typed("API key", "11111111-2222-3333-4444-555555555555");
  await colleague.getByRole("button", { name: "Sign in" }).click();
  await colleague.locator(".notice.bad").waitFor();
  check("a key that opens nothing is told at once", (await colleague.locator(".notice.bad").textContent()).includes("not accepted"));
  // A token that may only read.
  const { token } = await page.evaluate(async () => {
    const { operator } = await import("./session.js");
    return operator("tokens", { name: "only-reads", scope: "read" });
  });
  await typed("Account ID", "");
  await typed("API key", "");
  await typed("Admin token or API token", token);
  await colleague.getByRole("button", { name: "Sign in" }).click();
  await rows(colleague).first().locator(".opens").click();
  await panel(colleague).getByLabel("First name").waitFor();
  check("a token that only reads is offered no change", await panel(colleague).getByLabel("First name").isDisabled()
    && await colleague.getByRole("button", { name: /Add a person|Delete|Set a password/ }).count() === 0);
  await colleague.context().close();
  await call(page, "DelUser", { application_id: 1, user_name: "looked-at" });
}

async function looks(browser) {
  const views = ["#/people", "#/people?user=1", "#/phones", "#/money", "#/setup", "#/access", "#/health"];
  for (const [name, options] of [["light", { colorScheme: "light" }], ["dark", { colorScheme: "dark" }], ["narrow", { viewport: NARROW }], ["russian", { locale: "ru-RU" }]]) {
    const page = await open(browser, options);
    await enter(page);
    for (const hash of views) {
      await view(page, hash);
      await page.waitForTimeout(400);
      const place = hash.replace(/\W+/g, "-").replace(/^-|-$/g, "");
      await shot(page, `${name}-${place}`);
      await page.evaluate(axeSource);
      const found = await page.evaluate(() => window.axe.run(document, { resultTypes: ["violations"] }));
      const serious = found.violations.filter((one) => ["serious", "critical"].includes(one.impact));
      check(`axe finds nothing serious: ${name}, ${place}`, serious.length === 0, serious.map((one) => `${one.id}: ${one.nodes.slice(0, 3).map((node) => node.html).join(" | ")}`));
      if (name === "narrow") {
        const wider = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
        check(`nothing is wider than 375 px: ${place}`, wider <= 0, wider);
      }
    }
    if (name === "russian") check("the browser's language is taken", (await page.locator(".top nav").textContent()).includes("Люди"));
    await page.context().close();
  }
}

// The README's pictures, made anew with `--only pictures`: people as a small business has them.
async function pictures(page) {
  await page.setViewportSize({ width: 1280, height: 720 });
  await enter(page);
  const people = [["Мария", "Ёлкина", "+7 919 555-00-11"], ["Zoë", "Brandt", "+49 30 901820"], ["Омар", "Хасанов", "+998 90 123-45-67"],
    ["José", "Álvarez", "+34 600 123 456"], ["יעל", "כהן", "+972 50-123-4567"], ["Anna", "Kowalska", "+48 601 234 567"], ["Иван", "Петров", "+7 903 111-22-33"],
    ["Priya", "Nair", "+91 98765 43210"], ["Lars", "Nilsson", "+46 70 123 45 67"]];
  for (const [n, [first_name, last_name, phone]] of people.entries()) {
    const fields = { first_name, last_name, user_type: n % 3 ? "user" : "lead", email: `${"abcdefghi"[n]}@example.com`, extra: { phone: [phone, "Phone"], city: ["Berlin", "City"] } };
    await call(page, "add-user", fields);
  }
  await page.reload();
  await rows(page).nth(4).locator(".opens").click();
  await panel(page).getByLabel("First name").waitFor();
  await shot(page, "console-people");
  for (const [n, name] of ["anna", "lars", "priya"].entries()) {
    const user = await call(page, "AddUser", { application_id: 1, user_name: name, user_display_name: people[[5, 8, 7][n]].slice(0, 2).join(" "), user_password: "Passw0rd!", parent_accounting: false });
    await call(page, "TransferMoneyToUser", { user_id: user.user_id, amount: 20 + 7.5 * n });
  }
  await view(page, "#/phones");
  await page.getByLabel("Select all on this page").check();
  await page.getByRole("region", { name: "Selection" }).getByRole("button", { name: "Transfer money" }).click();
  await dialog(page).getByLabel(/Amount/).fill("5.00");
  await dialog(page).getByText("What will happen").waitFor();
  await shot(page, "console-money");
}

async function main() {
  const browser = await launch(CONSOLE_BROWSER);
  const page = await open(browser);
  const only = CONSOLE_ONLY.split(",").filter(Boolean);
  const story = async (name, tell) => {
    if (only.length && !only.includes(name)) return;
    try {
      await tell();
    } catch (error) {
      const pages = browser.contexts().flatMap((context) => context.pages());
      await Promise.all(pages.map((one, n) => shot(one, `failed-${name}-${n}`).catch(() => {})));
      check(`the story ${name} goes to its end`, false, error.message);
    }
  };
  await story("person", async () => {
    const id = await addsFindsChanges(page);
    await twoPeopleEdit(browser, page, id);
    await conversations(page, id);
    await leadAndDelete(page, id);
  });
  await story("bulk", () => listAndBulk(page));
  await story("markup", () => markup(page));
  await story("money", () => money(page));
  const said = page.seen.said.filter((line) => !line.includes("favicon"));
  check("the page says nothing on the browser's console", said.length === 0, said);
  await story("troubles", () => troubles(page));
  await story("heavy", () => heavy(browser, page));
  await story("operator", () => operatorStory(page));
  await story("accounts", () => accounts(page));
  if (only.includes("pictures")) await story("pictures", () => pictures(page));
  await story("roles", () => roles(browser, page));
  await story("looks", () => looks(browser));
  const strangers = page.seen.asked.filter((url) => !url.startsWith(`${ORIGIN}/`) && !url.startsWith("data:"));
  check("no request leaves the server", strangers.length === 0, strangers);
  await browser.close();
}

main().catch((error) => { check("the browser's story", false, error.stack); process.exitCode = 1; });
