// The playground in every dialect that routes take: a good request sent and answered, and one that is broken refused.
import fs from "node:fs";
import path from "node:path";
import { signInByFile } from "../browser.js";
import { must, same, test } from "../cases.js";
import { left } from "./pages.js";
import { person } from "./people.js";

const CALLERS = {
  skykit: { value: "sender@example.com", breaks: "Flip one bit of the signature" },
  "asymmetric-jwt": { value: "sender", breaks: "Change a claim after signing" },
  skillhive: { value: "70001", breaks: "Change the body after signing" },
  "partner-key": { value: "70003", breaks: "Change a claim after signing" },
  spacetime: { value: "sender-1", breaks: "Flip one bit of the signature" },
  "http-signature": { breaks: "Change a parameter after signing" },
};
/** Kinds of keys that RFC 9421 is signed with here, by the name that the registry has for what they do. */
const HTTP_KINDS = { ed25519: "ed25519", p256: "ecdsa-p256-sha256", p384: "ecdsa-p384-sha384", rsa: "rsa-pss-sha512" };

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

  await test("the playground and the snippets know every dialect that routes take", async () => {
    const page = await browser.page(installation);
    await signInByFile(page, person(installation, { name: "sender-skykit", dialect: "skykit", value: CALLERS.skykit.value }).file);
    const { items } = await page.evaluate(async () => (await import("/console/lib/api.js")).get("/console/api/v1/dialects"));
    const taken = items.map(({ name }) => name).filter((name) => name !== "own-session").toSorted().join();
    await page.open("#/try");
    const played = await page.getByRole("group", { name: "Dialect" }).getByRole("radio").evaluateAll((all) => all.map(({ value }) => value).toSorted().join());
    same(played, taken, "in the playground");
    same(Object.keys(CALLERS).toSorted().join(), taken, "in this journey");
    await left(page, installation);
  });

  for (const [kind, algorithm] of Object.entries(HTTP_KINDS)) {
    await test(`RFC 9421 by a key of kind ${kind}: a body, a query, and each way to break it`, async () => {
      const page = await browser.page(installation);
      await signInByFile(page, person(installation, { name: `sender-${kind}`, dialect: "http-signature", kind }).file);
      await page.open("#/try");
      must(await page.getByLabel("http-signature", { exact: true }).isChecked(), "it is not what is offered first");
      await page.getByLabel("Address").fill(`${installation.public}/http-signature/hello%20there?b=%C3%A4&a=1`);
      await page.getByLabel("Method").selectOption("POST");
      await page.getByRole("textbox", { name: "Body" }).fill('{"a": "ä"}');
      await signed(page, "http-signature");
      const steps = await page.getByRole("list", { name: "How it was signed" }).innerText();
      for (const wanted of ["Content-Digest: sha-256=:", '"@method": POST', '"@path": /http-signature/hello%20there', '"@query": ?b=%C3%A4&a=1', '"content-digest": sha-256=:', `alg="${algorithm}"`, "Signature: sig1=:"]) {
        must(steps.includes(wanted), `${wanted} is not in\n${steps}`);
      }
      await page.locator(".explanation .mark.good", { hasText: "verified" }).first().waitFor();
      const command = await page.getByLabel("the request as a curl command", { exact: true }).innerText();
      await answered(page, "good", "Answer 200");
      // The same again is refused: it works once.
      same(installation.shell(command.replace("curl -i", "curl -s -o /dev/null -w '%{http_code}'")), "401", "the same again");
      await page.getByText("Break something on purpose").click();
      for (const [way, reason] of [["Flip one bit", /signature/i], ["Change a parameter", /signature/i], ["Change the path", /signature/i], ["Change the body", /digest|body/i], ["Sign with a clock", /clock|time/i]]) {
        await page.getByLabel(way).check();
        await signed(page, "http-signature");
        await page.locator(".explanation .mark.bad").first().waitFor();
        must(reason.test(await page.locator(".explanation").innerText()), `${way}: ${await page.locator(".explanation").innerText()}`);
      }
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
