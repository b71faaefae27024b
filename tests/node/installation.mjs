// A fresh installation of the real server, its gateway before an echo; one for all tests of a file.
import { execFileSync, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, PEOPLE } from './people.mjs';
import { freePort } from './wire.mjs';

const { COUNTERSIGN, COUNTERSIGN_ECHO, COUNTERSIGN_WORK } = process.env;

export class Installation {
  #children = [];

  /** Starts server and echo, and registers everybody. */
  static async start() {
    const here = new Installation();
    here.data = mkdtempSync(join(COUNTERSIGN_WORK, 'data-'));
    const [gateway, manage, echo] = [await freePort(), await freePort(), await freePort()];
    here.public = `http://127.0.0.1:${gateway}`;
    here.manage = `http://127.0.0.1:${manage}`;
    writeFileSync(join(here.data, 'server.toml'), configuration(gateway, manage, echo));
    here.cli('init');
    here.background(COUNTERSIGN_ECHO, [`127.0.0.1:${echo}`], 'echo.log');
    here.background(COUNTERSIGN, ['serve'], 'server.log');
    await here.ready();
    const keys = join(here.data, 'people');
    mkdirSync(keys);
    writeFileSync(join(keys, 'accounts.toml'), describe(keys));
    here.cli('apply', join(keys, 'accounts.toml'));
    return here;
  }

  cli(...words) {
    const env = { ...process.env, COUNTERSIGN_DATA: this.data, COUNTERSIGN_MANAGE: this.manage, NO_COLOR: '1' };
    return execFileSync(COUNTERSIGN, words, { cwd: this.data, env, encoding: 'utf8', stdio: 'pipe' });
  }

  background(program, words, log) {
    const file = openSync(join(this.data, log), 'w');
    const env = { ...process.env, COUNTERSIGN_DATA: this.data };
    this.#children.push(spawn(program, words, { cwd: this.data, env, stdio: ['ignore', file, file] }));
  }

  async ready() {
    // Half a minute: a first start makes keys and a database.
    for (let turn = 0; turn < 300; turn += 1) {
      const answer = await fetch(`${this.public}/readyz`).catch(() => null);
      if (answer?.status === 200) return;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    throw new Error(`the server did not become ready: ${readFileSync(join(this.data, 'server.log'), 'utf8').slice(-2000)}`);
  }

  stop() {
    for (const child of this.#children) child.kill('SIGKILL');
  }
}

function configuration(gateway, manage, echo) {
  const routes = PEOPLE.map(({ dialect }) => `
[[route]]
name = "${dialect}"
path = "/${dialect}/"
dialects = ["${dialect}"]
upstream = "http://127.0.0.1:${echo}"
`);
  return `version = 1

[server]
public_url = "http://127.0.0.1:${gateway}"

[[listener]]
address = "127.0.0.1:${gateway}"
surfaces = ["gateway", "health"]

[[listener]]
address = "127.0.0.1:${manage}"
surfaces = ["manage", "health"]
${routes.join('')}`;
}
