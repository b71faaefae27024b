// The playground judges a good and a tampered request; what came stands in the operators' charts.
import { clean, signInByFile } from "../browser.js";
import { must, same, test } from "../cases.js";
import { call, owner, person } from "./people.js";

export async function run({ installation, browser }) {
  const player = person(installation, { name: "player", dialect: "skykit", namespace: "email", value: "player@example.com" });
  const page = await browser.page(installation);
  // A server says which calls it has; where it explains nothing, the page says so.
  const { paths } = await (await fetch(`${installation.console}/console/api/v1/openapi.json`)).json();
  const explains = "/console/api/v1/explain" in paths;

  await test("the playground signs a request that is verified", async () => {
    await signInByFile(page, player.file);
    await page.open("#/try?dialect=skykit");
    await page.getByLabel("Address").fill(`${installation.public}/skykit/hello`);
    await page.getByRole("button", { name: "Sign and judge" }).click();
    same(await sent(page, installation), "200", "the curl command");
    await judged(page, explains, "good", "verified");
  });

  await test("a tampered request is refused and explained", async () => {
    await page.getByText("Break something on purpose").click();
    await page.getByLabel("Change a claim after signing").check();
    const before = await page.getByLabel("the request as a curl command", { exact: true }).innerText();
    await page.getByRole("button", { name: "Sign and judge" }).click();
    await page.waitForFunction((old) => document.querySelector(".try-result pre")?.innerText !== old, before);
    same(await sent(page, installation), "401", "the curl command");
    const told = await judged(page, explains, "bad", "refused");
    must(!explains || /signature/i.test(told), told);
    clean(page, installation);
    await page.context().close();
  });

  await test("the operators' charts show what came", async () => {
    for (let turn = 0; turn < 5; turn += 1) call(installation, { dialect: "skykit", value: player.value, file: player.file });
    call(installation, { dialect: "skykit", value: player.value, file: person(installation, { name: "stranger", dialect: "skykit", namespace: "email", value: "stranger@example.com" }).file });
    const operator = await browser.page(installation);
    await signInByFile(operator, owner(installation));
    await operator.open("#/operate/overview");
    const chart = operator.locator(".chart").first();
    await chart.waitFor();
    await chart.getByText("The same as a table").click();
    const [verified, , refused] = await chart.locator(".legend strong").allInnerTexts();
    must(Number(verified) >= 5 && Number(refused) >= 1, `verified ${verified}, refused ${refused}`);
    must((await chart.locator("rect.bar.verified").count()) > 0 && (await chart.locator("rect.bar.refused").count()) > 0, "no bars");
    must(/bad-signature/.test(await operator.locator("main").innerText()), "the reason is not told");
    clean(operator, installation);
    await operator.context().close();
  });
}

/** Runs the command that the page shows; gives the status of the answer. */
async function sent(page, installation) {
  const command = await page.getByLabel("the request as a curl command", { exact: true }).innerText();
  return installation.shell(command.replace("curl -i", "curl -s -o /dev/null -w '%{http_code}'"));
}

/** Waits for the judgement, or for the words that there is none; gives what is told. */
async function judged(page, explains, kind, word) {
  if (explains) await page.locator(`.explanation .mark.${kind}`, { hasText: word }).first().waitFor();
  else await page.shows("Explaining a request is not offered by this server.");
  return page.locator(".try-result").innerText();
}
