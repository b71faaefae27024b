//! Crates and what they may depend on, compared with what cargo says they do.
use crate::run::{cargo, quiet};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

/// Every edge between our crates that the floors allow; all point down.
const EDGES: &[(&str, &[&str])] = &[
    ("keys-lc", &[]),
    ("keys-lanes", &[]),
    // Only `keys` makes outcomes, so only it may call the lanes; whether they run is decided by who makes a `keys::Lanes`.
    ("keys", &["keys-lc", "keys-lanes"]),
    ("countersign", &["keys"]),
    // Keys that others hold: it needs public keys and the trait of a signer, and knows nothing of requests.
    ("custody", &["keys"]),
    ("dialects", &["countersign"]),
    ("store", &["countersign", "keys"]),
    ("store-sqlite", &["store", "countersign", "keys"]),
    ("store-postgres", &["store", "countersign", "keys"]),
    ("store-redis", &["store", "countersign"]),
    ("guard", &["store", "dialects", "countersign", "keys"]),
    ("client", &["dialects", "countersign", "keys"]),
    ("testkit", &["guard", "store", "dialects", "countersign", "keys"]),
    ("envoy", &["guard", "countersign"]),
    // What a package in another language stands on: both halves, in plain types.
    ("embedded", &["guard", "client", "store", "dialects", "countersign", "keys"]),
    // What is told of requests, and nothing that decides about them.
    ("traces", &[]),
    (
        "server",
        &[
            "envoy",
            "traces",
            "guard",
            "store",
            "store-sqlite",
            "store-postgres",
            "store-redis",
            "dialects",
            "countersign",
            "keys",
        ],
    ),
    // The command line opens stores through the server's one place for that, and judges offline through the guard.
    ("cli", &["server", "client", "custody", "guard", "store", "dialects", "countersign", "keys"]),
];

/// The closed lists: all that the crates of the lowest floors may use from outside.
const CLOSED: &[(&str, &[&str])] = &[
    ("keys-lc", &["aws-lc-sys"]),
    ("keys-lanes", &[]),
    (
        "keys",
        &[
            "aws-lc-rs",
            "spki",
            "pkcs1",
            "pkcs8",
            "sec1",
            "der",
            "pem-rfc7468",
            "ssh-key",
            "base64ct",
            "zeroize",
            "subtle",
            "serde",
            "serde_json",
        ],
    ),
    ("countersign", &["http", "serde", "toml", "base64ct", "smallvec", "subtle", "zeroize"]),
];

/// What must not come in below the core by any way.
const NEVER_BELOW: &[&str] = &["tokio", "hyper", "sqlx", "tracing", "rand"];

/// The only crates that may ask the compiler for unsafe code by name.
const UNSAFE: &[&str] = &["keys-lc", "keys-lanes"];

/// Native halves of packages in other languages: what writes them out for an interpreter is unsafe code of macros, which cannot stand in a crate
/// that forbids it, so that these deny it by a table of their own.
const BINDINGS: &[&str] = &["python", "node"];

/// A crate of the workspace.
pub(crate) struct Package {
    /// Its full name.
    pub(crate) name: String,
    /// Its folder.
    pub(crate) folder: PathBuf,
    /// Whether it lies below `crates/`, and so stands on a floor.
    pub(crate) on_a_floor: bool,
    normal: BTreeSet<String>,
    outside: BTreeSet<String>,
}

/// All crates.
pub(crate) struct Workspace {
    pub(crate) packages: Vec<Package>,
}

impl Workspace {
    /// As cargo tells it.
    ///
    /// # Errors
    /// When cargo cannot.
    pub(crate) fn read() -> Result<Self, String> {
        let text = quiet(cargo(&["metadata", "--format-version", "1", "--no-deps"]))?;
        let metadata: Value =
            serde_json::from_str(&text).map_err(|error| format!("cargo metadata: {error}"))?;
        let list = |value: &Value, name: &str| {
            value.get(name).and_then(Value::as_array).cloned().unwrap_or_default()
        };
        let text = |value: &Value, name: &str| {
            value.get(name).and_then(Value::as_str).unwrap_or_default().to_owned()
        };
        let packages = list(&metadata, "packages");
        let folder = |package: &Value| {
            let manifest = PathBuf::from(text(package, "manifest_path"));
            manifest.parent().map(PathBuf::from).unwrap_or_default()
        };
        let ours: BTreeSet<String> = packages.iter().map(|package| text(package, "name")).collect();
        let packages = packages.iter().map(|package| {
            // Dependencies for tests and examples never reach who uses the crate.
            let normal = list(package, "dependencies").into_iter().filter(|one| text(one, "kind") != "dev");
            let normal: BTreeSet<String> = normal.map(|one| text(&one, "name")).collect();
            let folder = folder(package);
            Package {
                name: text(package, "name"),
                on_a_floor: folder.parent().is_some_and(|above| above.ends_with("crates")),
                folder,
                outside: normal.difference(&ours).cloned().collect(),
                normal: normal.intersection(&ours).cloned().collect(),
            }
        });
        Ok(Self { packages: packages.collect() })
    }

    pub(crate) fn floors(&self) -> impl Iterator<Item = &Package> {
        self.packages.iter().filter(|package| package.on_a_floor)
    }
}

/// The name without the common beginning.
pub(crate) fn short(name: &str) -> &str {
    name.strip_prefix("countersign-").unwrap_or(name)
}

/// Compares the edges.
pub(crate) fn edges(workspace: &Workspace, faults: &mut Vec<String>) -> u64 {
    let allowed: BTreeMap<&str, &[&str]> = EDGES.iter().copied().collect();
    let mut made = 0;
    for package in workspace.floors() {
        let name = short(&package.name);
        let Some(may) = allowed.get(name) else {
            faults.push(format!("crate {name} is on no floor; give it one in the list of edges"));
            continue;
        };
        for used in package.normal.iter().map(|used| short(used)) {
            made += 1;
            if !may.contains(&used) {
                faults
                    .push(format!("{name} -> {used} is no allowed edge; {name} may use {}", may.join(", ")));
            }
        }
    }
    made
}

/// Compares the closed lists, and what comes in through them.
///
/// # Errors
/// When cargo cannot tell.
pub(crate) fn closed_lists(workspace: &Workspace, faults: &mut Vec<String>) -> Result<u64, String> {
    let mut made = 0;
    for (name, list) in CLOSED {
        let package = workspace.floors().find(|package| short(&package.name) == *name);
        let package = package.ok_or_else(|| format!("there is no crate {name}"))?;
        for used in &package.outside {
            made += 1;
            if !list.contains(&used.as_str()) {
                faults.push(format!("{name} uses {used}, which is not on its closed list"));
            }
        }
        let tree =
            quiet(cargo(&["tree", "--package", &package.name, "--edges", "normal", "--prefix", "none"]))?;
        let below: BTreeSet<&str> = tree.lines().filter_map(|line| line.split(' ').next()).collect();
        for never in NEVER_BELOW {
            made += 1;
            if below.contains(never) {
                faults.push(format!(
                    "{never} comes in below {name}; `cargo tree -p {} -i {never}` shows how",
                    package.name
                ));
            }
        }
    }
    Ok(made)
}

/// Every manifest keeps the workspace's lints; unsafe code stays where it is named.
///
/// # Errors
/// When a manifest cannot be read.
pub(crate) fn manifests(workspace: &Workspace, faults: &mut Vec<String>) -> Result<u64, String> {
    let mut made = 0;
    for package in &workspace.packages {
        made += 1;
        let path = package.folder.join("Cargo.toml");
        let text = std::fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        let inherits = text.contains("[lints]\nworkspace = true");
        let may = [UNSAFE, BINDINGS].iter().any(|list| list.contains(&short(&package.name)));
        let own = may && text.contains("[lints.rust]\nunsafe_code = \"deny\"");
        if !inherits && !own {
            faults.push(format!("{} does not keep the workspace's lints", path.display()));
        }
    }
    Ok(made)
}
