//! Keys whose private half everybody has: printed in standards, or shown as examples by well-known tools.
use crate::digest::sha256;

/// SHA-256 of the SPKI DER, lower-case hexadecimal, and where the private half is; sorted. `tests/data/published.txt` has the keys.
const PUBLISHED: &[(&str, &str)] = &[
    (
        "06e3fd8fda29bb60ab59557de61edb0aecdb231134be30e75b455f8e1b792fa9",
        "RFC 8032, section 7.1 (and RFC 8037, appendix A)",
    ),
    ("2bd1bb0c44a897c30a7aa0991cde38d8062fe441de50da0f46825344f602e827", "RFC 7515, appendix A.3"),
    ("34571606cb7a0d71be377e671ddcccae2a169ed7733598214129231cd30c4a3c", "RFC 9421, appendix B.1.4"),
    ("51b944cdfa544d4c3273aa6bf350625a7dd53bbb6a71723274f538b19a207760", "RFC 7517, appendix A"),
    ("55f96361b78cbb84f1fc604b0718e82bd91abb46d8fc25ae871b35fbbf8b7974", "RFC 9421, appendix B.1.3"),
    ("6cfd57fd18e4ad717d03c376b75116b2c4237630fe5f82fff81a11118e026b44", "the tests of the crate ssh-key"),
    ("6fd13c2435a361e7c588cd17f55f5ad3df0177a66c1727a6a200845f4d7ab88c", "RFC 7515, appendix A.2"),
    ("72859cbaf21a0b398b1f25712bbed148b1d85a0c6b824176eb306405caa6f0b2", "RFC 9421, appendix B.1.2"),
    ("8d39ba50abe50f77b6bb8ae7b6927aff7ffbeba35ad2837c0e51e82bcbcc60d5", "RFC 8032, section 7.1"),
    ("9146ce73d6abeda5e0ab6926e7bd9b563f2f2258b488d520534a0b84ba5871df", "RFC 7515, appendix A.4"),
    ("a40f0f2e2974dc76a82df6ffe08ed0d79955c79e7ad0c20d97ae8f9246ade1c1", "the examples of jwt.io"),
    ("ad32320cf6c596d884b05381ba573aba8ddd5749b4de8f4a23a79f9a89ddaeb2", "RFC 7517, appendix A"),
    ("c73eecd318bd3813f2402a660d8a90010ca35d609d19377d5ee7af200713229f", "RFC 9421, appendix B.1.1"),
    ("deb2ded39dc26fce0e6085b6fc34bf6b5941913bbfe2ea614113cff9e004c170", "RFC 8032, section 7.1"),
    ("f56c8b01227f62ddbc16eb29a6ac0b310e276760a5e06302fa881a35146f6bc7", "the examples of jwt.io"),
];

/// Where the private half of a key is published.
pub(crate) fn source(spki: &[u8]) -> Option<&'static str> {
    let digest: String = sha256(&[spki]).iter().map(|byte| format!("{byte:02x}")).collect();
    let place = PUBLISHED.binary_search_by(|(known, _)| (*known).cmp(digest.as_str())).ok()?;
    PUBLISHED.get(place).map(|(_, source)| *source)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::Policy;
    use crate::{KeyError, read_public_key};

    #[test]
    fn every_key_of_the_list_is_refused_with_its_source() {
        let text = include_str!("../tests/data/published.txt");
        let policy = Policy { refuse_published: true, ..Policy::default() };
        let mut seen = 0;
        for line in text.lines() {
            let (named, key) = line.split_once(": ").unwrap();
            let pem = format!("-----BEGIN PUBLIC KEY-----\n{key}\n-----END PUBLIC KEY-----\n");
            match read_public_key(pem.as_bytes(), &policy) {
                Err(KeyError::Published { source }) => assert_eq!(source, named),
                other => panic!("wanted {named} refused, found {other:?}"),
            }
            assert!(read_public_key(pem.as_bytes(), &Policy::default()).is_ok(), "{named}");
            seen += 1;
        }
        assert_eq!(seen, PUBLISHED.len());
        assert!(PUBLISHED.is_sorted());
        assert_eq!(source(b"no key"), None);
    }
}
