// What a key may be used for: narrowed by its owner, who cannot widen it, and widened by an operator; by keyboard, under axe.
import { signInByFile } from "../browser.js";
import { must, same, test } from "../cases.js";
import { to } from "./keyboard.js";
import { judged } from "./looks.js";
import { left } from "./pages.js";
import { call, owner, person } from "./people.js";

const REFUSED = 3;

export async function run({ installation, browser, axe }) {
  const who = person(installation, { name: "limited", dialect: "skykit", value: "limited@example.com", label: "wide key" });
  const passes = () => call(installation, { dialect: "skykit", value: who.value, file: who.file });
  const form = `#/keys/${who.key}/limits`;

  await test("an owner narrows a key by keyboard alone, and it is refused elsewhere from then on", async () => {
    same(passes(), 0, "before");
    const page = await browser.page(installation);
    await signInByFile(page, who.file);
    await page.addInitScript(() => addEventListener("pointerdown", () => { throw new Error("a mouse was used"); }, true));
    await page.open(`#/keys/${who.key}`);
    await to(page, "Restrict");
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { level: 1, name: "Restrict wide key" }).waitFor();
    await to(page, "GET");
    await page.keyboard.press("Space");
    await to(page, "Path prefixes");
    await page.keyboard.type("/skykit/orders");
    await to(page, "Client networks");
    await page.keyboard.type("127.0.0.0/8");
    await to(page, "RS256");
    await to(page, "PS512");
    await page.keyboard.press("Space");
    await to(page, "Restrict it");
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { level: 1, name: "wide key", exact: true }).waitFor();
    const told = await page.locator("main").innerText();
    must(/\/skykit\/orders/.test(told) && /127\.0\.0\.0\/8/.test(told) && !/PS512/.test(told), told);
    same(passes(), REFUSED, "outside the prefix");
    await left(page, installation);
  });

  await test("what an owner would widen is refused and told at its field, and nothing is changed", async () => {
    const page = await browser.page(installation);
    await signInByFile(page, who.file);
    for (const [label, text, at] of [["Path prefixes", "/skykit", "Path prefixes"], ["Path prefixes", "", "Path prefixes"], ["Client networks", "0.0.0.0/0", "Client networks"], ["Path prefixes", "no-slash", "Path prefixes"]]) {
      await page.open("#/start");
      await page.open(form);
      await page.getByLabel(label).fill(text);
      await page.getByRole("button", { name: "Restrict it" }).click();
      const error = page.locator(".field", { has: page.getByLabel(at) }).locator(".field-error:not(:empty)");
      await error.waitFor();
    }
    // The page offers less than the API: that is asked as well.
    const answer = await page.evaluate(async (key) => {
      const { put } = await import("/console/lib/api.js");
      const tried = {};
      for (const [name, wider] of Object.entries({ methods: ["GET", "POST"], paths: ["/"], networks: ["10.0.0.0/8"], dialects: ["skykit", "asymmetric-jwt"], algorithms: ["RS256", "PS512"] })) {
        tried[name] = await put(`/console/api/v1/keys/${key}/limits`, { [name]: wider }).then(() => "taken", (error) => error.code);
      }
      return tried;
    }, who.key);
    must(Object.values(answer).every((code) => code === "wider-than-before"), JSON.stringify(answer));
    await page.open("#/start");
    await page.open(form);
    same(await page.getByLabel("Path prefixes").inputValue(), "/skykit/orders", "the prefix");
    await page.getByLabel("Expires, in UTC").fill("2030-01-02T03:04");
    await page.getByRole("button", { name: "Restrict it" }).click();
    await page.shows("2030-01-02 03:04 UTC");
    await page.open(form);
    same(await page.getByLabel("Expires, in UTC").inputValue(), "2030-01-02T03:04", "the date");
    await page.getByLabel("Expires, in UTC").fill("");
    await page.getByRole("button", { name: "Restrict it" }).click();
    await page.shows("Only an operator takes the date away.");
    await left(page, installation);
  });

  await test("an operator widens it again, and it passes", async () => {
    const page = await browser.page(installation);
    await signInByFile(page, owner(installation));
    await page.open(`#/operate/keys/${who.key}`);
    await page.getByRole("link", { name: "Restrict" }).click();
    await page.getByLabel("GET", { exact: true }).uncheck();
    await page.getByLabel("Path prefixes").fill("");
    await page.getByLabel("Client networks").fill("");
    await page.getByLabel("Expires, in UTC").fill("");
    await page.getByLabel("PS512", { exact: true }).check();
    await page.getByLabel("Dialects").fill("skykit\nno-such-dialect");
    await page.getByRole("button", { name: "Restrict it" }).click();
    await page.locator(".field", { has: page.getByLabel("Dialects") }).locator(".field-error:not(:empty)").waitFor();
    await page.getByLabel("Dialects").fill("skykit");
    await page.getByRole("button", { name: "Restrict it" }).click();
    await page.getByRole("heading", { level: 1, name: "wide key", exact: true }).waitFor();
    same(passes(), 0, "widened");
    await page.open(`#/operate/audit?account=${who.account}&action=key.set-limits`);
    const actors = await page.locator("main tbody tr td:nth-child(3)").allInnerTexts();
    must(actors.some((name) => /limited/.test(name)) && actors.some((name) => !/limited/.test(name)), actors.join());
    await left(page, installation);
  });

  await test("axe finds nothing in the forms, also with faults in them", async () => {
    const page = await browser.page(installation, { bypassCSP: true, reducedMotion: "reduce" });
    for (const [file, hash] of [[who.file, form], [owner(installation), `#/operate/keys/${who.key}/limits`]]) {
      await signInByFile(page, file);
      await page.open(hash);
      await page.getByLabel("Path prefixes").fill("no-slash");
      await page.getByRole("button", { name: "Restrict it" }).click();
      await page.locator(".field-error:not(:empty)").waitFor();
      await page.evaluate(axe);
      await judged(page, 1280);
      await page.context().clearCookies();
    }
    await page.context().close();
  });
}
