//! Every class of key that must not be registered, made here and offered to the intake; and good ones that must be taken.
use crate::number::Number;
use crate::tally::Tally;
use base64ct::{Base64, Base64UrlUnpadded, Encoding};
use countersign_keys::{BlockList, KeyKind, Policy, PrivateKey, read_public_key};

const RSA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01];
const RSA_PSS: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0a];
const DSA: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x38, 0x04, 0x01];
const EC: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01];
const P256: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];
const K256: &[u8] = &[0x2b, 0x81, 0x04, 0x00, 0x0a];
const X25519: &[u8] = &[0x2b, 0x65, 0x6e];
const ED25519: &[u8] = &[0x2b, 0x65, 0x70];

/// Points of small order on Ed25519, and encodings that are not canonical: one signature then fits many messages.
const BAD_POINTS: [(&str, &str); 14] = [
    ("identity", "0100000000000000000000000000000000000000000000000000000000000000"),
    ("order-2", "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"),
    ("order-4", "0000000000000000000000000000000000000000000000000000000000000000"),
    ("order-4-sign", "0000000000000000000000000000000000000000000000000000000000000080"),
    ("order-8-a", "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05"),
    ("order-8-b", "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85"),
    ("order-8-c", "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a"),
    ("order-8-d", "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa"),
    ("identity-sign", "0100000000000000000000000000000000000000000000000000000000000080"),
    ("p-plus-1", "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"),
    ("p", "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"),
    ("p-sign", "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"),
    ("order-2-sign", "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"),
    ("all-ones", "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"),
];

/// Offers every case.
///
/// # Errors
/// When a key to start from cannot be made.
pub(crate) fn run(tally: &mut Tally) -> Result<(), String> {
    let made = |kind, bits| PrivateKey::generate(kind, bits).map_err(|error| error.to_string());
    let (rsa, ed, p256) =
        (made(KeyKind::Rsa, 2048)?, made(KeyKind::Ed25519, 256)?, made(KeyKind::P256, 256)?);
    for (name, key) in [("rsa", &rsa), ("ed25519", &ed), ("p256", &p256)] {
        let public = key.public_key();
        let jwk = serde_json::to_string(&public.to_jwk()).map_err(|error| error.to_string())?;
        let forms =
            [("pem", public.to_pem()), ("jwk", jwk.clone()), ("openssh", public.to_openssh("a good key"))];
        for (form, text) in forms {
            let taken = read_public_key(text.as_bytes(), &Policy::default()).map(|_| ());
            let outcome = taken.map_err(|error| format!("a good key was refused: {error}"));
            tally.note("register", "good", &format!("{name}-{form}"), outcome);
        }
        private_forms(tally, name, key, &jwk);
    }
    for (name, document, codes) in rsa_cases() {
        refused(tally, "rsa", &name, document.as_bytes(), codes);
    }
    for (name, hex) in BAD_POINTS {
        let point = unhex(hex);
        let forms = [
            ("spki", pem("PUBLIC KEY", &spki(ED25519, &[], &point))),
            ("raw", Base64::encode_string(&point)),
            ("hex", hex.to_owned()),
            (
                "jwk",
                format!(
                    r#"{{"kty":"OKP","crv":"Ed25519","x":"{}"}}"#,
                    Base64UrlUnpadded::encode_string(&point)
                ),
            ),
        ];
        for (form, text) in forms {
            refused(
                tally,
                "ed25519-point",
                &format!("{name}-{form}"),
                text.as_bytes(),
                &["key_ed25519_point"],
            );
        }
    }
    ec_cases(tally, p256.public_key().spki_der());
    documents(tally, &rsa);
    Ok(())
}

fn refused(tally: &mut Tally, class: &str, name: &str, document: &[u8], codes: &[&str]) {
    let outcome = match read_public_key(document, &Policy::default()) {
        Ok(_) => Err("a bad key was taken".to_owned()),
        Err(error) if !codes.contains(&error.code()) => {
            Err(format!("refused as {} ({error}), wanted {codes:?}", error.code()))
        }
        // A message must never repeat what may be a secret.
        Err(error) if leaks(document, &error.to_string()) => {
            Err(format!("the message repeats the document: {error}"))
        }
        Err(_) => Ok(()),
    };
    tally.note("register", class, name, outcome);
}

/// Whether twenty bytes in a row of the document's long lines stand in the message.
fn leaks(document: &[u8], message: &str) -> bool {
    let text = String::from_utf8_lossy(document);
    let long = text.lines().filter(|line| line.len() >= 40 && !line.contains(' ') && !line.contains("-----"));
    long.filter_map(|line| line.get(10..30)).any(|part| message.contains(part))
}

fn private_forms(tally: &mut Tally, name: &str, key: &PrivateKey, jwk: &str) {
    let codes = &["key_private"];
    let pem = key.to_pkcs8_pem();
    refused(tally, "private", &format!("{name}-pkcs8-pem"), pem.as_bytes(), codes);
    refused(tally, "private", &format!("{name}-pkcs8-der"), key.to_pkcs8_der(), codes);
    let bare: String = pem.lines().filter(|line| !line.starts_with("-----")).collect();
    refused(tally, "private", &format!("{name}-pkcs8-base64"), bare.as_bytes(), codes);
    let escaped = pem.replace('\n', "\\n");
    refused(tally, "private", &format!("{name}-pkcs8-escaped"), escaped.as_bytes(), codes);
    let both = format!("{}\n{}", key.public_key().to_pem(), *pem);
    refused(tally, "private", &format!("{name}-public-then-private"), both.as_bytes(), codes);
    if let Ok(sealed) = key.to_encrypted_pkcs8_pem(b"correct horse", &[7; 32]) {
        refused(tally, "private", &format!("{name}-encrypted"), sealed.as_bytes(), codes);
    }
    let with_d = jwk.replacen('{', r#"{"d":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA","#, 1);
    refused(tally, "private", &format!("{name}-jwk"), with_d.as_bytes(), codes);
    let set = format!(r#"{{"keys":[{with_d}]}}"#);
    refused(tally, "private", &format!("{name}-jwks"), set.as_bytes(), codes);
    for label in
        ["RSA PRIVATE KEY", "EC PRIVATE KEY", "OPENSSH PRIVATE KEY", "DSA PRIVATE KEY", "PRIVATE KEY"]
    {
        let armoured = format!("-----BEGIN {label}-----\nAAAAAAAAAAAAAAAAAAAAAAAA\n-----END {label}-----\n");
        refused(tally, "private", &format!("{name}-label-{label}"), armoured.as_bytes(), codes);
    }
}

fn rsa_cases() -> Vec<(String, String, &'static [&'static str])> {
    let mut cases: Vec<(String, String, &'static [&'static str])> = Vec::new();
    let usual = Number::small(65537);
    let mut add = |name: &str, n: &Number, e: &Number, codes| {
        cases.push((name.to_owned(), pem("PUBLIC KEY", &rsa_spki(n, e)), codes));
    };
    for bits in [512, 768, 1023, 1024, 2047, 2049, 2056, 3071, 4097, 8192, 16_384, 32_768] {
        add(&format!("bits-{bits}"), &plain(bits, "size"), &usual, &["key_rsa_size", "key_der_damaged"]);
    }
    let n = plain(2048, "exponents");
    for e in [0_u32, 1, 2, 3, 17, 65536, 65539, u32::MAX] {
        add(&format!("e-{e}"), &n, &Number::small(e), &["key_rsa_exponent", "key_der_damaged"]);
    }
    add("e-65-bits", &n, &plain(65, "long e"), &["key_rsa_exponent"]);
    add("e-as-long-as-n", &n, &plain(2047, "huge e"), &["key_rsa_exponent"]);
    add("e-larger-than-n", &n, &plain(2049, "larger e"), &["key_rsa_exponent"]);
    let weak: &[&str] = &["key_rsa_weak"];
    let even = plain(2047, "even").times(&Number::small(2));
    add("even", &even, &usual, weak);
    for prime in [3_u32, 5, 7, 97, 251, 509, 743, 751] {
        let bits = 2048 - usize::try_from(prime.ilog2()).unwrap_or(0);
        // One of the two lengths gives 2048 bits.
        let small = [bits, bits - 1].map(|bits| plain(bits, "factor").times(&Number::small(prime)));
        if let Some(n) = small.iter().find(|n| n.bytes().len() == 256 && n.bytes()[0] >= 128) {
            add(&format!("factor-{prime}"), n, &usual, weak);
        }
    }
    // Two factors a few apart fall to Fermat's method at once.
    for gap in [0_u32, 2, 100, 65_536] {
        let one = free_of_small(Number::arbitrary(1024, "close").plus(&top(1024)), gap);
        let n = one.times(&one.plus(&Number::small(gap)));
        add(&format!("fermat-{gap}"), &n, &usual, weak);
    }
    // Moduli as Infineon's library made them: a power of 65537 modulo the product of the first primes.
    let product =
        primes(126).iter().fold(Number::small(1), |product, prime| product.times(&Number::small(*prime)));
    for seed in ["one", "two"] {
        let n = (1..4096_u32)
            .map(|turn| {
                let length = 2049 - bits(&product);
                product
                    .times(&Number::arbitrary(length, &format!("{seed}{turn}")))
                    .plus(&Number::small(65537))
            })
            .find(|n| bits(n) == 2048);
        if let Some(n) = n {
            add(&format!("roca-{seed}"), &n, &usual, weak);
        }
    }
    add("zero", &Number::small(0), &usual, &["key_rsa_size", "key_der_damaged"]);
    let good = plain(2048, "good");
    let pss = pem("PUBLIC KEY", &spki(RSA_PSS, &[], &rsa_pkcs1(&good, &usual)));
    cases.push(("pss-only".to_owned(), pss, &["key_kind_not_served"]));
    let negative = sequence(&[&element(2, &good.bytes()), &element(2, &usual.bytes())]);
    let negative = pem("PUBLIC KEY", &spki(RSA, &[5, 0], &negative));
    cases.push(("negative".to_owned(), negative, &["key_der_damaged", "key_rsa_size", "key_rsa_weak"]));
    cases
}

fn ec_cases(tally: &mut Tally, good: &[u8]) {
    let named = [&element(6, P256)[..]].concat();
    let point = |bytes: &[u8]| pem("PUBLIC KEY", &spki(EC, &named, bytes));
    let mut off = good[good.len() - 65..].to_vec();
    off[64] ^= 1;
    let zero = [&[4_u8][..], &[0; 64]].concat();
    let beyond = [&[4_u8][..], &[0xff; 64]].concat();
    let wide = [&[4_u8][..], &[1; 96]].concat();
    let codes: &[&str] = &["key_ec_point", "key_der_damaged"];
    for (name, bytes) in [
        ("off-curve", &off[..]),
        ("infinity", &[0]),
        ("zero", &zero),
        ("beyond-p", &beyond),
        ("wide", &wide),
        ("none", &[]),
    ] {
        refused(tally, "ec-point", name, point(bytes).as_bytes(), codes);
    }
    let k256 = pem("PUBLIC KEY", &spki(EC, &element(6, K256), &off));
    refused(tally, "curve", "secp256k1", k256.as_bytes(), &["key_curve_not_served"]);
    let explicit = pem("PUBLIC KEY", &spki(EC, &sequence(&[&element(2, &[1])]), &off));
    refused(
        tally,
        "curve",
        "explicit-parameters",
        explicit.as_bytes(),
        &["key_curve_not_served", "key_der_damaged"],
    );
    let x25519 = pem("PUBLIC KEY", &spki(X25519, &[], &[9; 32]));
    refused(tally, "kind", "x25519", x25519.as_bytes(), &["key_kind_not_served", "key_curve_not_served"]);
    let dsa = pem("PUBLIC KEY", &spki(DSA, &sequence(&[&element(2, &[7])]), &element(2, &[5])));
    refused(tally, "kind", "dsa", dsa.as_bytes(), &["key_kind_not_served"]);
    let x = Base64UrlUnpadded::encode_string(&off[1..33]);
    let y = Base64UrlUnpadded::encode_string(&off[33..]);
    let jwk = format!(r#"{{"kty":"EC","crv":"P-256","x":"{x}","y":"{y}"}}"#);
    refused(tally, "ec-point", "off-curve-jwk", jwk.as_bytes(), &["key_ec_point"]);
    let jwk = format!(r#"{{"kty":"EC","crv":"P-999","x":"{x}","y":"{y}"}}"#);
    refused(tally, "curve", "unknown-jwk", jwk.as_bytes(), &["key_curve_not_served", "key_jwk_damaged"]);
}

fn documents(tally: &mut Tally, rsa: &PrivateKey) {
    let oct = br#"{"kty":"oct","k":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}"#;
    refused(tally, "document", "shared-secret", oct, &["key_symmetric"]);
    refused(tally, "document", "empty", b"", &["key_empty"]);
    refused(tally, "document", "white-space", b" \r\n\t ", &["key_empty"]);
    refused(tally, "document", "too-long", &vec![b'A'; 70_000], &["key_too_long"]);
    refused(tally, "document", "a-sentence", b"please register my key", &["key_unrecognised"]);
    refused(tally, "document", "binary", &[0xff; 300], &["key_unrecognised", "key_der_damaged"]);
    let public = rsa.public_key();
    let der = public.spki_der();
    for cut in [0, 1, 10, 100, der.len() - 1] {
        let name = format!("cut-at-{cut}");
        let text = pem("PUBLIC KEY", &der[..cut]);
        let codes = &["key_der_damaged", "key_pem_damaged", "key_empty", "key_unrecognised"];
        refused(tally, "document", &name, text.as_bytes(), codes);
    }
    let trailing = pem("PUBLIC KEY", &[der, &[0]].concat());
    refused(tally, "document", "trailing-byte", trailing.as_bytes(), &["key_der_damaged"]);
    let two = public.to_pem().repeat(2);
    let taken = read_public_key(two.as_bytes(), &Policy::default()).map(|keys| keys.len());
    let outcome = match taken {
        Ok(2) | Err(countersign_keys::KeyError::SeveralKeys { .. }) => Ok(()),
        other => Err(format!("two keys in one text gave {other:?}")),
    };
    tally.note("register", "document", "twice", outcome);
    for label in ["CERTIFICATE", "CERTIFICATE REQUEST"] {
        refused(tally, "document", label, pem(label, &[0x30, 0]).as_bytes(), &["key_certificate"]);
    }
    let pgp = "-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nmQENBF\n-----END PGP PUBLIC KEY BLOCK-----\n";
    refused(
        tally,
        "document",
        "pgp",
        pgp.as_bytes(),
        &["key_kind_not_served", "key_unrecognised", "key_pem_damaged"],
    );
    let half = public.to_pem().replace("-----END PUBLIC KEY-----", "");
    refused(tally, "document", "no-end", half.as_bytes(), &["key_pem_damaged"]);
    let blocked = BlockList::read(&public.fingerprints().spki_sha256_hex).unwrap_or_default().into();
    let mut policy = Policy::default();
    policy.blocked = blocked;
    let outcome = match read_public_key(public.to_pem().as_bytes(), &policy) {
        Err(error) if error.code() == "key_blocked" => Ok(()),
        other => Err(format!("a key known to be compromised gave {other:?}")),
    };
    tally.note("register", "document", "blocked", outcome);
}

/// A number without small factors and not of a known weak shape.
fn plain(bits: usize, seed: &str) -> Number {
    let start = Number::arbitrary(bits, seed);
    let odd = if start.modulo(2) == 0 { start.plus(&Number::small(1)) } else { start };
    free_of_small(odd, 0)
}

/// The next number from here for which neither it nor it plus the gap has a factor below a thousand.
fn free_of_small(mut number: Number, gap: u32) -> Number {
    let primes = primes(168);
    if number.modulo(2) == 0 {
        number = number.plus(&Number::small(1));
    }
    let clean = |number: &Number| {
        let other = number.plus(&Number::small(gap));
        primes.iter().all(|prime| number.modulo(*prime) != 0 && other.modulo(*prime) != 0)
    };
    while !clean(&number) {
        number = number.plus(&Number::small(2));
    }
    number
}

fn top(bits: usize) -> Number {
    // Half the top bit more keeps the product of two such numbers at full length.
    let mut bytes = vec![0; bits / 8];
    bytes[0] = 0x40;
    Number::from_bytes(&bytes)
}

fn bits(number: &Number) -> usize {
    let bytes = number.bytes();
    bytes.len() * 8 - bytes.first().map_or(0, |byte| usize::try_from(byte.leading_zeros()).unwrap_or(0))
}

fn primes(count: usize) -> Vec<u32> {
    let mut primes: Vec<u32> = Vec::new();
    let candidates = (2_u32..).filter(|n| (2..*n).take_while(|d| d * d <= *n).all(|d| n % d != 0));
    primes.extend(candidates.take(count));
    primes
}

fn rsa_pkcs1(n: &Number, e: &Number) -> Vec<u8> {
    sequence(&[&integer(&n.bytes()), &integer(&e.bytes())])
}

fn rsa_spki(n: &Number, e: &Number) -> Vec<u8> {
    spki(RSA, &[5, 0], &rsa_pkcs1(n, e))
}

fn spki(algorithm: &[u8], parameters: &[u8], key: &[u8]) -> Vec<u8> {
    let bits = [&[0][..], key].concat();
    sequence(&[&sequence(&[&element(6, algorithm), parameters]), &element(3, &bits)])
}

fn integer(bytes: &[u8]) -> Vec<u8> {
    match bytes.first() {
        None => element(2, &[0]),
        Some(first) if *first >= 128 => element(2, &[&[0], bytes].concat()),
        Some(_) => element(2, bytes),
    }
}

fn sequence(parts: &[&[u8]]) -> Vec<u8> {
    element(0x30, &parts.concat())
}

fn element(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = content.len();
    let bytes: Vec<u8> = length.to_be_bytes().into_iter().skip_while(|byte| *byte == 0).collect();
    let mut out = vec![tag];
    match bytes.as_slice() {
        [] => out.push(0),
        [short] if *short < 128 => out.push(*short),
        long => {
            out.push(0x80 | u8::try_from(long.len()).unwrap_or(8));
            out.extend_from_slice(long);
        }
    }
    out.extend_from_slice(content);
    out
}

fn pem(label: &str, der: &[u8]) -> String {
    let body = Base64::encode_string(der);
    let lines: Vec<&str> =
        body.as_bytes().chunks(64).filter_map(|line| std::str::from_utf8(line).ok()).collect();
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", lines.join("\n"))
}

fn unhex(text: &str) -> Vec<u8> {
    let pairs = text.as_bytes().chunks(2).filter_map(|pair| std::str::from_utf8(pair).ok());
    pairs.filter_map(|pair| u8::from_str_radix(pair, 16).ok()).collect()
}
