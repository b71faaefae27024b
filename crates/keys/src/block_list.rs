//! Keys that somebody decided not to take: fingerprints in a file, in the forms in which such lists are published.
use crate::digest::sha256;
use crate::numbers::Numbers;
use base64ct::{Base64Unpadded, Encoding};
use std::fmt;

/// A list of keys by fingerprint.
///
/// A line holds one fingerprint; what follows it after white space, empty lines and lines that begin with `#` say nothing. Taken are
/// the SHA-256 of the SPKI DER (64 hexadecimal digits), what `ssh-keygen -l` prints (`SHA256:…`), and the 20 hexadecimal digits
/// of Debian's `openssl-blacklist` of 2008: the second half of the SHA-1 of `Modulus=…` as `openssl rsa -modulus` prints it.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct BlockList {
    /// SHA-256 of the SPKI DER.
    spki: Vec<[u8; 32]>,
    /// SHA-256 of the key as OpenSSH writes it.
    openssh: Vec<[u8; 32]>,
    /// Half of a SHA-1 over the modulus.
    modulus: Vec<[u8; 10]>,
}

/// A line of a block list that is none.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct UnreadLine {
    /// Its number, from 1.
    pub line: usize,
}

impl BlockList {
    /// Reads a list.
    ///
    /// # Errors
    /// [`UnreadLine`] for the first line that holds something else: a list of which part is not understood protects from less than
    /// it seems to.
    pub fn read(text: &str) -> Result<Self, UnreadLine> {
        let mut list = Self::default();
        for (number, line) in (1..).zip(text.lines()) {
            let word = line.split_whitespace().next().filter(|word| !word.starts_with('#'));
            let Some(word) = word else { continue };
            list.take(word).ok_or(UnreadLine { line: number })?;
        }
        list.spki.sort_unstable();
        list.openssh.sort_unstable();
        list.modulus.sort_unstable();
        Ok(list)
    }

    /// How many fingerprints there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.spki.len().saturating_add(self.openssh.len()).saturating_add(self.modulus.len())
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether a key is on it.
    pub(crate) fn holds(&self, numbers: &Numbers, spki: &[u8]) -> bool {
        let on = |list: &[[u8; 32]], bytes: &dyn Fn() -> [u8; 32]| {
            !list.is_empty() && list.binary_search(&bytes()).is_ok()
        };
        let openssh = || sha256(&[&crate::openssh::blob(numbers)]);
        on(&self.spki, &|| sha256(&[spki])) || on(&self.openssh, &openssh) || self.holds_modulus(numbers)
    }

    fn holds_modulus(&self, numbers: &Numbers) -> bool {
        let Numbers::Rsa { n, .. } = numbers else { return false };
        if self.modulus.is_empty() {
            return false;
        }
        let digits: String = n.iter().map(|byte| format!("{byte:02X}")).collect();
        // OpenSSL prints a number, and no number begins with a nought.
        let text = format!("Modulus={}\n", digits.trim_start_matches('0'));
        let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA1_FOR_LEGACY_USE_ONLY, text.as_bytes());
        let half: Option<&[u8; 10]> = digest.as_ref().last_chunk();
        half.is_some_and(|half| self.modulus.binary_search(half).is_ok())
    }

    fn take(&mut self, word: &str) -> Option<()> {
        if let Some(base64) = word.strip_prefix("SHA256:") {
            let mut bytes = [0; 32];
            let read = Base64Unpadded::decode(base64.trim_end_matches('='), &mut bytes).ok()?;
            self.openssh.push(read.try_into().ok()?);
            return Some(());
        }
        match word.len() {
            64 => self.spki.push(hex(word)?),
            20 => self.modulus.push(hex(word)?),
            _ => return None,
        }
        Some(())
    }
}

impl fmt::Display for UnreadLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "line {}: wanted a fingerprint (64 hexadecimal digits, SHA256:…, or 20 hexadecimal digits of openssl-blacklist), found \
             something else; mend it, or put # before it",
            self.line
        )
    }
}

impl std::error::Error for UnreadLine {}

fn hex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let mut bytes = [0; N];
    let digits = text.as_bytes();
    if digits.len() != N.checked_mul(2)? || !digits.iter().all(u8::is_ascii_hexdigit) {
        return None;
    }
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks(2)) {
        *byte = u8::from_str_radix(str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests;
