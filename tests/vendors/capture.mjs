// Keeps what a vendor's package sends: every connection of this process leads to a server in it. README.md tells the rest.
//
// TLS is spoken with one certificate that nothing checks: what counts is what the package sends, and nothing leaves the machine.
import { execFileSync } from "node:child_process";
import fs from "node:fs";
import http from "node:http";
import https from "node:https";
import net from "node:net";
import os from "node:os";
import path from "node:path";

process.env.NODE_TLS_REJECT_UNAUTHORIZED = "0";
process.removeAllListeners("warning");

export const keys = { text: (name) => fs.readFileSync(path.join(process.argv[2], `${name}.pem`), "utf8") };

/** Starts the servers; `answer(method, path)` says what they answer, as JSON. */
export async function capture(answer = () => "{}") {
    const requests = [];
    const take = (scheme) => (request, response) => {
        const parts = [];
        request.on("data", (part) => parts.push(part));
        request.on("end", () => {
            const headers = [];
            for (let at = 0; at < request.rawHeaders.length; at += 2) {
                headers.push([request.rawHeaders[at].toLowerCase(), request.rawHeaders[at + 1]]);
            }
            requests.push({
                now: Math.floor(Date.now() / 1000),
                method: request.method,
                url: `${scheme}://${request.headers.host}${request.url}`,
                headers,
                body_b64: Buffer.concat(parts).toString("base64"),
            });
            response.writeHead(200, { "content-type": "application/json" });
            response.end(answer(request.method, request.url));
        });
    };
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), "vendors-"));
    const [key, certificate] = [path.join(folder, "key.pem"), path.join(folder, "certificate.pem")];
    const subject = ["-subj", "/CN=vendors", "-addext", "subjectAltName=DNS:*"];
    execFileSync("openssl", ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", key, "-out", certificate, "-days", "30", ...subject], {
        stdio: "ignore",
    });
    const plain = http.createServer(take("http"));
    const secure = https.createServer({ key: fs.readFileSync(key), cert: fs.readFileSync(certificate) }, take("https"));
    fs.rmSync(folder, { recursive: true });
    const listen = (server) => new Promise((done) => server.listen(0, "127.0.0.1", () => done(server.address().port)));
    const [plainPort, securePort] = [await listen(plain), await listen(secure)];
    // Below every client of Node: a socket that would go anywhere goes here.
    const real = net.Socket.prototype.connect;
    net.Socket.prototype.connect = function connect(...given) {
        const [options] = Array.isArray(given[0]) ? given[0] : given;
        if (options && typeof options === "object" && options.port) {
            const port = Number(options.port);
            Object.assign(options, { host: "127.0.0.1", port: port === 80 ? plainPort : securePort, lookup: undefined });
        }
        return real.apply(this, given);
    };
    return {
        requests,
        stop() {
            net.Socket.prototype.connect = real;
            for (const server of [plain, secure]) {
                server.closeAllConnections();
                server.close();
            }
        },
    };
}

/** The captured requests with a name each, as a case prints them. */
export function named(requests, ...ids) {
    if (requests.length !== ids.length) {
        throw new Error(`wanted ${ids.length} captured requests, found ${requests.length}: ${requests.map((one) => one.url)}`);
    }
    return requests.map((request, at) => ({ id: ids[at], ...request }));
}

export function printCase(told) {
    console.log(JSON.stringify(told));
}

/**
 * Where this run is for verifying (`case.mjs KEYS verify`): has `judge` say of each request whether the package takes it, and ends.
 *
 * What the package throws is its no; what only a mistake of the case throws ends the run and fails the check.
 */
export async function verifying(judge) {
    if (process.argv[3] !== "verify") {
        return;
    }
    const said = [];
    for (const told of JSON.parse(fs.readFileSync(0, "utf8"))) {
        const headers = Object.fromEntries(told.headers.map(([name, value]) => [name.toLowerCase(), value]));
        try {
            said.push((await judge({ ...told, headers, body: Buffer.from(told.body_b64, "base64") })) ? "" : "it says no");
        } catch (error) {
            if (error instanceof ReferenceError || error instanceof TypeError) {
                throw error;
            }
            said.push(`${error}`);
        }
    }
    fs.writeSync(1, `${JSON.stringify(said)}\n`);
    process.exit(0);
}
