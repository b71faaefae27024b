// The package as it is packed: what is in it, how it is loaded, its types, and the quick start of its documents.
import assert from 'node:assert/strict';
import { execFile, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import * as modules from 'countersign';
import { freePort } from './wire.mjs';

const require = createRequire(import.meta.url);
const { COUNTERSIGN_ROOT, COUNTERSIGN_WORK } = process.env;
const NAMES = ['Signer', 'Verifier', 'express', 'fastify', 'guarded', 'signedFetch', 'thumbprint'];

test('what is packed is what the package needs, and nothing else', () => {
  const lib = ['body', 'express', 'fastify', 'fetch', 'given', 'http', 'mistake', 'native', 'raw_body', 'signer', 'thumbprint', 'verifier'];
  const wanted = [
    'LICENSE-APACHE', 'LICENSE-MIT', 'README.md', 'index.d.mts', 'index.d.ts', 'index.js', 'index.mjs', 'package.json',
    ...lib.map((name) => `lib/${name}.js`), `native/countersign-${process.platform}-${process.arch}.node`,
  ].sort();
  assert.deepEqual(JSON.parse(readFileSync(join(COUNTERSIGN_WORK, 'packed.json'), 'utf8')), wanted);
  const { version, license, scripts, dependencies } = require('countersign/package.json');
  const workspace = readFileSync(join(COUNTERSIGN_ROOT, 'Cargo.toml'), 'utf8');
  assert.equal(version, /\[workspace\.package\]\nversion = "([^"]+)"/.exec(workspace)[1]);
  assert.equal(license, /\nlicense = "([^"]+)"/.exec(workspace)[1]);
  // Nothing runs when it is installed, and nothing comes with it.
  assert.deepEqual([Object.keys(scripts), dependencies], [['build'], undefined]);
});

test('import and require give the same names and the same things, and the types name no others', () => {
  const required = require('countersign');
  assert.deepEqual(Object.keys(required).sort(), [...NAMES].sort());
  for (const name of NAMES) assert.equal(modules[name], required[name]);
  const types = readFileSync(require.resolve('countersign').replace('.js', '.d.ts'), 'utf8');
  const declared = [...types.matchAll(/^export declare (?:function|class) (\w+)/gm)].map(([, name]) => name);
  assert.deepEqual(declared.sort(), [...NAMES].sort());
});

for (const [kind, file] of [['modules', 'types.mts'], ['CommonJS', 'types.cts']]) {
  test(`types hold in ${kind}, and refuse what is wrong`, async () => {
    const flags = ['--noEmit', '--strict', '--module', 'nodenext', '--target', 'es2022', '--exactOptionalPropertyTypes', 'false'];
    const tsc = require.resolve('typescript/bin/tsc');
    const checked = promisify(execFile)(process.execPath, [tsc, ...flags, file], { cwd: import.meta.dirname });
    await checked.catch((error) => assert.fail(error.stdout));
  });
}

/** The blocks of a document, by the language and name on their first line. */
function blocks(document) {
  const text = readFileSync(document, 'utf8');
  return [...text.matchAll(/^```(\w+)\n(?:\/\/ (\S+\.mjs)\n)?([\s\S]*?)^```$/gm)].map(([, language, name, body]) => ({ language, name, body }));
}

for (const document of ['docs/book/src/node.md', 'bindings/node/README.md']) {
  test(`the quick start of ${document} works as it stands`, async () => {
    const all = blocks(join(COUNTERSIGN_ROOT, document));
    const folder = mkdtempSync(join(import.meta.dirname, 'quick-start-'));
    const keys = all.find(({ language, body }) => language === 'sh' && body.includes('openssl genpkey'));
    execFileSync('sh', ['-ec', keys.body], { cwd: folder, stdio: 'ignore' });
    for (const { name, body } of all.filter((block) => block.name)) writeFileSync(join(folder, name), body);
    const servers = all.filter(({ name }) => name?.startsWith('server'));
    const client = all.find(({ name }) => name === 'client.mjs');
    assert.ok(servers.length >= 1 && client);
    for (const { name } of servers) {
      const env = { ...process.env, PORT: String(await freePort()) };
      const server = spawn(process.execPath, [name], { cwd: folder, env, stdio: ['ignore', 'pipe', 'inherit'] });
      try {
        await once(server.stdout, 'data');
        const { stdout } = await promisify(execFile)(process.execPath, ['client.mjs'], { cwd: folder, env });
        assert.match(stdout, /200 \{"hello":"partner"\}/, name);
        assert.equal((await fetch(`http://127.0.0.1:${env.PORT}/orders`)).status, 401, name);
      } finally {
        server.kill();
      }
    }
  });
}
