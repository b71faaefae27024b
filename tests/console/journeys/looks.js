// Every page of the routes table, light and dark, narrow and wide: axe at each width, the policy, the width; and focus.
import fs from "node:fs";
import path from "node:path";
import { clean, signInByFile } from "../browser.js";
import { must, same, test } from "../cases.js";
import { addresses } from "./pages.js";
import { owner, person } from "./people.js";
import { explained } from "./send.js";

const WIDTHS = [320, 768, 1024, 1160, 1280];
/** A name and a label as long as they may be, of one word. */
const LONG = `looker-${"long".repeat(14)}`;
const LABEL = `label-${"wide".repeat(14)}`;

export async function run({ installation, browser, work, axe }) {
  const looker = person(installation, { name: "looker", dialect: "skykit", namespace: "email", value: "looker@example.com" });
  const long = person(installation, { name: LONG, dialect: "skykit", value: `${"a".repeat(50)}@${"example".repeat(6)}.com`, label: LABEL });
  await lasting(installation, browser, long);
  const shots = path.join(work, "screenshots");
  fs.mkdirSync(shots, { recursive: true });
  const organisation = JSON.parse(installation.cli("--json", "org", "add", "Looked at"));
  const once = person(installation, { name: "looker-once", dialect: "asymmetric-jwt", value: "looker-once" });
  const refusal = await replayed(installation, once);
  const table = await browser.page(installation);
  await table.open();
  const { own, operate } = await addresses(table, {
    own: { key: looker.key, refusal },
    operate: { key: looker.key, refusal, account: looker.account, organisation: organisation.id },
  });
  await table.context().close();

  for (const colorScheme of ["light", "dark"]) {
    // axe is injected, which the policy rightly forbids; the policy itself is watched by every other page.
    const page = await browser.page(installation, { colorScheme, bypassCSP: true, reducedMotion: "reduce" });
    const look = (name, hash) => test(`${name}, ${colorScheme}`, async () => {
      await page.setViewportSize({ width: 1280, height: 900 });
      await page.open(hash);
      await page.locator("main[data-shown], main.gate").waitFor();
      await page.waitForTimeout(100);
      await page.evaluate(axe);
      same(await page.locator("main .box.bad[role=alert]").count(), 0, "problems on the page");
      for (const width of WIDTHS) {
        await page.setViewportSize({ width, height: 900 });
        // The middle has nothing that the ends have not.
        if ([320, 1280].includes(width)) await judged(page, width);
        const wide = await page.evaluate(() => document.documentElement.scrollWidth);
        must(wide <= width, `at ${width} pixels the page is ${wide} wide`);
        const cut = await page.evaluate(cutBoxes);
        must(cut.length === 0, `at ${width} pixels:\n${cut.join("\n")}`);
        await page.screenshot({ path: path.join(shots, `${name.replaceAll(/[^a-z]+/gi, "-")}-${colorScheme}-${width}.png`), fullPage: true });
      }
    });
    await look("sign-in", "");
    await signInByFile(page, looker.file);
    for (const hash of own.filter((one) => !one.startsWith("#/refusals/"))) await look(named(hash), hash);
    await page.context().clearCookies();
    await signInByFile(page, once.file);
    await explained(page, `#/refusals/${refusal}`);
    await look("refusal", `#/refusals/${refusal}`);
    await page.context().clearCookies();
    await signInByFile(page, owner(installation));
    for (const hash of operate) await look(named(hash), hash);
    await page.context().close();
  }

  await test("every page of an operator keeps to the policy", async () => {
    const page = await browser.page(installation);
    await signInByFile(page, owner(installation));
    for (const hash of [...operate, ...own]) await page.open(hash);
    clean(page, installation);
    await page.context().close();
  });

  await test("the keyboard alone signs in, and focus goes to the heading of what comes", async () => {
    const page = await browser.page(installation);
    await page.open();
    same(await page.evaluate(() => document.activeElement.tagName), "H1", "focus at first");
    await page.getByLabel("Private key file").setInputFiles(looker.file);
    await page.getByLabel("Passphrase of the file").focus();
    await page.keyboard.press("Tab");
    same(await page.evaluate(() => document.activeElement.textContent), "Sign in", "the next stop");
    const ring = await page.evaluate(() => getComputedStyle(document.activeElement).outlineWidth);
    must(parseFloat(ring) >= 2, `outline ${ring}`);
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { level: 1, name: "Make your first signed call" }).waitFor();
    same(await page.evaluate(() => document.activeElement.tagName), "H1", "focus on the new page");
    await page.context().close();
  });

  await test("a dialog is left by Escape, and focus goes back", async () => {
    const page = await browser.page(installation);
    await signInByFile(page, looker.file);
    await page.open(`#/keys/${looker.key}`);
    await page.getByRole("button", { name: "Revoke" }).focus();
    await page.keyboard.press("Enter");
    await page.getByRole("dialog").waitFor();
    await page.keyboard.press("Escape");
    await page.getByRole("dialog").waitFor({ state: "detached" });
    same(await page.evaluate(() => document.activeElement.textContent), "Revoke", "focus");
    await page.context().close();
  });
}

/** Boxes of the page whose content is wider than they are, and controls that lie outside the screen; a program in its box may be longer. */
function cutBoxes() {
  const shown = (one) => one.getClientRects().length > 0 && getComputedStyle(one).visibility === "visible";
  const named = (one) => `${one.tagName.toLowerCase()}.${one.className} (${one.getAttribute("aria-label") ?? one.textContent.slice(0, 40)})`;
  const boxes = [...document.querySelectorAll("main, main *")].filter((one) => shown(one) && one.clientWidth !== 1 && !one.closest("pre, svg, textarea, select, option, .unseen"));
  const wide = boxes.filter((one) => one.scrollWidth > one.clientWidth + 1 && ["auto", "scroll", "hidden"].includes(getComputedStyle(one).overflowX))
    .map((one) => `${named(one)} has ${one.scrollWidth} in ${one.clientWidth}`);
  const out = boxes.filter((one) => one.matches("a, button, input") && one.getBoundingClientRect().right > innerWidth + 1).map((one) => `${named(one)} ends at ${one.getBoundingClientRect().right}`);
  const low = [...document.querySelectorAll("main .chart > svg")].filter(shown).filter((one) => one.getBoundingClientRect().height < 110).map((one) => `a chart is ${one.getBoundingClientRect().height} high`);
  const small = [...document.querySelectorAll("main .chart > svg")].filter(shown).filter((one) => (11 * one.getBoundingClientRect().width) / one.viewBox.baseVal.width < 8.5).map(() => "the letters of a chart are too small");
  return [...wide, ...out, ...low, ...small];
}

/** Somebody with long names is signed in at the console and at the session API, by a key and by a link, while pages are looked at. */
async function lasting(installation, browser, long) {
  const page = await browser.page(installation);
  await signInByFile(page, long.file);
  const operator = await browser.page(installation);
  await signInByFile(operator, owner(installation));
  await operator.open(`#/operate/accounts/${long.account}`);
  await operator.getByRole("button", { name: "Sign-in link" }).click();
  await operator.getByRole("dialog").getByRole("button", { name: "Make a link" }).click();
  const link = await operator.getByLabel("the sign-in link", { exact: true }).innerText();
  const reader = await browser.page(installation);
  await reader.goto(link);
  await reader.getByRole("button", { name: "Sign in" }).click();
  await reader.getByRole("heading", { level: 1, name: "Make your first signed call" }).waitFor();
  // Closing a page ends no session.
  for (const one of [page, operator, reader]) await one.context().close();
}

/** What a page is called in the list: its address without ids. */
const named = (hash) => hash.slice(2).replaceAll(/\b[a-z]{3}_[0-9a-z]+/g, "one");

export async function judged(page, width) {
  const { violations } = await page.evaluate(() => globalThis.axe.run({ resultTypes: ["violations"] }));
  const grave = violations.filter(({ impact }) => ["serious", "critical"].includes(impact));
  must(grave.length === 0, grave.map(({ id, nodes }) => `at ${width} pixels ${id}: ${nodes.map(({ html }) => html).join(" ")}`).join("\n"));
}

/** A request whose signature holds, sent twice: the second is refused, and its owner is told why. */
async function replayed(installation, { file, value }) {
  const [header] = installation.cli("sign", "-d", "asymmetric-jwt", "-k", file, "--as", value, `${installation.public}/asymmetric-jwt/hello`).trim().split("\n");
  const [name, ...rest] = header.split(": ");
  const ask = () => fetch(`${installation.public}/asymmetric-jwt/hello`, { headers: { [name]: rest.join(": ") } });
  same((await ask()).status, 200, "the first request");
  const second = await ask();
  same(second.status, 401, "the second request");
  return second.headers.get("countersign-reject");
}
