// @octokit/auth-app exchanges the app's token for an installation's.
//: dialect github-app
//: npm @octokit/auth-app@8.3.1
//: vendor @octokit/auth-app
import { capture, keys, named, printCase } from "./capture.mjs";

const listening = await capture(() => JSON.stringify({ token: "t", expires_at: "2099-01-01T00:00:00Z", permissions: {}, repository_selection: "all" }));
const { createAppAuth } = await import("@octokit/auth-app");
for (const appId of [12345, "Iv1.abc"]) {
    const auth = createAppAuth({ appId, privateKey: keys.text("rsa"), installationId: 7 });
    await auth({ type: "installation" }).catch(() => {});
}
listening.stop();
printCase({
    accounts: [
        { name: "by number", identifiers: { "github-app": "12345" }, keys: [{ file: "rsa.pub.pem" }] },
        { name: "by client id", identifiers: { "github-app": "Iv1.abc" }, keys: [{ file: "rsa.pub.pem" }] },
    ],
    requests: named(listening.requests, "by number", "by client id"),
    sign: { key: "rsa.pem", identifier: "Iv1.abc", method: "POST", url: "https://api.github.com/app/installations/7/access_tokens" },
    // A number for the one, a text for the other.
    differs: ["claim.iss"],
});
