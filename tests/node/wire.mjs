// Servers on free ports, requests byte by byte, and a replay memory that several processes share.
import { createServer, connect } from 'node:net';
import { mkdirSync, openSync, closeSync } from 'node:fs';
import { join } from 'node:path';

let last = 14_000 + (process.pid % 15_000);

/** A port that nobody listens on now, below those that the system gives to outgoing connections. */
export async function freePort() {
  for (;;) {
    last += 1;
    const port = last;
    const free = await new Promise((resolve) => {
      const server = createServer().once('error', () => resolve(false)).listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
    });
    if (free) return port;
  }
}

/** Sends bytes as they are and gives what comes back until the other side closes. */
export function raw(port, bytes) {
  return new Promise((resolve, reject) => {
    const chunks = [];
    const socket = connect(port, '127.0.0.1', () => socket.write(bytes));
    socket.on('data', (chunk) => chunks.push(chunk)).on('error', reject);
    socket.on('close', () => resolve(Buffer.concat(chunks).toString('latin1')));
  });
}

/** A replay memory in a folder: making a file that must not be there yet is one step for all processes. */
export function sharedClaims(folder) {
  mkdirSync(folder, { recursive: true });
  return async ({ digest }) => {
    try {
      closeSync(openSync(join(folder, digest), 'wx'));
      return true;
    } catch (error) {
      if (error.code === 'EEXIST') return false;
      throw error;
    }
  };
}

/** A replay memory in this process, for servers of one process. */
export function ownClaims() {
  const used = new Set();
  return async ({ digest }) => !used.has(digest) && Boolean(used.add(digest));
}
