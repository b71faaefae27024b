// The token endpoint as oauth4webapi uses it: discovery, private_key_jwt, DPoP with nonces, introspection, revocation, refresh.
import * as crypto from 'node:crypto'
import * as fs from 'node:fs'
import * as path from 'node:path'
import * as oauth from 'oauth4webapi'

const [command, first, second] = process.argv.slice(2)
const insecure = { [oauth.allowInsecureRequests]: true }
let count = 0

function report(name, expect, got, status, why) {
  count += 1
  const ok = got === expect && !why
  console.log(JSON.stringify({ dialect: 'oauth4webapi', case: name, expect, got, status, ok, ...(why ? { why } : {}) }))
}

async function holds(name, check) {
  let why
  try {
    why = await check()
  } catch (error) {
    why = `${error.name}: ${error.message} ${JSON.stringify(error.cause ?? '')}`
  }
  report(name, 'accept', why ? 'refuse' : 'accept', null, why)
}

const same = (found, wanted) => (JSON.stringify(found) === JSON.stringify(wanted) ? '' : `wanted ${JSON.stringify(wanted)}, found ${JSON.stringify(found)}`)

function prepare(folder) {
  fs.mkdirSync(folder, { recursive: true })
  if (fs.existsSync(path.join(folder, 'client.pub.pem'))) return
  const pair = crypto.generateKeyPairSync('ed25519')
  fs.writeFileSync(path.join(folder, 'client.pem'), pair.privateKey.export({ type: 'pkcs8', format: 'pem' }))
  fs.writeFileSync(path.join(folder, 'client.pub.pem'), pair.publicKey.export({ type: 'spki', format: 'pem' }))
}

async function run(base, folder) {
  const issuer = new URL(base)
  const pkcs8 = crypto.createPrivateKey(fs.readFileSync(path.join(folder, 'client.pem'))).export({ type: 'pkcs8', format: 'der' })
  const key = await crypto.webcrypto.subtle.importKey('pkcs8', pkcs8, 'Ed25519', false, ['sign'])
  const client = { client_id: 'node-1' }
  const found = await oauth.discoveryRequest(issuer, { algorithm: 'oauth2', ...insecure })
  // The issuer has no slash at its end; a URL of this language always has one.
  const as = await found.json()
  await holds('the metadata is found and is the issuer’s', () => same(as.issuer, base))
  const auth = () => oauth.PrivateKeyJwt(key)
  const grant = async (options = {}, more = {}) => {
    const asked = await oauth.clientCredentialsGrantRequest(as, client, auth(), new URLSearchParams(more), { ...insecure, ...options })
    return oauth.processClientCredentialsResponse(as, client, asked)
  }
  const target = new URL('/access-token/node?x=1', base)
  const use = (token, options = {}) => oauth.protectedResourceRequest(token, 'GET', target, undefined, undefined, { ...insecure, ...options })

  const plain = await grant()
  await holds('a plain token', () => same(plain.token_type, 'bearer'))
  await holds('which opens the resource', async () => same((await use(plain.access_token)).status, 200))

  const keys = await oauth.generateKeyPair('ES256')
  const DPoP = oauth.DPoP(client, keys)
  let bound
  await holds('a bound token, after the nonce was asked for', async () => {
    try {
      bound = await grant({ DPoP })
      return 'no nonce was asked for'
    } catch (error) {
      if (!oauth.isDPoPNonceError(error)) throw error
    }
    bound = await grant({ DPoP })
    return same(bound.token_type, 'dpop')
  })
  await holds('which opens the resource with a proof', async () => same((await use(bound.access_token, { DPoP })).status, 200))
  await holds('and again with another', async () => same((await use(bound.access_token, { DPoP })).status, 200))
  await holds('and is refused as a bearer', async () => {
    try {
      return same((await use(bound.access_token)).status, 401)
    } catch (error) {
      return same(error.cause?.[0]?.parameters?.error, 'invalid_token')
    }
  })
  const others = oauth.DPoP(client, await oauth.generateKeyPair('ES256'))
  await holds('and with another’s proof', async () => {
    for (let turn = 0; ; turn += 1) {
      try {
        return same((await use(bound.access_token, { DPoP: others })).status, 401)
      } catch (error) {
        if (turn === 0 && oauth.isDPoPNonceError(error)) continue
        return same(error.cause?.[0]?.parameters?.error, 'invalid_dpop_proof')
      }
    }
  })
  const introspect = async (token) =>
    oauth.processIntrospectionResponse(as, client, await oauth.introspectionRequest(as, client, auth(), token, insecure))
  await holds('its own token is told about', async () => {
    const told = await introspect(bound.access_token)
    return same([told.active, told.client_id, told.token_type, typeof told.cnf.jkt], [true, 'node-1', 'DPoP', 'string'])
  })
  await holds('and ends', async () => {
    const ended = await oauth.revocationRequest(as, client, auth(), bound.access_token, insecure)
    await oauth.processRevocationResponse(ended)
    return same(await introspect(bound.access_token), { active: false })
  })
  await holds('an error is the one of the standard', async () => {
    try {
      await grant({}, { scope: 'admin' })
      return 'a token'
    } catch (error) {
      return same(error.error, 'invalid_scope')
    }
  })
  console.log(JSON.stringify({ done: count }))
}

if (command === 'prepare') prepare(path.join(first, 'oauth4webapi'))
else await run(first, path.join(second, 'oauth4webapi'))
