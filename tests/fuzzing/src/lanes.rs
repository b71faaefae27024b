//! The lanes against other libraries: the bare arithmetic against big numbers, the verdicts against AWS-LC.
use crate::smooth::Key;
use aws_lc_rs::digest;
use aws_lc_rs::signature::{self as lc, ParsedPublicKey, VerificationAlgorithm};
use countersign_keys_lanes::{Job, Lanes, Prepared, Rejected};
use num_bigint::BigUint;
use std::fmt;

/// Most values or signatures of one comparison: two turns of all lanes and a part of a third.
const MOST: usize = 20;

/// What stands before a digest (RFC 8017, section 9.2, note 1), its hash, and AWS-LC's verifier.
type Row = (&'static [u8], &'static digest::Algorithm, &'static dyn VerificationAlgorithm);

#[rustfmt::skip]
const HASHES: [Row; 4] = [
    (&[0x30, 0x21, 0x30, 0x09, 0x06, 0x05, 0x2b, 0x0e, 0x03, 0x02, 0x1a, 0x05, 0x00, 0x04, 0x14],
        &digest::SHA1_FOR_LEGACY_USE_ONLY, &lc::RSA_PKCS1_2048_8192_SHA1_FOR_LEGACY_USE_ONLY),
    (&[0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00, 0x04, 0x20],
        &digest::SHA256, &lc::RSA_PKCS1_2048_8192_SHA256),
    (&[0x30, 0x41, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x02, 0x05, 0x00, 0x04, 0x30],
        &digest::SHA384, &lc::RSA_PKCS1_2048_8192_SHA384),
    (&[0x30, 0x51, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x03, 0x05, 0x00, 0x04, 0x40],
        &digest::SHA512, &lc::RSA_PKCS1_2048_8192_SHA512),
];

/// Whether this CPU has lanes to compare.
#[must_use]
pub fn available() -> bool {
    Lanes::new().is_some()
}

/// The fuzz target: what to compare is drawn from the input, and from a stream that it starts when it ends.
pub fn lanes(data: &[u8]) -> u64 {
    let mut tally = Tally::default();
    compare(&mut Draw::new(data), &mut tally);
    tally.accepted * 64 + tally.rejected
}

/// One comparison of the arithmetic and one of verdicts; does nothing where there are no lanes.
///
/// # Panics
/// At a difference, with the numbers that show it.
pub fn compare(draw: &mut Draw<'_>, tally: &mut Tally) {
    let Some(lanes) = Lanes::new() else { return };
    if draw.below(2) == 0 { arithmetic(lanes, draw, tally) } else { verdicts(lanes, draw, tally) }
}

/// What was compared.
#[derive(Default)]
pub struct Tally {
    values: u64,
    accepted: u64,
    rejected: u64,
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { values, accepted, rejected } = self;
        write!(
            f,
            "{values} powers and {} verdicts ({accepted} good, {rejected} not) compared",
            accepted + rejected
        )
    }
}

/// Numbers from the input first, then from a stream.
pub struct Draw<'d> {
    data: &'d [u8],
    state: u64,
}

impl<'d> Draw<'d> {
    /// Starts with the input.
    #[must_use]
    pub fn new(data: &'d [u8]) -> Self {
        let state = data.iter().fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| {
            (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
        });
        Self { data, state }
    }

    fn number(&mut self) -> u64 {
        if let Some((bytes, rest)) = self.data.split_first_chunk() {
            self.data = rest;
            return u64::from_le_bytes(*bytes);
        }
        // SplitMix64.
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.state ^ (self.state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, end: usize) -> usize {
        let end = u64::try_from(end.max(1)).unwrap_or(1);
        usize::try_from(self.number() % end).unwrap_or(0)
    }

    fn size(&mut self) -> u64 {
        [2048, 2048, 3072, 4096].get(self.below(4)).copied().unwrap_or(2048)
    }

    /// A number of about so many bits: random, or built of limbs where carries run far.
    fn wide(&mut self, bits: u64) -> BigUint {
        let ones = (1_u64 << 52) - 1;
        let style = self.below(4);
        let mut number = BigUint::ZERO;
        while number.bits() < bits + 52 {
            let random = self.number() & ones;
            let limb = match (style, random % 8) {
                (0, _) | (2, 7) => random,
                (1, 0..=5) | (2, 0..=3) => ones,
                (2 | 3, 4..=5) => 1 << (random % 52),
                (2, 6) => ones ^ (1 << (random % 52)),
                (3, 0) => ones,
                _ => 0,
            };
            // The first limb is never zero, so that the number grows.
            let limb = if number.bits() == 0 { limb | 1 } else { limb };
            number = (number << 52_u8) | BigUint::from(limb);
        }
        number
    }

    fn modulus(&mut self, bits: u64) -> BigUint {
        let one = BigUint::from(1_u8);
        let top = &one << bits;
        let mut n = match self.below(8) {
            0 => &top - (self.number() | 1),
            1 => (&top >> 1_u8) + (self.number() | 1),
            2 => &top - (&one << (52 * self.below(40))),
            _ => self.wide(bits),
        } % &top;
        n.set_bit(0, true);
        n.set_bit(bits - 1, true);
        n
    }

    fn value(&mut self, n: &BigUint) -> BigUint {
        let near = BigUint::from(self.number() % 4);
        match self.below(10) {
            0 => near,
            1 => n - near,
            2 => n + near,
            3 => (n >> 1_u8) + near,
            4 => BigUint::from(1_u8) << self.below(usize::try_from(n.bits()).unwrap_or(1)),
            // Not below the modulus more often than not.
            5 => self.wide(n.bits()) & ((BigUint::from(1_u8) << n.bits()) - 1_u8),
            _ => self.wide(n.bits()) % n,
        }
    }
}

/// `s^65537 mod n` for moduli that need not be of RSA's form.
fn arithmetic(lanes: Lanes, draw: &mut Draw<'_>, tally: &mut Tally) {
    let count = 1 + draw.below(MOST);
    let mut drawn = Vec::new();
    for _ in 0..count {
        let bits = draw.size();
        let n = draw.modulus(bits);
        let s = draw.value(&n);
        drawn.push((Prepared::new(&n.to_bytes_be(), &[1, 0, 1]), full(&s, &n), n, s));
    }
    let work: Vec<(&Prepared, &[u8])> = drawn
        .iter()
        .map(|(key, bytes, n, _)| {
            let Some(key) = key else { panic!("a modulus was not taken: {n:x}") };
            (key, bytes.as_slice())
        })
        .collect();
    let results = lanes.raise(&work);
    for ((_, _, n, s), found) in drawn.iter().zip(results) {
        let wanted = (s < n).then(|| full(&s.modpow(&BigUint::from(65537_u32), n), n));
        assert!(
            found == wanted,
            "{s:x} to the power of 65537 modulo {n:x}: found {found:02x?}, wanted {wanted:02x?}"
        );
        tally.values += 1;
    }
}

/// Verdicts on signatures that are good, nearly good, and not good at all.
fn verdicts(lanes: Lanes, draw: &mut Draw<'_>, tally: &mut Tally) {
    let count = 1 + draw.below(MOST);
    let mut drawn = Vec::new();
    for _ in 0..count {
        let bits = draw.size();
        let key = Key::new(bits, &mut |end| draw.below(end));
        let Some((prefix, hash, verifier)) = HASHES.get(draw.below(HASHES.len())) else { return };
        let message = draw.number().to_le_bytes();
        let info = [prefix, digest::digest(hash, &message).as_ref()].concat();
        let (signature, is_good) = signed(&key, &info, draw);
        let Ok(scalar) = ParsedPublicKey::new(*verifier, pkcs1(&key.n)) else {
            panic!("AWS-LC does not take the modulus {:x}", key.n)
        };
        let wanted = scalar.verify_sig(&message, &signature).is_ok();
        assert!(wanted || !is_good, "a good signature was not accepted, modulus {:x}", key.n);
        drawn.push((Prepared::new(&key.n.to_bytes_be(), &[1, 0, 1]), signature, info, wanted, key.n));
    }
    let jobs: Vec<Job<'_>> = drawn
        .iter()
        .map(|(key, signature, digest_info, _, n)| {
            let Some(key) = key else { panic!("a modulus was not taken: {n:x}") };
            Job { key, signature, digest_info }
        })
        .collect();
    let mut outcomes = vec![Err(Rejected); jobs.len()];
    lanes.verify_slice(&jobs, &mut outcomes);
    for ((_, signature, info, wanted, n), outcome) in drawn.iter().zip(outcomes) {
        assert!(
            outcome.is_ok() == *wanted,
            "AWS-LC says {wanted} and the lanes do not: modulus {n:x}, signature {signature:02x?}, signed {info:02x?}"
        );
        *if *wanted { &mut tally.accepted } else { &mut tally.rejected } += 1;
    }
}

/// A signature, and whether it must be accepted.
fn signed(key: &Key, info: &[u8], draw: &mut Draw<'_>) -> (Vec<u8>, bool) {
    let bytes = key.n.to_bytes_be().len();
    let mut encoded = vec![0xff; bytes - info.len()];
    encoded.extend_from_slice(info);
    let separator = bytes - info.len() - 1;
    for (at, byte) in [(0, 0), (1, 1), (separator, 0)] {
        set(&mut encoded, at, |_| byte);
    }
    // First what is signed, then the signature itself.
    let kind = draw.below(12);
    let flip = 1 << draw.below(8);
    match kind {
        0 => set(&mut encoded, draw.below(bytes), |byte| byte ^ flip),
        1 => set(&mut encoded, 2 + draw.below(separator - 2), |byte| byte ^ flip),
        2 => set(&mut encoded, separator + 1 + draw.below(info.len()), |byte| byte ^ flip),
        3 => set(&mut encoded, draw.below(2), |byte| byte ^ flip),
        // Less padding, and something behind the digest info.
        4 => {
            let more = 1 + draw.below(separator - 2);
            encoded.drain(2..2 + more);
            encoded.resize(bytes, 0);
        }
        // The digest info without its NULL.
        5 => {
            let null = info.windows(2).position(|two| two == [5, 0]).unwrap_or(0) + separator + 1;
            encoded.drain(null..null + 2);
            encoded.splice(2..2, [0xff; 2]);
        }
        _ => {}
    }
    let root = key.root(&(BigUint::from_bytes_be(&encoded) % &key.n));
    let mut signature = full(&root, &key.n);
    match kind {
        6 => set(&mut signature, draw.below(bytes), |byte| byte ^ flip),
        7 => signature = full(&draw.value(&key.n), &key.n),
        8 => signature = full(&(&root + &key.n), &key.n),
        9 => signature = full(&(&key.n - &root), &key.n),
        10 if flip > 8 => signature.insert(0, 0),
        10 => drop(signature.pop()),
        _ => {}
    }
    (signature, kind > 10)
}

fn set(bytes: &mut [u8], at: usize, to: impl FnOnce(u8) -> u8) {
    if let Some(byte) = bytes.get_mut(at) {
        *byte = to(*byte);
    }
}

/// A number at the length of a modulus, or longer when it does not fit.
fn full(number: &BigUint, modulus: &BigUint) -> Vec<u8> {
    let (bytes, short) = (modulus.to_bytes_be().len(), number.to_bytes_be());
    [vec![0; bytes.saturating_sub(short.len())], short].concat()
}

/// The DER of a PKCS#1 public key with the exponent 65537.
fn pkcs1(n: &BigUint) -> Vec<u8> {
    let sized = |tag: u8, body: &[u8]| {
        let len = u16::try_from(body.len()).unwrap_or(u16::MAX).to_be_bytes();
        [&[tag, 0x82], &len[..], body].concat()
    };
    // The top bit is set, so that a zero has to stand before it.
    let number = [&[0][..], &n.to_bytes_be()].concat();
    sized(0x30, &[sized(0x02, &number), vec![0x02, 0x03, 0x01, 0x00, 0x01]].concat())
}
