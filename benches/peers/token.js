// njs clones its virtual machine for every request, so the key is imported on every request.
import fs from 'fs';
function der(name) {
  const lines = fs.readFileSync('{keys}/' + name, 'utf8').split('\n');
  return Buffer.from(lines.filter(line => line && line.indexOf('-----') < 0).join(''), 'base64');
}
const KEYS = {
  RS256: { how: { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' }, der: der('rsa.pem') },
  ES256: { how: { name: 'ECDSA', namedCurve: 'P-256' }, der: der('p256.pem') },
};
async function check(request) {
  try {
    const parts = (request.headersIn['Authorization'] || '').slice(7).split('.');
    if (parts.length != 3) throw 'shape';
    const known = KEYS[JSON.parse(Buffer.from(parts[0], 'base64url')).alg];
    if (!known) throw 'algorithm';
    const key = await crypto.subtle.importKey('spki', known.der, known.how, false, ['verify']);
    const how = { name: known.how.name, hash: 'SHA-256' };
    const holds = await crypto.subtle.verify(how, key, Buffer.from(parts[2], 'base64url'), parts[0] + '.' + parts[1]);
    if (!holds) throw 'signature';
    const claims = JSON.parse(Buffer.from(parts[1], 'base64url'));
    if (!(claims.exp > Date.now() / 1000) || claims.iss !== 'partner@example.com' || claims.aud !== 'countersign') throw 'claims';
    request.headersOut['x-subject'] = claims.sub;
    request.return(200, 'ok');
  } catch (problem) {
    request.return(401, 'denied');
  }
}
export default { check };
