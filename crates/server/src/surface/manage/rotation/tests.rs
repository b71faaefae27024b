//! Rotation proofs: who may vouch, over which text, and when.
use super::*;
use countersign::base64::{Alphabet, encode};
use countersign::life::key::KeyLife;
use countersign_keys::{Algorithm, KeyKind, PrivateKey};

const NOW: i64 = 1_700_000_000;

fn record(id: &str, key: &PrivateKey, state: KeyState) -> KeyRecord {
    KeyRecord {
        id: id.into(),
        account: "acc_1".into(),
        label: id.into(),
        spki: key.public_key().spki_der().to_vec(),
        life: KeyLife { state, ..KeyLife::ACTIVE },
        dialects: vec!["skykit".into()],
        algorithms: vec![],
        methods: vec![],
        paths: vec![],
        networks: vec![],
        created: Time::from_seconds(NOW),
        last_used: None,
        last_address: None,
    }
}

fn proof(signer: &PrivateKey, named: Option<&str>, text: &str, time: i64) -> RotationProof {
    let signature = signer.sign(Algorithm::Ed25519, text.as_bytes()).unwrap();
    RotationProof {
        key: named.map(str::to_owned),
        time,
        signature: encode(Alphabet::Url, signature.as_ref()),
    }
}

#[test]
fn the_old_key_or_one_kept_for_recovery_signs_over_exactly_this_change() {
    let make = || PrivateKey::generate(KeyKind::Ed25519, 0).unwrap();
    let (old_key, recovery, other, new) = (make(), make(), make(), make());
    let old = record("key_old", &old_key, KeyState::Active);
    let own = [
        old.clone(),
        record("key_spare", &recovery, KeyState::Recovery),
        record("key_other", &other, KeyState::Active),
    ];
    let print = new.public_key().fingerprints().spki_sha256_hex;
    let text = format!("countersign key rotation 1\nacc_1\nkey_old\n{print}\n{NOW}");
    let now = |seconds: i64| Time::from_seconds(NOW + seconds);
    let judged = |proof: &RotationProof, seconds| {
        vouching(proof, &old, &own, new.public_key(), now(seconds), "old_proof")
            .map_err(|problem| problem.code().to_owned())
    };
    assert_eq!(judged(&proof(&old_key, None, &text, NOW), 0), Ok("key_old".into()));
    assert_eq!(judged(&proof(&old_key, Some("key_old"), &text, NOW), 300), Ok("key_old".into()));
    assert_eq!(judged(&proof(&recovery, Some("key_spare"), &text, NOW), 0), Ok("key_spare".into()));
    let refused = Err("bad-rotation-proof".to_owned());
    assert_eq!(judged(&proof(&old_key, None, &text, NOW), 301), refused, "made too long ago");
    assert_eq!(judged(&proof(&old_key, None, &text, NOW + 1), 0), refused, "another time than was signed");
    assert_eq!(judged(&proof(&other, Some("key_other"), &text, NOW), 0), refused, "a key that is neither");
    assert_eq!(judged(&proof(&other, None, &text, NOW), 0), refused, "not the key it says");
    assert_eq!(judged(&proof(&recovery, Some("key_nobody"), &text, NOW), 0), refused);
    for wrong in ["acc_2\nkey_old", "acc_1\nkey_other"] {
        let text = format!("countersign key rotation 1\n{wrong}\n{print}\n{NOW}");
        assert_eq!(judged(&proof(&old_key, None, &text, NOW), 0), refused, "{wrong}");
    }
    let possession = format!("countersign key possession 1\nacc_1\n{print}\n{NOW}");
    assert_eq!(judged(&proof(&old_key, None, &possession, NOW), 0), refused, "a proof of something else");
}

#[test]
fn a_key_that_no_longer_counts_vouches_for_nothing() {
    let (old_key, new) =
        (PrivateKey::generate(KeyKind::Ed25519, 0).unwrap(), PrivateKey::generate(KeyKind::P256, 0).unwrap());
    let print = new.public_key().fingerprints().spki_sha256_hex;
    let text = format!("countersign key rotation 1\nacc_1\nkey_old\n{print}\n{NOW}");
    let proof = proof(&old_key, None, &text, NOW);
    let until = Time::MAX;
    for state in [KeyState::Pending, KeyState::Retiring { until }, KeyState::Disabled, KeyState::Revoked] {
        let old = record("key_old", &old_key, state);
        let judged = vouching(
            &proof,
            &old,
            std::slice::from_ref(&old),
            new.public_key(),
            Time::from_seconds(NOW),
            "old_proof",
        );
        let code = match state {
            // One that was switched off may be replaced, on the word of another key.
            KeyState::Disabled => "bad-rotation-proof",
            KeyState::Retiring { .. } => "key-retiring",
            _ => "key-state",
        };
        assert_eq!(judged.unwrap_err().code(), code, "{state:?}");
    }
}
