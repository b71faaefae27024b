// Judges requests: the provider's half.
'use strict';

const native = require('./native.js');
const { checkHolder, checkOptions } = require('./given.js');
const { mistake, opened } = require('./mistake.js');
const { consumed, hasBody, isConsumed, readAndPutBack } = require('./raw_body.js');

/** What a verifier without settings of its own for them waits at most, in milliseconds. */
const CALLBACK_TIME = 5_000;
const BODY_TIME = 10_000;

/** Judges requests. */
class Verifier {
  #native;
  #keys;
  #claim;
  #described;
  #callbackTime;
  #bodyTime;
  #client;
  #onRefused;
  #onFault;
  /** Bodies that were read already, so that one verifier may stand before another. */
  static #bodies = new WeakMap();

  constructor(options) {
    checkOptions(options);
    const { dialects, keys, claim, accounts, replay, publicUrl, bodyLimit, admit, require: wanted, secret } = options;
    this.#described = accounts !== undefined;
    this.#keys = keys;
    this.#claim = claim;
    this.#callbackTime = options.callbackTime ?? CALLBACK_TIME;
    this.#bodyTime = options.bodyTime ?? BODY_TIME;
    this.#client = options.client;
    this.#onRefused = options.onRefused;
    this.#onFault = options.onFault ?? ((error) => console.error('countersign: a request could not be decided:', error));
    const memory = claim ? 'program' : (replay ?? 'none');
    const listed = dialects.map((one) => (typeof one === 'string' ? { dialect: one } : one));
    const native_ = { dialects: listed, accounts, memory, publicUrl, bodyLimit, admit, require: wanted, secret };
    this.#native = opened(() => new native.NativeVerifier(native_));
  }

  /** Whether a dialect signs the body, which is then read before judging. */
  get needsBody() {
    return this.#native.needsBody;
  }

  /** Takes another description of the accounts in place of the one before, all at once. */
  describe(accounts) {
    opened(() => this.#native.describe(accounts));
  }

  /**
   * Judges a request given in parts. Never rejects: what fails on our side is an answer with status 503.
   * @param {{ method: string, target: string, rawHeaders: string[], body?: Uint8Array | null, client?: string }} parts
   *   `body`: `null` or nothing where it was not read
   */
  async verify({ method, target, rawHeaders, body, client }) {
    try {
      const bytes = body === null || body === undefined ? undefined : Buffer.from(body.buffer, body.byteOffset, body.byteLength);
      const judging = this.#native.judging({ method, target, headers: rawHeaders, body: bytes, client });
      // Where accounts are described, a signature is checked at once; where there is a body, it is digested. Else this takes microseconds.
      const step = this.#described || bytes?.length > 0 ? await judging.begin() : judging.beginHere();
      return this.#told(await this.#answered(judging, step));
    } catch (error) {
      return this.#fault(error);
    }
  }

  /**
   * Judges a request of node:http. Never rejects.
   * @param {import('node:http').IncomingMessage} request
   * @param {string} [target] path and query as sent; Express and Fastify keep them beside a shortened `url`
   */
  async judge(request, target = request.originalUrl ?? request.url) {
    try {
      if (request.httpVersionMajor !== 1) {
        const found = `wanted HTTP/1.1, found HTTP/${request.httpVersion}; let a proxy end HTTP/2 before this server`;
        throw mistake('ERR_COUNTERSIGN_HTTP', found);
      }
      const body = await this.#body(request);
      if (typeof body === 'string') return this.#unread(body);
      const client = this.#client?.(request);
      return await this.verify({ method: request.method, target, rawHeaders: request.rawHeaders, body, client });
    } catch (error) {
      return this.#fault(error);
    }
  }

  /** The body as far as it is seen: bytes, `null` where it is not read, or why it could not be. */
  async #body(request) {
    if (!hasBody(request)) return Buffer.alloc(0);
    if (!this.needsBody) return null;
    const known = Verifier.#bodies.get(request);
    if (known !== undefined) return known.length > this.#native.bodyLimit ? 'too-large' : known;
    if (isConsumed(request)) throw consumed();
    const body = await readAndPutBack(request, this.#native.bodyLimit, this.#bodyTime);
    if (typeof body !== 'string') Verifier.#bodies.set(request, body);
    return body;
  }

  /** Answers the questions of a judgement: at most one for keys and one for the first use. */
  async #answered(judging, step) {
    let at = step;
    if (at.keys) {
      const holder = await this.#within('keys', this.#keys(Object.freeze({ ...at.keys })));
      checkHolder(holder);
      at = await judging.keys(holder);
    }
    if (at.claim) {
      const first = await this.#within('claim', this.#claim(Object.freeze({ ...at.claim })));
      if (typeof first !== 'boolean') {
        throw mistake('ERR_COUNTERSIGN_CALLBACK', `claim: wanted true (the first use) or false (used before), found ${show(first)}`);
      }
      at = judging.claimed(first);
    }
    return at.outcome;
  }

  /** Waits for the program, but not for ever. */
  #within(name, promised) {
    if (typeof promised?.then !== 'function') return promised;
    return new Promise((resolve, reject) => {
      const text = `${name}: wanted an answer within ${this.#callbackTime} ms, found none`;
      const timer = setTimeout(() => reject(mistake('ERR_COUNTERSIGN_CALLBACK', text)), this.#callbackTime);
      Promise.resolve(promised).then(resolve, reject).finally(() => clearTimeout(timer));
    });
  }

  #told({ verified, refused, problem }) {
    // Strangers get the answer that an unknown name gets; whoever looks after the accounts has to know.
    if (problem) this.#tell(this.#onFault, mistake('ERR_COUNTERSIGN_KEY', problem));
    if (verified) return { verified: Object.freeze({ ...verified, covered: Object.freeze(verified.covered) }) };
    const { answer, ...why } = refused;
    this.#tell(this.#onRefused, why);
    return { refused: Object.freeze(why), answer };
  }

  #unread(why) {
    if (why === 'too-large') {
      const { refused, answer } = this.#told(this.#native.tooLarge());
      return { refused, answer: { ...answer, close: true } };
    }
    const [status, code, title] = why === 'too-slow'
      ? [408, 'too-slow', 'The body did not arrive in time']
      : [400, 'bad-request', 'the body cannot be read'];
    const body = Buffer.from(JSON.stringify({ type: `urn:countersign:problem:${code}`, title, status, code }));
    const headers = [['content-type', 'application/problem+json'], ['cache-control', 'no-store']];
    return { answer: { status, headers, body, close: true } };
  }

  #fault(error) {
    this.#tell(this.#onFault, error);
    return { fault: error, answer: this.#native.failed() };
  }

  /** Tells the program; what it makes of it changes no answer. */
  #tell(listener, what) {
    const failed = (error) => console.error('countersign: a listener failed:', error);
    try {
      // It may be asynchronous: a rejection that nobody sees ends the process.
      Promise.resolve(listener?.(what)).catch(failed);
    } catch (error) {
      failed(error);
    }
  }
}

function show(found) {
  return found === null || found === undefined ? String(found) : `${typeof found} ${JSON.stringify(found)?.slice(0, 40)}`;
}

module.exports = { Verifier };
