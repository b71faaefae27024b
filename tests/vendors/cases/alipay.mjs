// Alipay's package signs and calls the gateway, and verifies ours as it verifies what the gateway sends.
//: dialect alipay
//: npm alipay-sdk@4.14.0
//: vendor alipay-sdk
import { capture, keys, named, printCase, verifying } from "./capture.mjs";
import { AlipaySdk } from "alipay-sdk";

const bare = (pem) => pem.replace(/-----.*-----|\n/g, "");
const settings = { appId: "2014072300007148", privateKey: bare(keys.text("rsa")), keyType: "PKCS8", alipayPublicKey: bare(keys.text("rsa.pub")) };
const sdk = new AlipaySdk(settings);

await verifying((request) => {
    const form = new URLSearchParams(request.body.toString());
    return sdk.checkNotifySignV2({ ...Object.fromEntries(new URL(request.url).searchParams), ...Object.fromEntries(form) });
});

const listening = await capture();
await sdk.exec("alipay.trade.query", { bizContent: { outTradeNo: "ALIPfdf1211sdfsd12gfddsgs3" } }).catch(() => {});
await sdk.exec("alipay.system.oauth.token", { grant_type: "authorization_code", code: "a b&c" }).catch(() => {});
await fetch(sdk.pageExecute("alipay.trade.page.pay", "GET", { bizContent: { out_trade_no: "1", subject: "茶 & Brot", total_amount: "1.00" } })).catch(() => {});
listening.stop();
printCase({
    accounts: [{ name: "shop", identifiers: { "app-id": settings.appId }, keys: [{ file: "rsa.pub.pem" }] }],
    requests: named(listening.requests, "trade", "token", "page"),
    sign: { key: "rsa.pem", identifier: settings.appId, method: "GET", url: "https://openapi.alipay.com/gateway.do?biz_content=%7B%22a%22%3A%22b%20c%22%7D" },
    verifies: true,
});
