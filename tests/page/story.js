// What a reader does with the reference page.
"use strict";

const { check, launchProfile } = require("../browser.js");

const { PAGE_BROWSER, PAGE_SHOTS, PAGE_PROFILE, PAGE_URL, PAGE_STATIC, PAGE_TOKEN, PAGE_KEY, PAGE_PRINTED } = process.env;
const WIDE = { width: 1440, height: 950 };

// Everything that a page says and asks for.
function watch(page) {
  const seen = { said: [], asked: [] };
  page.on("console", (message) => seen.said.push(`${message.type()}: ${message.text()}`));
  page.on("pageerror", (error) => seen.said.push(`error: ${error.message}`));
  page.on("request", (request) => seen.asked.push(request.url()));
  return seen;
}

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

// The number of operations in the side bar, and in the document.
async function counts(page, family) {
  const document = await (await page.request.get(`${PAGE_URL}/openapi/${family}.json`)).json();
  await page.goto(`${PAGE_URL}/?family=${family}`);
  await ready(page);
  await page.locator(".nav-bar-path").first().waitFor();
  return [await page.locator(".nav-bar-path").count(), Object.keys(document.paths).length];
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
    check(`every method of ${family} is in the side bar`, shown === documented && shown > 10, [shown, documented]);
  }
  await page.locator("header").getByText("StepChat").click();
  await page.waitForURL(/family=stepchat/);
  await ready(page);
  check("the families can be switched", (await page.locator("#api-title").textContent()).includes("StepChat"));
  await page.locator("header").getByText("Quirks").click();
  await page.waitForFunction(() => {
    const quirks = document.querySelector("rapi-doc").shadowRoot.getElementById("overview--quirks");
    return quirks && quirks.getBoundingClientRect().top < innerHeight / 2;
  });
  check("the quirks are on the page", (await page.getByText("Where Switchboard differs").count()) === 1);
  await shot(page, "quirks");
  await page.goto(`${PAGE_URL}/?family=voximplant#auth`);
  await ready(page);
  await page.getByText("2 API key applied").waitFor();
  await shot(page, "credentials");
}

async function looks(context) {
  const page = await context.newPage();
  const seen = watch(page);
  await page.emulateMedia({ colorScheme: "dark" });
  await operation(page, "/stepchat/get-user", "stepchat");
  await shot(page, "dark");
  await page.emulateMedia({ colorScheme: "light" });
  await page.setViewportSize({ width: 480, height: 900 });
  await page.goto(`${PAGE_URL}/?family=voximplant`);
  await page.reload();
  await page.getByText("Credentials", { exact: true }).first().waitFor();
  await shot(page, "narrow");
  check("in the dark and on a narrow screen nothing is said on the console", seen.said.length === 0, seen.said);
  await page.close();
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
    (await page.locator(".nav-bar-path").count()) > 10 && (await page.locator("#status").textContent()).includes("Choose a server"),
    await page.locator("#status").textContent());
  await shot(page, "static");
  check("the static folder asks nobody else, and says nothing on the console",
    strangers(seen, PAGE_STATIC).length === 0 && seen.said.length === 0, [...strangers(seen, PAGE_STATIC), ...seen.said]);
  await page.close();
}

(async () => {
  const context = await launchProfile(PAGE_PROFILE, PAGE_BROWSER, { viewport: WIDE });
  context.setDefaultTimeout(15000);
  try {
    const page = await context.newPage();
    const seen = watch(page);
    await reading(page);
    await stepchat(page);
    await voximplant(page);
    check("no request leaves the origin", strangers(seen, PAGE_URL).length === 0, strangers(seen, PAGE_URL));
    check("nothing is said on the console", seen.said.length === 0, seen.said);
    await page.close();
    await looks(context);
    await staticFolder(context);
    await attacks(context);
  } catch (error) {
    check("the browser's story can be told to its end", false, error.message);
  } finally {
    await context.close();
  }
})();
