// The operators' pages with real data: accounts, organisations, sessions, delegations, keys, verdicts, refusals and the audit log.
import fs from "node:fs";
import { signInByFile } from "../browser.js";
import { must, same, test } from "../cases.js";
import { left } from "./pages.js";
import { call, owner, person } from "./people.js";
import { explained } from "./send.js";

const REFUSED = 3;

export async function run({ installation, browser }) {
  const worked = person(installation, { name: "worked-on", dialect: "skykit", value: "worked@example.com", label: "only key" });
  const other = person(installation, { name: "worked-else", dialect: "skykit", value: "else@example.com" });
  installation.cli("user", "add", "ida@example.com");
  installation.cli("account", "acts-as", "add", "worked-on", "ida@example.com");
  const passes = () => call(installation, { dialect: "skykit", value: worked.value, file: worked.file });
  same(passes(), 0, "before anything");
  same(call(installation, { dialect: "skykit", value: worked.value, file: other.file }), REFUSED, "a key of somebody else");
  const theirs = await browser.page(installation);
  await signInByFile(theirs, worked.file);
  const page = await browser.page(installation);
  await signInByFile(page, owner(installation));
  const main = page.locator("main");

  await test("accounts are found by name and by identifier", async () => {
    for (const part of ["worked-on", "worked@exam"]) {
      await page.open("#/operate/accounts");
      await page.getByLabel("Name or identifier").fill(part);
      await page.getByRole("button", { name: "Search" }).click();
      // All are listed until the answer comes.
      await main.filter({ hasText: "worked-on", hasNotText: "worked-else" }).waitFor();
    }
    await page.getByRole("link", { name: "worked-on" }).click();
    await page.getByRole("heading", { level: 1, name: "worked-on" }).waitFor();
    must(/only key/.test(await main.innerText()), "its key is not listed");
  });

  await test("who acts for whom", async () => {
    await page.open("#/operate/delegations");
    const row = page.getByRole("row", { name: /worked-on/ });
    must(/ida@example\.com/.test(await row.innerText()), await row.innerText());
    await theirs.open("#/delegations");
    await theirs.shows("ida@example.com");
  });

  await test("the key's page says when it was used and from where", async () => {
    await page.open("#/operate/keys?dialect=skykit&state=active");
    await page.getByRole("link", { name: "only key" }).click();
    await page.getByRole("heading", { level: 1, name: "only key" }).waitFor();
    for (let turn = 0; turn < 40 && !(await page.getByText("127.0.0.1").count()); turn += 1) {
      await new Promise((resolve) => setTimeout(resolve, 500));
      await page.reload();
      await page.locator("h1").waitFor();
    }
    await page.shows("127.0.0.1");
  });

  await test("verdicts come live, and lead to the account", async () => {
    await page.open("#/operate/verdicts");
    const before = await page.locator("main tbody tr").count();
    same(passes(), 0, "a call");
    await page.waitForFunction((old) => document.querySelectorAll("main tbody tr").length > old, before);
    await page.locator("main tbody").getByRole("link", { name: "worked-on" }).first().click();
    await page.getByRole("heading", { level: 1, name: "Accounts" }).waitFor();
    await page.getByRole("link", { name: "worked-on" }).click();
    await page.getByRole("heading", { level: 1, name: "worked-on" }).waitFor();
    await page.open("#/operate/verdicts");
    await page.getByRole("button", { name: "Pause" }).click();
    await page.getByRole("button", { name: "Go on" }).waitFor();
  });

  await test("refusals are filtered by reason and explained in full", async () => {
    await page.open("#/operate/refusals");
    await page.getByLabel("Reason").fill("bad-signature");
    await page.getByRole("button", { name: "Filter" }).click();
    await page.locator("main tbody tr").first().waitFor();
    const reasons = await page.locator("main tbody code.quiet").allInnerTexts();
    must(reasons.length > 0 && reasons.every((reason) => reason === "bad-signature"), reasons.join());
    const address = await page.locator("main tbody").getByRole("link").first().getAttribute("href");
    await explained(page, address);
    const told = await main.innerText();
    must(/Likely causes/.test(told) && /Step by step/.test(told) && /signature/i.test(told), told.slice(0, 800));
  });

  await test("the overview draws refusals by reason over time, and leads to who uses a dialect", async () => {
    await page.open("#/operate/overview?minutes=15");
    const charts = page.locator(".chart");
    same(await charts.count(), 2, "charts");
    must((await charts.nth(1).locator("rect.bar.reason-0").count()) > 0, "no bar of a reason");
    await charts.nth(1).getByText("The same as a table").click();
    must(/bad-signature/.test(await charts.nth(1).innerText()), "the reason is not in the legend");
    await page.locator("main").getByRole("link", { name: "skykit" }).first().click();
    await page.getByRole("heading", { level: 1, name: "All keys" }).waitFor();
    same(await page.getByLabel("Dialect").inputValue(), "skykit", "the dialect asked for");
  });

  await test("a slow page neither comes over its successor nor says there that it loads", async () => {
    await page.route("**/api/v1/statistics*", async (route) => {
      await new Promise((resolve) => setTimeout(resolve, 1500));
      await route.continue();
    });
    await page.open("#/operate/links");
    // At once: its answer and the word that it comes are both still to be.
    await page.evaluate(() => { location.hash = "#/operate/overview"; });
    await page.waitForTimeout(50);
    await page.open("#/operate/operators");
    for (const wait of [600, 1500]) {
      await page.waitForTimeout(wait);
      must(/^Operators/.test(await main.innerText()), await main.innerText());
    }
    await page.unroute("**/api/v1/statistics*");
  });

  await test("an operator ends somebody's session", async () => {
    await page.open(`#/operate/sessions?account=${worked.account}`);
    await page.getByRole("button", { name: /^End/ }).first().click();
    await page.getByRole("dialog").getByRole("button", { name: /^End/ }).click();
    await page.shows("No session is open.");
    await theirs.reload();
    await theirs.getByRole("heading", { level: 1, name: "Sign in" }).waitFor();
  });

  await test("a disabled account is refused at once, and an enabled one passes again", async () => {
    await page.open(`#/operate/accounts/${worked.account}`);
    await page.getByRole("button", { name: "Disable" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Disable" }).click();
    await main.getByText("disabled").first().waitFor();
    same(passes(), REFUSED, "while it is disabled");
    await page.getByRole("button", { name: "Enable" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Enable" }).click();
    await main.getByText("enabled").first().waitFor();
    same(passes(), 0, "enabled again");
  });

  await test("the audit log is filtered by account and action, and tells dates and names", async () => {
    await page.evaluate(async (key) => (await import("/console/lib/api.js")).post(`/api/v1/keys/${key}/retire`, { overlap: "1d" }), worked.key);
    await page.open("#/operate/audit");
    await page.getByLabel("Account").fill("worked-on");
    await page.getByLabel("Action").fill("key");
    await page.getByRole("button", { name: "Filter" }).click();
    await main.filter({ hasText: "key.retire", hasNotText: "account.add" }).waitFor();
    const rows = await main.locator("tbody tr").allInnerTexts();
    must(rows.length >= 2 && rows.every((row) => /\bkey\./.test(row) && /only key/.test(row)), rows.join("\n"));
    must(/until \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC/.test(rows[0]), rows[0]);
    await page.getByLabel("Account").fill("nobody-there");
    await page.getByRole("button", { name: "Filter" }).click();
    await page.locator(".field-error:not(:empty)").waitFor();
  });

  await test("keys that end soon are all counted, those that ended are found, and an algorithm leads to its keys", async () => {
    const soon = Array.from({ length: 230 }, (_, index) => `soon-${String(index).padStart(3, "0")}`);
    const file = `${installation.data}/soon.toml`;
    const pems = installation.shell(`for i in $(seq ${soon.length}); do openssl genpkey -algorithm ed25519 2>/dev/null | openssl pkey -pubout; done`).match(/-----BEGIN[^]*?END PUBLIC KEY-----\n/g);
    const end = (days) => new Date(Date.now() + days * 86_400_000).toISOString();
    fs.writeFileSync(file, soon.map((name, index) => `[[account]]\nname = "${name}"\n[[account.key]]\nlabel = "of ${name}"\ndialects = ["http-signature"]\nexpires = "${end(9)}"\npublic = """\n${pems[index]}"""\n`).join(""));
    installation.cli("apply", file);
    const { items } = await page.evaluate(async () => (await import("/console/lib/api.js")).all("/api/v1/keys", { ends_within_days: 30 }));
    must(items.length >= soon.length, `${items.length} end soon`);
    await page.open("#/operate/overview");
    await page.shows(`And ${items.length - 20} more.`);
    await page.getByRole("link", { name: "All that end soon" }).click();
    await page.getByRole("heading", { level: 1, name: "All keys" }).waitFor();
    same(await page.getByLabel("End").inputValue(), "30", "the end asked for");
    const first = items.find(({ label }) => label === "of soon-000");
    await page.evaluate(async ([key, at]) => (await import("/console/lib/api.js")).patch(`/api/v1/keys/${key}`, { expires: at }), [first.id, end(-1)]);
    await page.open("#/operate/keys");
    await page.getByLabel("State").selectOption("expired");
    await page.getByRole("link", { name: "of soon-000" }).waitFor();
    await page.getByRole("link", { name: "soon-000", exact: true }).waitFor();
    await page.open("#/operate/overview?minutes=15");
    await page.getByRole("link", { name: "Keys that may sign RS256" }).click();
    await page.getByRole("heading", { level: 1, name: "All keys" }).waitFor();
    same(await page.getByLabel("Kind or algorithm").inputValue(), "RS256", "the algorithm asked for");
    await page.getByRole("link", { name: "worked-else" }).waitFor();
  });

  await test("the audit log has all of it, and its chain holds", async () => {
    let text = "";
    const numbers = [];
    await page.open("#/operate/audit");
    for (;;) {
      text += await main.innerText();
      numbers.push(...(await main.locator("tbody td.number").allInnerTexts()).map(Number));
      const older = page.getByRole("link", { name: "Older" });
      if (!(await older.count())) break;
      await page.open(await older.getAttribute("href"));
    }
    must(numbers.length > 100 && numbers.at(-1) === 1 && numbers.every((number, index) => index === 0 || number === numbers[index - 1] - 1), `not every entry, newest first: ${numbers}`);
    must(!/Unix time|\b(?:acc|key)_[0-9a-z]{8,}/.test(text), `an id or a Unix time: ${/.*(?:Unix time|\b(?:acc|key)_[0-9a-z]{8,}).*/.exec(text)?.[0]}`);
    for (const action of ["account.disable", "account.enable", "session.end", "account.set-acts-as"]) must(text.includes(action), `${action} is not there`);
    await page.getByRole("button", { name: "Check the chain" }).click();
    await page.shows("intact");
    await left(page, installation);
    await left(theirs, installation);
  });
}
