// A fresh installation of the real server with an echo behind its gateway, and the command line that manages it.
import { execFileSync, spawn } from "node:child_process";
import fs from "node:fs";
import net from "node:net";
import path from "node:path";

const ROUTES = { skykit: "skykit", "asymmetric-jwt": "asymmetric-jwt", skillhive: "skillhive", "partner-key": "partner-key", spacetime: "own-session", "http-signature": "http-signature" };

export class Installation {
  constructor({ countersign, echo, work, faketime }) {
    Object.assign(this, { countersign, echo, work, faketime, data: path.join(work, "data"), children: [] });
  }

  /** Sets the clock of everything that is started here, such as "-20m"; only with libfaketime. */
  clock(offset) {
    // Written aside first: a running server reads it at every look at its clock.
    fs.writeFileSync(`${this.work}/clock.new`, `${offset}\n`);
    fs.renameSync(`${this.work}/clock.new`, `${this.work}/clock`);
  }

  /** Starts everything; resolves when the server is ready. */
  async start() {
    fs.rmSync(this.data, { recursive: true, force: true });
    fs.mkdirSync(this.data, { recursive: true });
    const [first, second, third] = await freePorts(3);
    this.public = `http://127.0.0.1:${first}`;
    this.console = `http://127.0.0.1:${second}`;
    fs.writeFileSync(path.join(this.data, "server.toml"), configuration(first, second, third));
    this.cli("init");
    this.background(this.echo, [`127.0.0.1:${third}`], "echo.log");
    this.background(this.countersign, ["serve"], "server.log");
    await this.ready();
  }

  get environment() {
    const faked = this.faketime && { LD_PRELOAD: this.faketime, FAKETIME_TIMESTAMP_FILE: `${this.work}/clock`, FAKETIME_NO_CACHE: "1", FAKETIME_DONT_FAKE_MONOTONIC: "1" };
    return { ...process.env, ...faked, COUNTERSIGN_DATA: this.data, COUNTERSIGN_MANAGE: this.console, NO_COLOR: "1" };
  }

  /** Runs the command line; gives what it printed. */
  cli(...given) {
    const options = typeof given.at(-1) === "object" ? given.pop() : {};
    return execFileSync(this.countersign, given, { cwd: this.data, env: this.environment, encoding: "utf8", stdio: ["pipe", "pipe", "pipe"], ...options });
  }

  /** The same where it may fail: `{ code, text }`. */
  tryCli(...given) {
    try {
      return { code: 0, text: this.cli(...given) };
    } catch (error) {
      return { code: error.status, text: `${error.stdout}${error.stderr}` };
    }
  }

  /** Runs a line of shell as a person would paste it, the built command line being on PATH. */
  shell(line) {
    const PATH = `${path.dirname(this.countersign)}:${process.env.PATH}`;
    return execFileSync("sh", ["-c", line], { cwd: this.data, env: { ...this.environment, PATH }, encoding: "utf8" });
  }

  background(program, given, log) {
    const file = fs.openSync(path.join(this.work, log), "w");
    this.children.push(spawn(program, given, { cwd: this.data, env: this.environment, stdio: ["ignore", file, file] }));
  }

  async ready() {
    // Half a minute: a first start makes keys and a database.
    for (let turn = 0; turn < 300; turn += 1) {
      const answer = await fetch(`${this.public}/readyz`).catch(() => null);
      if (answer?.status === 200) return;
      if (this.children.some((child) => child.exitCode !== null)) break;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    throw new Error(`the server did not become ready: ${fs.readFileSync(path.join(this.work, "server.log"), "utf8").slice(-2000)}`);
  }

  stop() {
    for (const child of this.children) child.kill("SIGKILL");
  }
}

function configuration(first, second, third) {
  const routes = Object.entries(ROUTES).map(([name, dialect]) => `
[[route]]
name = "${name}"
path = "/${name}/"
dialects = ["${dialect}"]
upstream = "http://127.0.0.1:${third}"
`);
  return `version = 1

[server]
public_url = "http://127.0.0.1:${first}"

[[listener]]
address = "127.0.0.1:${first}"
surfaces = ["gateway", "session", "jwks", "health", "explain"]

[[listener]]
address = "127.0.0.1:${second}"
surfaces = ["manage", "console", "metrics", "health"]
${routes.join("")}`;
}

/** Ports that nobody listens on now, below those that the system gives to outgoing connections. */
async function freePorts(wanted) {
  const found = [];
  for (let port = 12_000 + (process.pid % 18_000); found.length < wanted; port += 1) {
    const free = await new Promise((resolve) => {
      const server = net.createServer().once("error", () => resolve(false)).listen(port, "127.0.0.1", () => server.close(() => resolve(true)));
    });
    if (free) found.push(port);
  }
  return found;
}
