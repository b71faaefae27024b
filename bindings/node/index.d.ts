// What the package offers, in types.
/// <reference types="node" />
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { KeyObject } from 'node:crypto';

/** A shipped dialect's name, such as `http-signature`, or the text of a dialect's file, with settings in place of the file's. */
export type Dialect = string | { dialect: string; settings?: Record<string, string> };

interface SignerBase {
  /** A shipped dialect's name, or the text of a dialect's file. */
  dialect: string;
  /** The dialect's settings, in place of the file's. */
  settings?: Record<string, string>;
  /** Opens a private key that is kept under a passphrase. */
  passphrase?: string;
  /** The name as registered: an e-mail, a user, a connection id, a site's number. */
  identifier: string;
  /** The user to act for, in dialects that name one. */
  actingAs?: string;
  /** The API key that some dialects want beside the proof. */
  companion?: string;
  /** The algorithm; otherwise the dialect's first that fits the key and is not weak. */
  algorithm?: string;
  /** Bytes of a body that are read to be signed; 1 MiB otherwise. */
  limit?: number;
}

/** What a {@link Signer} is made of; the private key is `key` (its text or bytes: PKCS#8, PKCS#1, SEC1 or OpenSSH) or `keyFile`. */
export type SignerOptions = SignerBase & ({ key: string | Buffer; keyFile?: undefined } | { keyFile: string; key?: undefined });

/** A request in parts, for other clients than fetch. */
export interface RequestParts {
  /** `GET` otherwise. */
  method?: string;
  /** The absolute address as the server knows itself. */
  url: string | URL;
  headers?: HeadersInit;
  /** Looked at only where the proof covers the body. */
  body?: Uint8Array | string | null;
}

/** What to change on a request before it is sent; nothing else may change afterwards. */
export interface Proof {
  /** Headers to set, each in place of all that have its name. */
  headers: [name: string, value: string][];
  /** The address to send to: the one that was given, unless the proof stands in the query. */
  url: string;
  /** The body to send in place of the one that was given, in dialects whose proof stands there. */
  body: Buffer | null;
}

/** Signs requests as one caller. */
export declare class Signer {
  constructor(options: SignerOptions);
  readonly dialect: string;
  /** Whether the proof covers the body, which must then be there whole. */
  readonly coversBody: boolean;
  /** Public half of the key, as PEM: what a provider registers. */
  readonly publicKey: string;
  readonly limit: number;
  /** Makes the proof for a request in parts, on another thread. */
  prove(parts: RequestParts): Promise<Proof>;
  /** Signs a request of the fetch API and gives the one to send. Let nobody follow redirects with it. */
  sign(request: Request): Promise<Request>;
  /** Reads an answer that may have refused a proof for the time of this machine's clock. `true`: sign anew and ask once more. */
  learn(answer: { status: number; headers: Headers }, body?: Uint8Array): boolean;
}

/** A drop-in fetch that signs what it sends; redirects are followed within the origin only. */
export declare function signedFetch<F extends (input: any, init?: any) => Promise<any> = typeof globalThis.fetch>(
  signer: Signer,
  options?: { fetch?: F },
): F;

/** Whom a proof names. Nobody has proved anything yet. */
export interface KeysWanted {
  readonly dialect: string;
  /** What kind of name it is (`email`, `user`, `connection`, `site`, …); nothing where the proof names a key only. */
  readonly namespace?: string;
  /** The name, byte for byte; for a proof that names a key only, that key's name, such as its {@link thumbprint}. */
  readonly identifier: string;
  /** The proof's hint at a key. It says nothing about whose key it is. */
  readonly kid?: string;
}

/** A public key with its conditions. */
export interface HeldKey {
  /** The key in any spelling: PEM, OpenSSH, JWK, the text of a JWK set. */
  publicKey: string;
  /** What its owner calls it; a proof may hint at it by this name. */
  label?: string;
  /** Algorithms it is narrowed to; otherwise all of its kind that are not weak. */
  algorithms?: string[];
  /** From when it no longer counts, Unix seconds. */
  expires?: number;
}

/** Somebody with keys. */
export interface Holder {
  /** The account's name. */
  account: string;
  /** What stays the same when the name changes and is never given to another; otherwise the name. Uses are remembered under it. */
  id?: string;
  /** Whether the account is switched off. */
  disabled?: boolean;
  organisation?: string;
  keys: HeldKey[];
  /** Users it may act for. */
  actsAs?: string[];
  /** SHA-256 of each companion key that is good beside its proofs, 64 small hexadecimal digits. */
  companions?: string[];
  /** Path prefixes it may use, on segment borders; otherwise all. */
  paths?: string[];
}

/** A use of a proof that works once. */
export interface Claim {
  /** What tells this use from every other: 64 hexadecimal digits. */
  readonly digest: string;
  /** Until when it has to be remembered, Unix seconds, inclusive. */
  readonly expires: number;
}

/** What a proof may cover. */
export type Covered = 'method' | 'authority' | 'path' | 'query' | 'body' | 'once';

/** Who sent a request. */
export interface Verified {
  /** The account's name. */
  readonly account: string;
  readonly accountId: string;
  readonly organisation?: string;
  /** The name that the proof gave, as registered. */
  readonly identifier: string;
  /** The user it may act for, when the proof names one. */
  readonly actingAs?: string;
  readonly keyId: string;
  readonly keyLabel: string;
  /** `SHA256:` and base64 of the digest of the key's SPKI. */
  readonly fingerprint: string;
  readonly dialect: string;
  readonly algorithm: string;
  readonly covered: readonly Covered[];
  /** When it was judged, Unix milliseconds. */
  readonly at: number;
}

/** Why a request was refused: for logs, since it says more than strangers may know. */
export interface Refused {
  /** The reason's code, such as `bad-signature`. */
  readonly reason: string;
  /** Its class, such as `identity` or `time`. */
  readonly class: string;
  /** The code that the answer has. */
  readonly outward: string;
  readonly text: string;
  readonly hint: string;
  readonly dialect?: string;
  /** The id that the answer carries in `countersign-reject`. */
  readonly reject: string;
}

/** An answer to send as it is. */
export interface Answer {
  status: number;
  headers: [name: string, value: string][];
  body: Buffer;
  /** Whether the connection has to be closed after it. */
  close?: boolean;
}

/** What a judgement ended in: somebody, or an answer that refuses (`refused`) or says that it could not be decided (`fault`). */
export type Judgement =
  | { verified: Verified; answer?: undefined; refused?: undefined; fault?: undefined }
  | { verified?: undefined; answer: Answer; refused?: Refused; fault?: unknown };

interface VerifierBase {
  /** The dialects that are taken; each request is judged by the one that it speaks. */
  dialects: Dialect[];
  /** The address that callers use, such as `https://api.example.com`. Wanted where a dialect signs the host; what requests say of themselves is not believed. */
  publicUrl?: string;
  /** Bytes of a body that are read to be judged; 1 MiB otherwise. */
  bodyLimit?: number;
  /** Milliseconds in which such a body has to be there; 10,000 otherwise. */
  bodyTime?: number;
  /** Milliseconds in which `keys` and `claim` have to answer; 5,000 otherwise. */
  callbackTime?: number;
  /** Names or ids of the accounts that are let in; otherwise all. */
  admit?: string[];
  /** What every proof must cover. */
  require?: Covered[];
  /**
   * The same in all processes: makes it cost as much to refuse an unknown name as a known one. Wanted beside `keys` where several processes serve.
   */
  secret?: string;
  /**
   * Says where a request comes from, for keys that are confined to networks (in `accounts`); without it these are refused. Behind a proxy,
   * read what that proxy says; otherwise `request.socket.remoteAddress`.
   */
  client?: (request: IncomingMessage) => string | undefined;
  /** Is told of every refusal. */
  onRefused?: (refused: Refused) => void;
  /**
   * Is told of everything that failed on our side and was answered with 503, and of accounts that have keys and none that can be used
   * (`ERR_COUNTERSIGN_KEY`), which strangers cannot tell from unknown ones; otherwise it goes to `console.error`.
   */
  onFault?: (error: unknown) => void;
}

/**
 * What a {@link Verifier} is made of. Accounts come from `keys`, a function that is asked for each proof and says `null` for nobody, or from
 * `accounts`, a description as `countersign apply` reads it. For proofs that work once, uses are remembered by `claim`, a function that
 * remembers and says whether it was the first to, in one step, or with `replay` in this process alone: `process` refuses proofs that can have
 * been used before the process began, `process-takes-earlier` takes them.
 */
export type VerifierOptions = VerifierBase
  & ({ keys: (wanted: KeysWanted) => Promise<Holder | null> | Holder | null; accounts?: undefined } | { accounts: string; keys?: undefined })
  & ({ claim?: (claim: Claim) => Promise<boolean> | boolean; replay?: undefined } | { claim?: undefined; replay: 'process' | 'process-takes-earlier' });

/** Judges requests. */
export declare class Verifier {
  constructor(options: VerifierOptions);
  /** Whether a dialect signs the body, which is then read before judging. */
  readonly needsBody: boolean;
  /** Takes another description of the accounts in place of the one before, all at once. */
  describe(accounts: string): void;
  /** Judges a request of node:http; `target` is path and query as sent. Never rejects. */
  judge(request: IncomingMessage, target?: string): Promise<Judgement>;
  /** Judges a request given in parts; a body that was not read is left out. Never rejects. */
  verify(parts: { method: string; target: string; rawHeaders: string[]; body?: Uint8Array | null; client?: string }): Promise<Judgement>;
}

/** A request that was verified. */
export type Recognised<R extends IncomingMessage = IncomingMessage> = R & { countersign: Verified };

/** A middleware of Express. Put it before `express.json()` and other parsers of bodies. */
export declare function express(verifier: Verifier): (request: any, response: any, next: (error?: any) => void) => void;

/** A plugin of Fastify, for the context that registers it and those made inside it afterwards. Register it before them. */
export declare function fastify(verifier: Verifier): (instance: any) => Promise<void>;

/** A handler for `http.createServer` that lets requests through to another one once they are verified. */
export declare function guarded(
  verifier: Verifier,
  handler: (request: Recognised, response: ServerResponse) => unknown,
): (request: IncomingMessage, response: ServerResponse) => Promise<void>;

/** The RFC 7638 thumbprint of a public key, which `http-signature` puts into `keyid`. */
export declare function thumbprint(key: string | Buffer | KeyObject): string;

declare global {
  namespace Express {
    interface Request {
      /** Who sent the request; there behind a middleware of countersign. */
      countersign?: Verified;
    }
  }
}
