// Builds the compiled part and puts it where the package looks for it.
'use strict';

const { execFileSync } = require('node:child_process');
const { copyFileSync, mkdirSync } = require('node:fs');
const { join } = require('node:path');

const profile = process.argv[2] ?? 'release';
const messages = execFileSync(
  'cargo',
  ['build', '--package', 'countersign-node', '--profile', profile, '--message-format', 'json-render-diagnostics'],
  { cwd: __dirname, stdio: ['ignore', 'pipe', 'inherit'], maxBuffer: 256 * 1024 * 1024 },
).toString();
const artifacts = messages.split('\n').filter((line) => line.includes('"compiler-artifact"')).map((line) => JSON.parse(line));
const built = artifacts.find((artifact) => artifact.target.name === 'countersign_node' && artifact.target.kind.includes('cdylib'));
const folder = join(__dirname, 'native');
mkdirSync(folder, { recursive: true });
copyFileSync(built.filenames.find((file) => /\.(so|dylib|dll)$/.test(file)), join(folder, `countersign-${process.platform}-${process.arch}.node`));
const root = join(__dirname, '..', '..');
for (const license of ['LICENSE-APACHE', 'LICENSE-MIT']) copyFileSync(join(root, license), join(__dirname, license));
