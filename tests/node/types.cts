// The same package as CommonJS programs see it.
import countersign = require('countersign');

const signer: countersign.Signer = new countersign.Signer({ dialect: 'skykit', key: Buffer.from('PEM'), identifier: 'me' });
const covers: boolean = signer.coversBody;
// @ts-expect-error: it says whether, not how much
const bytes: number = signer.coversBody;
const refused: countersign.Refused | undefined = undefined;
console.log(covers, bytes, refused, countersign.signedFetch(signer));
