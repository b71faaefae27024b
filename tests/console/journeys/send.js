// The playground in every dialect that callers speak: a good request sent and answered, and one that is broken refused.
import fs from "node:fs";
import path from "node:path";
import { signInByFile } from "../browser.js";
import { must, test } from "../cases.js";
import { left } from "./pages.js";
import { person } from "./people.js";

const CALLERS = {
  skykit: { value: "sender@example.com", breaks: "Flip one bit of the signature" },
  "asymmetric-jwt": { value: "sender", breaks: "Change a claim after signing" },
  skillhive: { value: "70001", breaks: "Change the body after signing" },
  "partner-key": { value: "70003", breaks: "Change a claim after signing" },
  spacetime: { value: "sender-1", breaks: "Flip one bit of the signature" },
};

export async function run({ installation, browser, work }) {
  for (const [dialect, { value, breaks }] of Object.entries(CALLERS)) {
    const name = `sender-${dialect}`;
    const who = person(installation, { name, dialect, value });
    await test(`sent by the page and judged by the gateway: ${dialect}`, async () => {
      let secret;
      if (dialect === "skillhive") {
        installation.cli("user", "add", "mia@example.com");
        installation.cli("account", "acts-as", "add", name, "mia@example.com");
      }
      if (dialect === "partner-key") {
        const made = JSON.parse(installation.cli("--json", "companion", "add", name, "-d", dialect, "--label", "app"));
        secret = made.secret;
        fs.writeFileSync(path.join(work, "companion.txt"), secret);
      }
      const page = await browser.page(installation);
      await signInByFile(page, who.file);
      await page.open(`#/try?dialect=${dialect}`);
      must(await page.getByLabel(dialect, { exact: true }).isChecked(), "the dialect is not chosen");
      if (dialect !== "spacetime") await page.getByLabel("Address").fill(`${installation.public}/${dialect}/hello?a=1`);
      if (dialect === "skillhive") {
        await page.getByLabel("Method").selectOption("POST");
        await page.getByRole("textbox", { name: "Body" }).fill('{"a": "ä"}');
      }
      if (secret) await page.getByLabel("API key").fill(secret);
      await signed(page, dialect);
      if (dialect !== "spacetime") await page.locator(".explanation .mark.good", { hasText: "verified" }).first().waitFor();
      await answered(page, "good", "Answer 200");
      if (dialect === "spacetime") must(/accessToken/.test(await page.getByLabel("Body of the answer").innerText()), "no session was opened");
      await page.getByText("Break something on purpose").click();
      await page.getByLabel(breaks).check();
      await signed(page, dialect);
      await answered(page, "bad", /Answer 40[13]/);
      await left(page, installation);
    });
  }

  await test("a refusal leads from the playground to its explanation, and stands in the list", async () => {
    const page = await browser.page(installation);
    await signInByFile(page, person(installation, { name: "sender-skykit", dialect: "skykit", value: CALLERS.skykit.value }).file);
    await page.open("#/try?dialect=skykit");
    await page.getByLabel("Address").fill(`${installation.public}/skykit/hello`);
    await page.getByText("Break something on purpose").click();
    await page.getByLabel("Sign with a clock an hour fast").check();
    await signed(page, "skykit");
    await answered(page, "bad", /Answer 40[13]/);
    // What was refused is explained beside the requests that go on.
    const link = page.locator(".try-result .told").getByRole("link");
    const reject = await link.innerText();
    await explained(page, `#/refusals/${reject}`);
    const told = await page.locator("main").innerText();
    must(/clock/i.test(told) && /Step by step/.test(told), told.slice(0, 800));
    await page.open("#/refusals");
    await page.getByRole("link").filter({ has: page.locator("time") }).first().waitFor();
    must(/\/skykit\/hello/.test(await page.locator("main").innerText()), "the request is not listed");
    await page.locator("main table").getByRole("link").first().click();
    await page.getByRole("heading", { level: 1, name: "Why it was refused" }).waitFor();
    await left(page, installation);
  });
}

/** Signs; the session API's challenge is asked for first. */
async function signed(page, dialect) {
  if (dialect === "spacetime") {
    await page.getByLabel("Challenge").fill("");
    await page.getByRole("button", { name: "Ask for a challenge" }).click();
    await page.waitForFunction(() => [...document.querySelectorAll("label")].find((label) => label.textContent === "Challenge")?.parentElement.querySelector("input").value !== "");
  }
  await page.locator(".try-result").evaluate((place) => place.replaceChildren());
  await page.getByRole("button", { name: "Sign and judge" }).click();
  await page.getByRole("button", { name: "Send it" }).waitFor();
}

async function answered(page, kind, words) {
  await page.getByRole("button", { name: "Send it" }).click();
  await page.locator(`.try-result .told .box.${kind}`).getByText(words).waitFor();
}

/** Opens the page of a refusal, again and again until it is explained. */
export async function explained(page, hash) {
  for (let turn = 0; turn < 40; turn += 1) {
    await page.open(hash);
    if ((await page.locator(".explanation").count()) > 0) return;
    await page.open("#/start");
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error(`${hash} is not explained`);
}
