//! Keys in no file, from end to end: shown, signed with, sent by the sidecar, and proved with when the next key is registered.
use crate::run::{Place, Ran, Server};
use std::fs;
use std::process::{Child, Command, Stdio};

const MODULE: &str = "/usr/lib/softhsm/libsofthsm2.so";

struct Agent(Child);

impl Drop for Agent {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Runs with these variables.
fn run(place: &Place, line: &str, variables: &[(&str, &str)]) -> Ran {
    let words: Vec<&str> = line.split(' ').collect();
    Ran::of(place.command(&words).envs(variables.iter().copied()).stdin(Stdio::null()).output().unwrap())
}

#[test]
fn an_agents_key_signs_requests_and_proves_its_successor() {
    let place = Place::new();
    let socket = place.path("agent");
    let started = Command::new("ssh-agent").args(["-D", "-a"]).arg(&socket).stdout(Stdio::null()).spawn();
    let _agent = Agent(started.unwrap());
    while !socket.exists() {
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    let variables = [("SSH_AUTH_SOCK", socket.to_str().unwrap())];
    let ssh = |program: &str, arguments: &[&str]| {
        let mut command = Command::new(program);
        command.current_dir(place.folder.path()).envs(variables).args(arguments);
        assert!(command.status().unwrap().success());
    };
    ssh("ssh-keygen", &["-q", "-N", "", "-t", "ed25519", "-C", "work", "-f", "ed"]);
    ssh("ssh-keygen", &["-q", "-N", "", "-t", "rsa", "-b", "2048", "-C", "old", "-f", "rsa"]);
    ssh("ssh-add", &["-q", "ed", "rsa"]);
    // The agent has them now; nothing reads these files any more.
    fs::remove_file(place.path("ed")).unwrap();
    fs::remove_file(place.path("rsa")).unwrap();
    let run = |line: &str| run(&place, line, &variables);
    let shown = run("--json key show ssh-agent:work").json();
    assert_eq!(shown["jwk_thumbprint"], run("--json key show ed.pub").json()["jwk_thumbprint"]);
    let print = shown["openssh"].as_str().unwrap().to_owned();
    for (key, file) in [
        ("ssh-agent:work", "ed.pub"),
        (&format!("ssh-agent:{print}"), "ed.pub"),
        ("ssh-agent:old", "rsa.pub"),
    ] {
        place.write("token", &run(&format!("sign -d asymmetric-jwt -k {key} --as me --token")).ok());
        run(&format!("verify token -d asymmetric-jwt --key {file} --as me")).ok();
    }
    let server = Server::with(
        &place,
        "[[route]]\nname = \"open\"\npath = \"/open/\"\ndialects = [\"asymmetric-jwt\"]\nupstream = \"http://127.0.0.1:9\"\n",
    );
    let manage = &server.manage;
    run(&format!("account add me --identifier user=me --server {manage}")).ok();
    let key =
        run(&format!("--json key register me --file ed.pub -d asymmetric-jwt --server {manage}")).json();
    let id = key["id"].as_str().unwrap();
    // Let in, and passed on to nobody: 502 is the upstream's.
    run(&format!("request GET {}/open/x -d asymmetric-jwt -k ssh-agent:work --as me", server.public))
        .fails(5, &["502"]);
    run("key new next.pem").ok();
    run(&format!("key rotate {id} --file next.pem.pub --keep 1h --prove ssh-agent:old --server {manage}"))
        .fails(6, &["--prove"]);
    run(&format!("key rotate {id} --file next.pem.pub --keep 1h --prove ssh-agent:work --server {manage}"))
        .ok();
    run("sign -d asymmetric-jwt -k ssh-agent:none --as me").fails(6, &["SHA256:", "work"]);
    run("sign -d asymmetric-jwt -k ssh-agent: --as me").fails(2, &["several"]);
    run("snippet -d asymmetric-jwt -k ssh-agent:work --as me --language python https://h/x")
        .fails(2, &["sidecar"]);
    place.run("sign -d asymmetric-jwt -k ssh-agent:work --as me").fails(2, &["SSH_AUTH_SOCK"]);
    // Agents do not sign PS256: the dialect's next algorithm is taken, and the one that was asked for is refused.
    run("sign -d asymmetric-jwt -k ssh-agent:old --as me --algorithm RS384").fails(2, &["RS"]);
}

#[test]
fn a_tokens_key_signs_for_whoever_has_the_pin() {
    let place = Place::new();
    fs::create_dir(place.path("tokens")).unwrap();
    place.write(
        "softhsm2.conf",
        &format!("directories.tokendir = {}\nlog.level = ERROR\n", place.path("tokens").display()),
    );
    place.write("pin", "9876\n");
    place.write("wrong", "0000\n");
    place.run("key new a.pem").ok();
    place.run("key new b.pem --for skykit --bits 2048").ok();
    let config = place.path("softhsm2.conf");
    let config = ("SOFTHSM2_CONF", config.to_str().unwrap());
    let softhsm = |arguments: &[&str]| {
        let mut command = Command::new("softhsm2-util");
        let ended = command.current_dir(place.folder.path()).envs([config]).args(arguments).output().unwrap();
        assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));
    };
    softhsm(&["--init-token", "--free", "--label", "box", "--pin", "9876", "--so-pin", "1234"]);
    for (file, id) in [("a.pem", "01"), ("b.pem", "02")] {
        softhsm(&["--import", file, "--token", "box", "--label", file, "--id", id, "--pin", "9876"]);
        fs::remove_file(place.path(file)).unwrap();
    }
    let module = ("COUNTERSIGN_PKCS11_MODULE", MODULE);
    let key = format!("pkcs11:token=box;object=a.pem?module-path={MODULE}");
    let source = format!("pkcs11:token=box;id=%02?pin-source=file:{}", place.path("pin").display());
    let signs = |key: &str, more: &str| format!("sign -d asymmetric-jwt -k {key} --as me --token{more}");
    for (line, variables, public) in [
        (signs(&key, " --passphrase-file pin"), vec![config], "a.pem.pub"),
        (signs("pkcs11:object=a.pem", ""), vec![config, module, ("COUNTERSIGN_PIN", "9876")], "a.pem.pub"),
        (signs(&source, ""), vec![config, module], "b.pem.pub"),
    ] {
        place.write("token", &run(&place, &line, &variables).ok());
        place.run(&format!("verify token -d asymmetric-jwt --key {public} --as me")).ok();
    }
    let shown =
        run(&place, "--json key show pkcs11:object=a.pem --passphrase-file pin", &[config, module]).json();
    assert_eq!(shown["jwk_thumbprint"], place.run("--json key show a.pem.pub").json()["jwk_thumbprint"]);
    for (line, code, words) in [
        (signs("pkcs11:object=a.pem", " --passphrase-file wrong"), 2, "does not take the PIN"),
        (signs("pkcs11:object=a.pem", ""), 2, "--passphrase-file"),
        (signs("pkcs11:object=c.pem", " --passphrase-file pin"), 6, "object=a.pem"),
        (signs("pkcs11:token=none", " --passphrase-file pin"), 6, "\"box\""),
        (signs("pkcs11:object=a.pem?pin-value=9876", ""), 2, "pin-source"),
        (signs("pkcs11:object=a.pem;colour=red", ""), 2, "colour"),
    ] {
        let ran = run(&place, &line, &[config, module]);
        assert!(!ran.err.contains("0000"), "{}", ran.err);
        ran.fails(code, &[words]);
    }
    run(&place, &signs("pkcs11:object=a.pem", ""), &[config])
        .fails(2, &["module-path", "COUNTERSIGN_PKCS11_MODULE"]);
}
