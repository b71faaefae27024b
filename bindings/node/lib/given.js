// What programs give: names that are no option's are refused, since a misspelled `disabled` would let somebody in.
'use strict';

const { mistake } = require('./mistake.js');

const OPTIONS = [
  'dialects', 'keys', 'claim', 'accounts', 'replay', 'publicUrl', 'bodyLimit', 'bodyTime', 'callbackTime', 'admit', 'require', 'secret', 'client', 'onRefused', 'onFault',
];
const SIGNER = ['dialect', 'settings', 'key', 'keyFile', 'passphrase', 'identifier', 'actingAs', 'companion', 'algorithm', 'limit'];
const HOLDER = ['account', 'id', 'disabled', 'organisation', 'keys', 'actsAs', 'companions', 'paths'];
const KEY = ['publicKey', 'label', 'algorithms', 'expires'];
const REPLAY = ['process', 'process-takes-earlier'];

function checkSigner(options) {
  const wrong = (text) => mistake('ERR_COUNTERSIGN_OPTION', text, { type: TypeError });
  known('the options', options, SIGNER, wrong);
  const { limit } = options;
  if (limit !== undefined && (!Number.isSafeInteger(limit) || limit < 0)) throw wrong(`limit: wanted a number of bytes, found ${limit}`);
}

function checkOptions(options) {
  const wrong = (text) => mistake('ERR_COUNTERSIGN_OPTION', text, { type: TypeError });
  known('the options', options, OPTIONS, wrong);
  if (!Array.isArray(options.dialects) || options.dialects.length === 0) {
    throw wrong("dialects: wanted a list such as ['http-signature'], found none");
  }
  if ((options.keys === undefined) === (options.accounts === undefined)) {
    throw wrong('wanted `keys` (a function) or `accounts` (a description), one of both');
  }
  if (options.claim !== undefined && options.replay !== undefined) {
    throw wrong('wanted `claim` (a function) or `replay`, not both');
  }
  if (options.replay !== undefined && !REPLAY.includes(options.replay)) {
    throw wrong(`replay: wanted ${REPLAY.join(' or ')}, found ${options.replay}`);
  }
  for (const name of ['keys', 'claim', 'client', 'onRefused', 'onFault']) {
    if (options[name] !== undefined && typeof options[name] !== 'function') throw wrong(`${name}: wanted a function`);
  }
  if (options.secret !== undefined && typeof options.secret !== 'string') throw wrong('secret: wanted a text');
  for (const name of ['bodyLimit', 'bodyTime', 'callbackTime']) {
    const number = options[name];
    const fits = number === undefined || (Number.isInteger(number) && number > 0 && number < 2 ** 31);
    if (!fits) throw wrong(`${name}: wanted a whole number above 0, found ${number}`);
  }
}

/** What `keys` may say: `null` for nobody, or somebody with keys. Nothing at all is a mistake, not nobody. */
function checkHolder(holder) {
  const wrong = (text) => mistake('ERR_COUNTERSIGN_CALLBACK', `keys: ${text}`);
  if (holder === null) return;
  known('its answer', holder, HOLDER, wrong);
  if (typeof holder.account !== 'string' || holder.account === '') throw wrong('wanted the name of the account in `account`');
  if (!Array.isArray(holder.keys)) throw wrong('wanted a list of keys in `keys`');
  for (const key of holder.keys) {
    known('a key', key, KEY, wrong);
    if (typeof key.publicKey !== 'string') throw wrong('wanted the text of a public key in `publicKey`');
    if (key.expires !== undefined && !Number.isSafeInteger(key.expires)) {
      throw wrong('wanted `expires` in whole Unix seconds');
    }
  }
  if (holder.disabled !== undefined && typeof holder.disabled !== 'boolean') throw wrong('wanted true or false in `disabled`');
}

function known(what, object, names, wrong) {
  if (object === null || typeof object !== 'object') throw wrong(`wanted an object for ${what}, found ${object === null ? 'null' : typeof object}`);
  const strange = Object.keys(object).find((name) => !names.includes(name));
  if (strange !== undefined) throw wrong(`there is no \`${strange}\` in ${what}; there are ${names.join(', ')}`);
}

module.exports = { checkHolder, checkOptions, checkSigner };
