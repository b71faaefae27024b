// Signs requests: the caller's half.
'use strict';

const native = require('./native.js');
const { MOST, readWhole } = require('./body.js');
const { checkSigner } = require('./given.js');
const { mistake, opened } = require('./mistake.js');

/** Signs requests as one caller. */
class Signer {
  #native;
  #limit;

  constructor(options) {
    checkSigner(options);
    const { limit = MOST, ...rest } = options;
    this.#limit = limit;
    this.#native = opened(() => new native.NativeSigner(rest));
  }

  /** The dialect's name. */
  get dialect() {
    return this.#native.dialect;
  }

  /** Whether the proof covers the body, which must then be there whole. */
  get coversBody() {
    return this.#native.coversBody;
  }

  /** Public half of the key, as PEM: what a provider registers. */
  get publicKey() {
    return this.#native.publicKey;
  }

  /** The most bytes of a body that are read to be signed. */
  get limit() {
    return this.#limit;
  }

  /**
   * Makes the proof for a request in parts. The body is looked at only where the proof covers it.
   * @param {{ method?: string, url: string | URL, headers?: HeadersInit, body?: Uint8Array | string | null }} parts
   */
  async prove({ method = 'GET', url, headers, body }) {
    const bytes = typeof body === 'string' ? Buffer.from(body) : (body ?? Buffer.alloc(0));
    if (!ArrayBuffer.isView(bytes)) {
      throw mistake('ERR_COUNTERSIGN_BODY', 'wanted the body as a string or bytes', { type: TypeError });
    }
    if (this.coversBody && bytes.byteLength > this.#limit) {
      throw mistake('ERR_COUNTERSIGN_BODY', `the body is larger than the limit of ${this.#limit} bytes; raise \`limit\``, { type: TypeError });
    }
    const list = [];
    new Headers(headers).forEach((value, name) => list.push(name, value));
    const address = String(url);
    const whole = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const made = await this.#native.prove(String(method), address, list, whole);
    // What is sent must be what was signed, letter for letter: fetch would respell it.
    if (made.url !== address && new URL(made.url).href !== made.url) {
      throw mistake('ERR_COUNTERSIGN_ADDRESS', 'wanted the address as `new URL(address).href` spells it', { type: TypeError });
    }
    return { headers: made.headers, url: made.url, body: made.body ?? null };
  }

  /**
   * Reads an answer that may have refused a proof for the time of this machine's clock. `true`: it was corrected by the server's; sign anew
   * and ask once more.
   * @param {{ status: number, headers: Headers }} answer
   * @param {Uint8Array} body as far as it was read
   */
  learn({ status, headers }, body = new Uint8Array()) {
    const list = [];
    headers.forEach((value, name) => list.push(name, value));
    return this.#native.learn(status, list, Buffer.from(body));
  }

  /**
   * Signs a request of the fetch API and gives the one to send: same method, address, headers and body, and the proof.
   * Change nothing of it afterwards, and let nobody follow redirects with it.
   * @param {Request} request
   */
  async sign(request) {
    const headers = new Headers(request.headers);
    let { body } = request;
    if (this.coversBody && body !== null) body = (await readWhole(body, this.#limit)).bytes;
    const made = await this.prove({ method: request.method, url: request.url, headers, body: this.coversBody ? body : null });
    for (const [name, value] of made.headers) headers.set(name, value);
    if (made.body !== null) body = made.body;
    const init = { method: request.method, headers, body, signal: request.signal, redirect: 'manual' };
    if (body !== null && typeof body.getReader === 'function') init.duplex = 'half';
    return new Request(made.url, init);
  }
}

module.exports = { Signer };
