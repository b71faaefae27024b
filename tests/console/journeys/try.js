// The playground judges a good and a tampered request; what came stands in the operators' charts.
import { clean, signInByFile } from "../browser.js";
import { must, same, test } from "../cases.js";
import { call, owner, person } from "./people.js";

export async function run({ installation, browser }) {
  const player = person(installation, { name: "player", dialect: "skykit", namespace: "email", value: "player@example.com" });
  const page = await browser.page(installation);

  await test("the playground signs a request that is verified", async () => {
    await signInByFile(page, player.file);
    await page.open("#/try?dialect=skykit");
    await page.getByLabel("Address").fill(`${installation.public}/skykit/hello`);
    await page.getByRole("button", { name: "Sign and judge" }).click();
    await page.locator(".explanation .mark.good", { hasText: "verified" }).first().waitFor();
    const command = await page.getByLabel("the request as a curl command", { exact: true }).innerText();
    const answer = installation.shell(command.replace("curl -i", "curl -s -o /dev/null -w '%{http_code}'"));
    same(answer, "200", "the curl command");
  });

  await test("a tampered request is explained", async () => {
    await page.getByText("Break something on purpose").click();
    await page.getByLabel("Change a claim after signing").check();
    await page.getByRole("button", { name: "Sign and judge" }).click();
    await page.locator(".explanation .mark.bad", { hasText: "refused" }).first().waitFor();
    const told = await page.locator(".explanation").innerText();
    must(/signature/i.test(told), told);
    clean(page, installation);
    await page.context().close();
  });

  await test("the operators' charts show what came", async () => {
    for (let turn = 0; turn < 5; turn += 1) call(installation, { dialect: "skykit", value: player.value, file: player.file });
    call(installation, { dialect: "skykit", value: player.value, file: person(installation, { name: "stranger", dialect: "skykit", namespace: "email", value: "stranger@example.com" }).file });
    const operator = await browser.page(installation);
    await signInByFile(operator, owner(installation));
    await operator.open("#/operate/overview");
    const chart = operator.locator(".chart");
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
