//! Keys in a real ssh-agent and in a real SoftHSM: found by every name, and signing with every algorithm that each holder has.
#![expect(clippy::unwrap_used, reason = "tests may stop at once")]
use base64ct::{Base64, Encoding};
use countersign_custody::uri::Uri;
use countersign_custody::{NoKey, agent, token};
use countersign_keys::{Algorithm, KeyKind, KeyPair, Policy, PrivateKey, PublicKey, read_one_public_key};
use std::fs;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use tempfile::TempDir;
use zeroize::Zeroizing;

/// An ssh-agent that ends with the test.
struct Agent {
    folder: TempDir,
    running: Child,
}

impl Agent {
    fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let running = Command::new("ssh-agent")
            .args(["-D", "-a"])
            .arg(folder.path().join("agent"))
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let started = Self { folder, running };
        // Until its socket is there.
        for _ in 0..500 {
            if started.socket().exists() {
                break;
            }
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
        started
    }

    fn socket(&self) -> PathBuf {
        self.folder.path().join("agent")
    }

    /// Makes a key with ssh-keygen and adds it; gives its public half.
    fn add(&self, kind: &str, bits: &str, comment: &str) -> PublicKey {
        let file = self.folder.path().join(comment);
        let mut made = Command::new("ssh-keygen");
        made.args(["-q", "-N", "", "-t", kind, "-C", comment]).arg("-f").arg(&file);
        if !bits.is_empty() {
            made.args(["-b", bits]);
        }
        assert!(made.status().unwrap().success());
        self.run("ssh-add", &["-q", file.to_str().unwrap()]);
        read_one_public_key(&fs::read(file.with_extension("pub")).unwrap(), &Policy::default()).unwrap().key
    }

    fn run(&self, program: &str, arguments: &[&str]) {
        let mut command = Command::new(program);
        command.env("SSH_AUTH_SOCK", self.socket()).args(arguments);
        assert!(command.status().unwrap().success());
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.running.kill();
        let _ = self.running.wait();
    }
}

#[test]
fn an_agent_signs_with_every_kind_of_key_and_says_what_it_cannot() {
    let agent = Agent::start();
    assert!(agent::keys(&agent.socket()).unwrap().is_empty());
    let kinds = [
        ("ed25519", "", "ed", &[Algorithm::Ed25519][..]),
        ("rsa", "2048", "rsa", &[Algorithm::RsaSha256, Algorithm::RsaSha512]),
        ("ecdsa", "256", "p256", &[Algorithm::EcdsaP256Sha256]),
        ("ecdsa", "384", "p384", &[Algorithm::EcdsaP384Sha384]),
        ("ecdsa", "521", "p521", &[Algorithm::EcdsaP521Sha512]),
    ];
    for (kind, bits, comment, algorithms) in kinds {
        let own = agent.add(kind, bits, comment);
        let prints = own.fingerprints();
        for name in [comment, &prints.openssh, &prints.jwk_thumbprint, &prints.spki_sha256_hex] {
            let key = agent::find(&agent.socket(), name).unwrap();
            assert_eq!((key.comment(), key.public_key().spki_der()), (comment, own.spki_der()));
        }
        let key = agent::find(&agent.socket(), comment).unwrap();
        // What is given was checked against the public half. Short numbers come up once in 256 times, so many are made.
        for round in 0..if key.kind() == KeyKind::Rsa { 8 } else { 300_u32 } {
            for algorithm in algorithms {
                assert!(key.signs(*algorithm));
                key.sign(*algorithm, &round.to_be_bytes()).unwrap();
            }
        }
        for other in [Algorithm::PssSha256, Algorithm::RsaSha384, Algorithm::RsaSha1] {
            assert!(!key.signs(other));
            key.sign(other, b"x").unwrap_err();
        }
    }
    let told = agent::find(&agent.socket(), "other").unwrap_err();
    assert!(
        matches!(&told, NoKey::Missing(text) if text.contains("SHA256:") && text.contains(" p384")),
        "{told}"
    );
    let told = agent::find(&agent.socket(), "").unwrap_err();
    assert!(matches!(told, NoKey::Unclear(_)));
    let key = agent::find(&agent.socket(), "ed").unwrap();
    agent.run("ssh-add", &["-qD"]);
    let told = key.sign(Algorithm::Ed25519, b"x").unwrap_err();
    assert_eq!(told.code(), "key_elsewhere");
    assert!(told.to_string().contains("refused"), "{told}");
    drop(agent);
    assert!(key.sign(Algorithm::Ed25519, b"x").is_err());
    assert!(matches!(agent::keys(Path::new("/nonexistent/agent")), Err(NoKey::Holder(_))));
}

#[test]
fn an_agent_that_lies_is_not_believed() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("agent");
    let listener = UnixListener::bind(&socket).unwrap();
    let real = Agent::start();
    let own = real.add("ed25519", "", "ed");
    let line = own.to_openssh("");
    let blob = Base64::decode_vec(line.split(' ').nth(1).unwrap()).unwrap();
    let text = |bytes: &[u8]| [&u32::try_from(bytes.len()).unwrap().to_be_bytes()[..], bytes].concat();
    let listed = text(&[&[12, 0, 0, 0, 1][..], &text(&blob), &text(b"ed")].concat());
    let signed = |name: &[u8], signature: &[u8]| {
        text(&[&[14][..], &text(&[text(name), text(signature)].concat())].concat())
    };
    let answers = [
        listed.clone(),
        signed(b"ssh-ed25519", &[7; 64]),
        signed(b"ssh-ed25519", &[7; 3]),
        signed(b"ssh-rsa", &[7; 64]),
        text(&[14, 0, 0, 0, 9, 1]),
        text(&[]),
        vec![0xff; 4],
        vec![0, 0, 0, 9, 14],
    ];
    let count = answers.len() - 1;
    std::thread::spawn(move || {
        use std::io::{Read, Write};
        for answer in answers {
            let (mut stream, _) = listener.accept().unwrap();
            let mut buffer = [0; 4096];
            let _ = stream.read(&mut buffer).unwrap();
            stream.write_all(&answer).unwrap();
        }
    });
    let key = agent::find(&socket, "ed").unwrap();
    for _ in 0..count {
        assert_eq!(key.sign(Algorithm::Ed25519, b"x").unwrap_err().code(), "key_elsewhere");
    }
}

const MODULE: &str = "/usr/lib/softhsm/libsofthsm2.so";

/// One test for everything: the library is loaded once in a process, and its folder of tokens comes from the environment.
#[test]
fn a_token_signs_with_every_kind_of_key_for_whoever_has_the_pin() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("softhsm2.conf");
    fs::create_dir(folder.path().join("tokens")).unwrap();
    fs::write(
        &config,
        format!("directories.tokendir = {}/tokens\nlog.level = ERROR\n", folder.path().display()),
    )
    .unwrap();
    if std::env::var_os("SOFTHSM2_CONF").is_none() {
        // The library reads its environment, which a test must not change: it runs once more in one of its own.
        let again = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "a_token_signs_with_every_kind_of_key_for_whoever_has_the_pin"])
            .env("SOFTHSM2_CONF", &config)
            .output()
            .unwrap();
        assert!(again.status.success(), "{}", String::from_utf8_lossy(&again.stdout));
        return;
    }
    let config = PathBuf::from(std::env::var_os("SOFTHSM2_CONF").unwrap());
    let place = config.parent().unwrap();
    let softhsm = |arguments: &[&str]| {
        let ended = Command::new("softhsm2-util").args(arguments).output().unwrap();
        assert!(ended.status.success(), "{arguments:?} {}", String::from_utf8_lossy(&ended.stderr));
    };
    let pin = |_: &str| Ok(Zeroizing::new("9876".to_owned()));
    let uri = |text: &str| Uri::read(&format!("pkcs11:{text}")).unwrap();
    for token in ["first", "second"] {
        softhsm(&["--init-token", "--free", "--label", token, "--pin", "9876", "--so-pin", "1234"]);
    }
    let kinds = [
        (KeyKind::Ed25519, "ed", "01", &[Algorithm::Ed25519][..]),
        (
            KeyKind::Rsa,
            "rsa",
            "02",
            &[
                Algorithm::RsaSha256,
                Algorithm::RsaSha384,
                Algorithm::RsaSha512,
                Algorithm::PssSha256,
                Algorithm::PssSha384,
                Algorithm::PssSha512,
            ],
        ),
        (KeyKind::P256, "p256", "03", &[Algorithm::EcdsaP256Sha256]),
        (KeyKind::P384, "p384", "04", &[Algorithm::EcdsaP384Sha384]),
        (KeyKind::P521, "p521", "05", &[Algorithm::EcdsaP521Sha512]),
    ];
    for (kind, label, id, algorithms) in kinds {
        let own = PrivateKey::generate(kind, 2048).unwrap();
        let file = place.join(label);
        fs::write(&file, own.to_pkcs8_pem().as_bytes()).unwrap();
        let file = file.to_str().unwrap();
        softhsm(&["--import", file, "--token", "first", "--label", label, "--id", id, "--pin", "9876"]);
        for text in [format!("token=first;object={label}"), format!("token=first;id=%{id}")] {
            let key = token::open(&uri(&text), Path::new(MODULE), pin).unwrap();
            assert_eq!(key.public_key().spki_der(), own.public_key().spki_der(), "{text}");
            for algorithm in algorithms {
                assert!(key.signs(*algorithm));
                key.sign(*algorithm, b"what was checked before it is given").unwrap();
            }
            assert!(!key.signs(Algorithm::RsaSha1) && key.sign(Algorithm::RsaSha1, b"x").is_err());
            assert!(!format!("{key:?}").contains("9876"));
        }
    }
    // A token is signed in to once by a process, whoever of it opens a second key.
    let both = ["ed", "p256"].map(|label| {
        token::open(&uri(&format!("token=first;object={label}")), Path::new(MODULE), pin).unwrap()
    });
    both[0].sign(Algorithm::Ed25519, b"x").unwrap();
    both[1].sign(Algorithm::EcdsaP256Sha256, b"x").unwrap();
    let [first, second] = both;
    drop(first);
    second.sign(Algorithm::EcdsaP256Sha256, b"x").unwrap();
    drop(second);
    let no = |text: &str| token::open(&uri(text), Path::new(MODULE), pin).unwrap_err();
    assert!(matches!(no("object=ed"), NoKey::Unclear(text) if text.contains("\"second\"")));
    assert!(matches!(no("token=third"), NoKey::Missing(text) if text.contains("\"first\"")));
    assert!(
        matches!(no("token=first;object=none"), NoKey::Missing(text) if text.contains("object=p384;id=%04"))
    );
    assert!(matches!(no("token=first"), NoKey::Unclear(_)));
    let wrong = |_: &str| Ok(Zeroizing::new("0000".to_owned()));
    let told = token::open(&uri("token=first;object=ed"), Path::new(MODULE), wrong).unwrap_err();
    assert!(matches!(&told, NoKey::Pin(text) if !text.contains("0000")), "{told}");
    let told = token::open(&uri("token=first"), Path::new("/nonexistent.so"), pin).unwrap_err();
    assert!(matches!(&told, NoKey::Holder(text) if text.contains("/nonexistent.so")), "{told}");
}
