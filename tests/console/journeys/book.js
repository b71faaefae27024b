// The pictures of the book: an installation as one has it after an hour, and the pages as their readers see them.
import { execFileSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { signInByFile } from "../browser.js";
import { must, test } from "../cases.js";
import { modules, wordsOf } from "../words.js";
import { choose, download } from "./make-key.js";
import { left } from "./pages.js";
import { RECORD } from "./pictures.js";
import { owner, person } from "./people.js";
import { explained } from "./send.js";

/** Minutes that the charts show. */
const MINUTES = 60;
/** Bytes of a picture; the book is read over the network. */
const MOST = 120 * 1024;
const WIDE = { viewport: { width: 1180, height: 820 }, reducedMotion: "reduce" };

export async function run({ installation, browser, work, book, pages }) {
  fs.mkdirSync(book, { recursive: true });
  const shots = [];
  const record = {};
  const table = modules(pages);
  const shoot = async (page, name, { full = false } = {}) => {
    await page.mouse.move(0, 0);
    await page.evaluate(() => { document.activeElement?.blur(); document.querySelector(".notices")?.replaceChildren(); scrollTo(0, 0); });
    const whole = path.join(work, `${name}.png`);
    await page.screenshot({ path: whole, fullPage: full });
    execFileSync("pngquant", ["--force", "--skip-if-larger", "--strip", "--speed", "1", "--quality", "70-98", "--output", path.join(book, `${name}.png`), whole]);
    shots.push(name);
    const pattern = await page.evaluate(async () => {
      const [{ routeOf }, { ROUTES }] = await Promise.all(["lib/route.js", "routes.js"].map((file) => import(`/console/${file}`)));
      return routeOf(location.hash, ROUTES).pattern;
    });
    record[name] = { page: pattern, words: wordsOf(pages, table[pattern]) };
  };

  installation.clock(`-${MINUTES}m`);
  await new Promise((resolve) => setTimeout(resolve, 200));
  const shop = person(installation, { name: "northwind-shop", dialect: "skykit", value: "shop@northwind.example", label: "shop server 2025" });
  const billing = person(installation, { name: "northwind-billing", dialect: "asymmetric-jwt", value: "nw-billing", label: "billing, Frankfurt" });
  const crm = person(installation, { name: "acme-crm", dialect: "skillhive", value: "54344", label: "nightly sync" });
  const clinic = person(installation, { name: "clinic-portal", dialect: "partner-key", value: "7012", label: "portal" });
  const robot = person(installation, { name: "warehouse-robot", dialect: "spacetime", value: "robot-17", label: "robot 17" });
  installation.cli("user", "add", "mia@acme.example");
  installation.cli("account", "acts-as", "add", "acme-crm", "mia@acme.example");
  const secret = path.join(installation.data, "clinic.secret");
  fs.writeFileSync(secret, JSON.parse(installation.cli("--json", "companion", "add", "clinic-portal", "-d", "partner-key", "--label", "portal")).secret, { mode: 0o600 });
  const operator = await browser.page(installation, WIDE);
  await signInByFile(operator, owner(installation));
  await hour(installation, operator, { shop, billing, crm, clinic, secret });

  const mine = await browser.page(installation, WIDE);
  await test("pictures for owners of keys", async () => {
    await signInByFile(mine, shop.file);
    await mine.open("#/keys/new");
    await choose(mine, "skykit", "RSA, 3072 bits");
    await mine.getByLabel("Label").fill("shop server 2026");
    await mine.getByLabel("Passphrase", { exact: true }).fill("correct horse battery staple");
    await mine.getByLabel("Passphrase again").fill("correct horse battery staple");
    await shoot(mine, "make-key", { full: true });
    await mine.open(`#/keys/${shop.key}/rotate`);
    await choose(mine, null, "RSA, 2048 bits");
    await mine.getByLabel("Label").fill("shop server 2026");
    await mine.getByLabel("Into a file without one").check();
    await shoot(mine, "rotate");
    await mine.getByRole("button", { name: "Make the key pair" }).click();
    await download(mine, path.join(work, "shop-2026.pem"));
    await shoot(mine, "key-made");
    await mine.getByRole("button", { name: "Rotate", exact: true }).click();
    await mine.shows("counts from now on");
    for (const file of [shop.file, path.join(work, "shop-2026.pem")]) {
      installation.tryCli("request", "GET", `${installation.public}/skykit/orders/1`, "-d", "skykit", "--as", shop.value, "--key", file);
    }
    await mine.open("#/keys");
    for (let turn = 0; turn < 40 && !(await mine.getByText("127.0.0.1").count()); turn += 1) {
      await new Promise((resolve) => setTimeout(resolve, 500));
      await mine.open("#/start");
      await mine.open("#/keys");
    }
    await shoot(mine, "keys");
    await mine.open("#/try?dialect=skykit");
    await mine.getByLabel("Address").fill(`${installation.public}/skykit/orders/1`);
    await mine.getByText("Break something on purpose").click();
    await mine.getByLabel("Change a claim after signing").check();
    await mine.getByRole("button", { name: "Sign and judge" }).click();
    await mine.locator(".explanation .mark.bad").first().waitFor();
    await mine.getByRole("button", { name: "Send it" }).click();
    await mine.locator(".try-result .told .box").waitFor();
    await shoot(mine, "playground", { full: true });
    await mine.getByLabel("Sign with a clock an hour fast").check();
    await mine.locator(".try-result").evaluate((place) => place.replaceChildren());
    await mine.getByRole("button", { name: "Sign and judge" }).click();
    await mine.getByRole("button", { name: "Send it" }).click();
    const reject = await mine.locator(".try-result .told").getByRole("link").innerText();
    await explained(mine, `#/refusals/${reject}`);
    await shoot(mine, "refusal", { full: true });
    await mine.open("#/snippets");
    await mine.getByLabel("Dialect").selectOption("skykit");
    await mine.getByLabel("Language").selectOption("go");
    await mine.getByRole("heading", { name: /Go/ }).waitFor();
    await shoot(mine, "snippets");
  });

  await test("pictures for operators, in the dark, and on a phone", async () => {
    // It counts from the server's time when it was loaded.
    await operator.reload();
    await operator.open("#/operate/overview");
    await operator.locator(".chart").nth(1).waitFor();
    await shoot(operator, "overview", { full: true });
    await operator.open("#/operate/accounts");
    await shoot(operator, "accounts");
    await operator.open("#/operate/verdicts");
    await shoot(operator, "verdicts");
    const dark = await browser.page(installation, { ...WIDE, colorScheme: "dark" });
    await signInByFile(dark, owner(installation));
    await dark.open("#/operate/overview");
    await dark.locator(".chart").nth(1).waitFor();
    await shoot(dark, "dark");
    const phone = await browser.page(installation, { ...WIDE, viewport: { width: 390, height: 780 }, colorScheme: "dark", deviceScaleFactor: 2, isMobile: true, hasTouch: true });
    await signInByFile(phone, shop.file);
    await phone.open("#/keys");
    await shoot(phone, "phone");
    for (const one of [mine, operator, dark, phone]) await left(one, installation);
  });

  await test("pictures are small", async () => {
    must(robot.key && shots.length >= 10, `${shots.length} pictures`);
    fs.writeFileSync(RECORD, `${JSON.stringify(record, Object.keys(record).toSorted().concat("page", "words"), 2)}\n`);
    for (const name of shots) {
      const { size } = fs.statSync(path.join(book, `${name}.png`));
      must(size < MOST, `${name}.png has ${size} bytes`);
    }
  });
}

/** Lets an hour pass, a minute at a time, each with requests of several callers, some of which are refused. */
async function hour(installation, operator, { shop, billing, crm, clinic, secret }) {
  const sign = (given) => installation.cli("sign", ...given).trim().split("\n").map((line) => line.split(/: (.*)/s).slice(0, 2));
  const send = (dialect, headers, options) => fetch(`${installation.public}/${dialect}/orders/1`, { headers, ...options }).then((answer) => answer.arrayBuffer());
  let lasting = {};
  // The middle of each minute, whatever second it is here: no minute is left out.
  const from = Math.floor(Date.now() / 60_000) * 60 - MINUTES * 60 + 30;
  for (let minute = 0; minute < MINUTES; minute += 1) {
    installation.clock(`${Math.round(from + minute * 60 - Date.now() / 1000)}`);
    const url = (dialect) => `${installation.public}/${dialect}/orders/1`;
    // Tokens of the bearer dialects last some minutes.
    if (minute % 5 === 0) {
      lasting = {
        shop: sign(["-d", "skykit", "-k", shop.file, "--as", shop.value, url("skykit")]),
        crm: sign(["-d", "skillhive", "-k", crm.file, "--as", crm.value, "--acting-as", "mia@acme.example", url("skillhive")]),
      };
    }
    const busy = 14 + Math.round(8 * Math.sin(minute / 9)) + (minute % 7);
    const all = [];
    for (let turn = 0; turn < busy; turn += 1) all.push(send("skykit", lasting.shop));
    for (let turn = 0; turn < busy / 3; turn += 1) all.push(send("skillhive", lasting.crm));
    if (minute % 3 === 0) all.push(send("partner-key", sign(["-d", "partner-key", "-k", clinic.file, "--as", clinic.value, "--api-key-file", secret, url("partner-key")])));
    if (minute % 2 === 0) {
      const once = sign(["-d", "asymmetric-jwt", "-k", billing.file, "--as", billing.value, url("asymmetric-jwt")]);
      all.push(send("asymmetric-jwt", once));
      // A client that sends again what it sent.
      if (minute % 6 === 0) all.push(send("asymmetric-jwt", once));
    }
    for (let turn = 0; turn < minute % 4; turn += 1) all.push(send("skykit", []));
    const broken = [["Authorization", lasting.shop[0][1].slice(0, -6) + "AAAAAA"]];
    const trouble = minute > 38 && minute < 46 ? 5 + (minute % 4) : minute % 11 === 0 ? 2 : 0;
    for (let turn = 0; turn < trouble; turn += 1) all.push(send("skykit", broken));
    await Promise.all(all);
    await operator.evaluate(async () => (await import("/console/lib/api.js")).get("/api/v1/statistics"));
  }
  installation.clock("+0");
  // What is seen live came just now; seldom enough that each is kept.
  const last = [lasting.shop, lasting.crm, [], lasting.shop];
  for (let turn = 0; turn < 16; turn += 1) {
    await send(last[turn % 4] === lasting.crm ? "skillhive" : "skykit", last[turn % 4]);
    await new Promise((resolve) => setTimeout(resolve, 150));
  }
}
