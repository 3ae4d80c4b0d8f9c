// What the stories in a real browser share.
"use strict";

const { chromium } = require("playwright-core");

// As root in a container; and the browser is to call nobody on its own behalf.
const FLAGS = [
  "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
  "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage",
];

// Prints a check as `story` in browser.py reads it: one line of JSON, [good, label, detail].
exports.check = (label, good, detail = "") => {
  const text = typeof detail === "string" ? detail : JSON.stringify(detail) ?? "";
  process.stdout.write(`${JSON.stringify([Boolean(good), label, text.slice(0, 2000)])}\n`);
};

exports.launch = (executablePath) => chromium.launch({ executablePath, args: FLAGS });
// One that keeps what it is told: a person's own.
exports.launchProfile = (folder, executablePath, options) =>
  chromium.launchPersistentContext(folder, { executablePath, args: FLAGS, ...options });
