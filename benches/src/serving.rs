//! The real program on one core beside bare hyper servers on the same core: CPU time a request and requests a second.
use crate::load;
use crate::measure::{Table, count, median, unix_seconds};
use crate::process::{Running, built, free_address};
use crate::token::{all_cores, token};
use countersign::life::key::KeyLife;
use countersign::time::Time;
use countersign_keys::{Algorithm, KeyKind, PrivateKey};
use countersign_store::model::{Account, Identifier, KeyRecord, Record, Write};
use countersign_store::registry::Registry;
use countersign_store_sqlite::SqliteStore;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

/// Rounds; every server is started afresh in each, and the median round counts.
const ROUNDS: usize = 5;
/// Requests a case and round. Fresh tokens are as many, so that none is seen twice by one server.
const REQUESTS: usize = 16_000;
/// Requests before anything is measured.
const WARM: usize = 1_000;
pub(crate) const HOST: &str = "api.bench.example";
/// Where the bare servers look for the keys they check with: their source is used as it is, this placeholder included.
const PLACEHOLDER: &str = "@BENCH@/keys";

/// What is sent to which server.
struct Case {
    name: &'static str,
    server: Server,
    file: PathBuf,
    status: u16,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Server {
    /// Bare hyper that says "ok".
    Bare,
    /// Bare hyper that checks a token with one fixed key.
    Checking,
    /// Ours.
    Ours,
}

/// CPU microseconds a request, and requests a second.
#[derive(Clone, Copy)]
struct Cost {
    cpu: f64,
    rate: f64,
}

/// Measures it.
pub(crate) fn run(table: &mut Table) -> Result<(), String> {
    let (ours, bare) = (built("COUNTERSIGN_BENCH_PROGRAM")?, built("COUNTERSIGN_BENCH_BARE")?);
    let scratch = tempfile::tempdir().map_err(|error| error.to_string())?;
    let folder = scratch.path();
    let now = unix_seconds();
    let key = prepare(folder, now)?;
    let cases = cases(folder, &key, now)?;
    let mut costs: Vec<Vec<Cost>> = vec![Vec::new(); cases.len()];
    for _ in 0..ROUNDS {
        let servers = [
            start(&bare, Server::Bare, folder)?,
            start(&bare, Server::Checking, folder)?,
            start(&ours, Server::Ours, folder)?,
        ];
        for (case, costs) in cases.iter().zip(&mut costs) {
            let found = servers.iter().find(|(server, ..)| *server == case.server);
            let (_, running, address) = found.ok_or("no server for the case")?;
            if !case.name.contains("fresh") {
                load::send(*address, &case.file, case.status, WARM)?;
            }
            let before = running.cpu()?;
            let seconds = load::send(*address, &case.file, case.status, REQUESTS)
                .map_err(|error| format!("{}: {error}", case.name))?;
            let cpu = (running.cpu()? - before) * 1e6 / count(REQUESTS);
            costs.push(Cost { cpu, rate: count(REQUESTS) / seconds });
        }
    }
    tell(table, &cases, costs)
}

fn tell(table: &mut Table, cases: &[Case], costs: Vec<Vec<Cost>>) -> Result<(), String> {
    let medians: Vec<Cost> = costs
        .into_iter()
        .map(|costs| Cost {
            cpu: median(costs.iter().map(|cost| cost.cpu).collect()),
            rate: median(costs.iter().map(|cost| cost.rate).collect()),
        })
        .collect();
    let of = |name: &str| {
        let found = cases.iter().zip(&medians).find(|(case, _)| case.name == name);
        found.map(|(_, cost)| *cost).ok_or_else(|| format!("{name} was not measured"))
    };
    let (bare, checking) = (of("bare hyper, ok")?, of("bare hyper, fresh RS256 token")?);
    let fresh = of("forward-auth, fresh RS256 token")?;
    for (name, cost) in
        [("bare hyper, ok", bare), ("bare hyper with one fixed key, fresh RS256 token", checking)]
    {
        table.add(name, format!("{:.1} us of CPU, {:.0} a second", cost.cpu, cost.rate), "");
    }
    for (name, floor, told, bound) in [
        ("forward-auth, no credential", bare, "bare", "at most 1.5 x"),
        ("forward-auth, malformed credential", bare, "bare", "at most 1.5 x"),
        ("forward-auth, reused RS256 token", bare, "bare", "at most 1.35 x"),
        ("forward-auth, bad signature", fresh, "an accepted one", "at most 1.1 x"),
    ] {
        let cost = of(name)?;
        let figure = format!(
            "{:.2} x {told} ({:.1} us of CPU, {:.0} a second)",
            cost.cpu / floor.cpu,
            cost.cpu,
            cost.rate
        );
        table.add(name, figure, bound);
    }
    let figure = format!(
        "{:.2} x bare with one key in requests a second ({:.1} us of CPU, {:.2} x; {:.0} a second)",
        fresh.rate / checking.rate,
        fresh.cpu,
        fresh.cpu / checking.cpu,
        fresh.rate
    );
    table.add("forward-auth, fresh RS256 token", figure, "at least 0.95 x");
    Ok(())
}

fn start(program: &Path, server: Server, folder: &Path) -> Result<(Server, Running, SocketAddr), String> {
    let address = free_address()?;
    let text = address.to_string();
    let config = folder.join("server.toml");
    let arguments = match server {
        Server::Bare => vec!["ok".to_owned(), text],
        Server::Checking => vec!["verify".to_owned(), text],
        Server::Ours => {
            // The bare servers write no line for a request, so ours writes none either.
            let described = format!(
                "version = 1\n[server]\nlog = \"warn\"\npublic_url = \"https://{HOST}\"\ntrusted_proxies = [\"127.0.0.0/8\"]\n\
                 [[listener]]\naddress = \"{address}\"\nsurfaces = [\"forward-auth\"]\n\
                 [[route]]\nname = \"api\"\npath = \"/\"\ndialects = [\"skykit\"]\nupstream = \"http://127.0.0.1:9\"\n"
            );
            std::fs::write(&config, described).map_err(|error| error.to_string())?;
            let path = |path: &Path| path.display().to_string();
            let words = ["serve", "--config", &path(&config), "--data", &path(&folder.join("data"))];
            words.map(str::to_owned).to_vec()
        }
    };
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let mut running = Running::start(program, &words, folder)?;
    running.accepts(address)?;
    Ok((server, running, address))
}

/// A registry with one caller, and the same key where the bare servers look for theirs.
pub(crate) fn prepare(folder: &Path, now: u64) -> Result<PrivateKey, String> {
    let made = |kind, bits| PrivateKey::generate(kind, bits).map_err(|error| error.to_string());
    let key = made(KeyKind::Rsa, 2048)?;
    let spki = |key: &PrivateKey| key.public_key().spki_der().to_vec();
    let keys = folder.join(PLACEHOLDER);
    let end = |bytes: Vec<u8>, length: usize| bytes.into_iter().rev().take(length).rev().collect::<Vec<u8>>();
    let write = |name: &str, bytes: Vec<u8>| std::fs::write(keys.join(name), bytes);
    std::fs::create_dir_all(&keys)
        .and_then(|()| write("rsa2048.spki", spki(&key)))
        .map_err(|error| error.to_string())?;
    // The bare keys stand at the end of their DER: an uncompressed point, and 32 bytes.
    write("p256.raw", end(spki(&made(KeyKind::P256, 256)?), 65)).map_err(|error| error.to_string())?;
    write("ed25519.raw", end(spki(&made(KeyKind::Ed25519, 256)?), 32)).map_err(|error| error.to_string())?;
    let created = Time::from_seconds(i64::try_from(now).unwrap_or(0));
    let rows = caller(0, spki(&key), created, "skykit");
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
    runtime.map_err(|error| error.to_string())?.block_on(async {
        let store = SqliteStore::open(&folder.join("data")).await.map_err(|fault| fault.to_string())?;
        let writes: Vec<Write> = rows.into_iter().map(Write::Put).collect();
        store.commit(0, &writes, &[]).await.map_err(|not| format!("{not:?}"))?;
        store.close().await;
        Ok::<_, String>(())
    })?;
    Ok(key)
}

/// An account with one key.
pub(crate) fn caller(number: u64, spki: Vec<u8>, created: Time, dialect: &str) -> [Record; 2] {
    // As long as ids are: the kind and 26 letters.
    let (account, key) = (format!("acc_{number:026}"), format!("key_{number:026}"));
    let identifier = Identifier { namespace: "email".to_owned(), value: mail(number) };
    let account = Account {
        id: account,
        name: format!("caller {number}"),
        organisation: None,
        enabled: true,
        identifiers: vec![identifier],
        acts_as: Vec::new(),
        paths: Vec::new(),
        jwks_url: None,
        role: None,
        created,
    };
    let key = KeyRecord {
        id: key,
        account: account.id.clone(),
        label: "main".to_owned(),
        spki,
        life: KeyLife::ACTIVE,
        dialects: vec![dialect.to_owned()],
        algorithms: Vec::new(),
        methods: Vec::new(),
        paths: Vec::new(),
        networks: Vec::new(),
        created,
        last_used: None,
        last_address: None,
    };
    [Record::Account(account), Record::Key(key)]
}

/// The e-mail address of a caller.
pub(crate) fn mail(number: u64) -> String {
    format!("caller-{number}@example.com")
}

fn cases(folder: &Path, key: &PrivateKey, now: u64) -> Result<Vec<Case>, String> {
    let credential = |token: &str| format!("Authorization: Bearer {token}\r\n");
    let bare = |credential: &str| format!("GET / HTTP/1.1\r\nHost: localhost\r\n{credential}\r\n");
    let forwarded = |credential: &str| {
        format!(
            "GET /verify/api HTTP/1.1\r\nHost: localhost\r\nX-Forwarded-Method: GET\r\nX-Forwarded-Proto: https\r\n\
             X-Forwarded-Host: {HOST}\r\nX-Forwarded-Uri: /v1/widgets\r\n{credential}\r\n"
        )
    };
    let made = |number: usize, issuer: &str| {
        let claims = format!(
            r#"{{"iss":"{issuer}","sub":"partner-1","aud":"countersign","iat":{now},"exp":{},"jti":"{number:032x}"}}"#,
            now + 3000
        );
        token("RS256", Algorithm::RsaSha256, key, &claims)
    };
    let ours = all_cores(0..REQUESTS, |number| made(number, &mail(0)))?;
    let theirs = all_cores(0..REQUESTS, |number| made(number, "partner@example.com"))?;
    let mut spoilt = ours.clone();
    for token in &mut spoilt {
        // A letter in the middle of the signature.
        let place = token.len() - 100;
        let other = if token.get(place..=place) == Some("A") { "B" } else { "A" };
        token.replace_range(place..=place, other);
    }
    let file = |name: &str, requests: Vec<String>| {
        let path = folder.join(name);
        std::fs::write(&path, requests.join("\0")).map(|()| path).map_err(|error| error.to_string())
    };
    let all = |request: &dyn Fn(&str) -> String, tokens: &[String]| {
        tokens.iter().map(|token| request(&credential(token))).collect::<Vec<_>>()
    };
    let one = ours.first().map(|token| forwarded(&credential(token))).unwrap_or_default();
    let case = |name, server, file, status| Case { name, server, file, status };
    Ok(vec![
        case("bare hyper, ok", Server::Bare, file("bare", vec![bare("")])?, 200),
        case("forward-auth, no credential", Server::Ours, file("none", vec![forwarded("")])?, 401),
        case(
            "forward-auth, malformed credential",
            Server::Ours,
            file("malformed", vec![forwarded(&credential("a.b.c"))])?,
            401,
        ),
        case("bare hyper, fresh RS256 token", Server::Checking, file("theirs", all(&bare, &theirs))?, 200),
        case("forward-auth, fresh RS256 token", Server::Ours, file("ours", all(&forwarded, &ours))?, 200),
        case("forward-auth, bad signature", Server::Ours, file("spoilt", all(&forwarded, &spoilt))?, 401),
        case("forward-auth, reused RS256 token", Server::Ours, file("reused", vec![one])?, 200),
    ])
}
