//! The Debian package: built from the program and `packaging/`, and tried by installing it into an empty root.
use crate::run::{cargo, command, quiet, root, shown, target};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// What stands in the package beside what is made: source below `packaging/`, place, mode.
const FILES: &[(&str, &str, u32)] = &[
    ("debian/server.toml", "etc/countersign/server.toml", 0o644),
    ("debian/sysusers.conf", "usr/lib/sysusers.d/countersign.conf", 0o644),
    ("grafana/countersign.json", "usr/share/countersign/grafana/countersign.json", 0o644),
];
/// What dpkg itself reads and runs.
const CONTROL: &[(&str, u32)] =
    &[("conffiles", 0o644), ("postinst", 0o755), ("prerm", 0o755), ("postrm", 0o755)];
/// The shells that completions are made for, and where each looks.
const SHELLS: &[(&str, &str)] = &[
    ("bash", "usr/share/bash-completion/completions/countersign"),
    ("zsh", "usr/share/zsh/vendor-completions/_countersign"),
    ("fish", "usr/share/fish/vendor_completions.d/countersign.fish"),
];

/// Builds the program and the package.
///
/// # Errors
/// When something cannot be built.
pub(crate) fn run() -> Result<(), String> {
    shown(cargo(&["build", "--locked", "--package", "countersign-cli", "--profile", "dist"]))?;
    let folder = target()?.join("debian");
    let package = build(&target()?.join("dist/countersign"), &folder, &version()?)?;
    println!("built {}", package.display());
    Ok(())
}

/// Makes a package of a program in a folder; gives its path.
///
/// # Errors
/// When a file is missing or dpkg-deb fails.
pub(crate) fn build(program: &Path, folder: &Path, version: &str) -> Result<PathBuf, String> {
    let tree = folder.join("tree");
    if tree.exists() {
        fs::remove_dir_all(&tree).map_err(|error| format!("{}: {error}", tree.display()))?;
    }
    let packaging = root().join("packaging");
    let binary = put(&tree, "usr/bin/countersign", &read(program)?, 0o755)?;
    quiet(command("strip", &["--strip-unneeded", text(&binary)?]))?;
    for (from, to, mode) in FILES {
        put(&tree, to, &read(&packaging.join(from))?, *mode)?;
    }
    put(&tree, "usr/lib/systemd/system/countersign.service", unit()?.as_bytes(), 0o644)?;
    let doc = "usr/share/doc/countersign";
    let license =
        fs::read_to_string(root().join("LICENSE-MIT")).map_err(|error| format!("LICENSE-MIT: {error}"))?;
    let indented: Vec<String> = license
        .trim()
        .lines()
        .map(|line| if line.is_empty() { " .".to_owned() } else { format!(" {line}") })
        .collect();
    let copyright = template("copyright")?.replace("@MIT@", &indented.join("\n"));
    put(&tree, &format!("{doc}/copyright"), copyright.as_bytes(), 0o644)?;
    let changes = put(&tree, &format!("{doc}/changelog"), &read(&root().join("CHANGELOG.md"))?, 0o644)?;
    quiet(command("gzip", &["-9n", text(&changes)?]))?;
    let default = quiet(command(&binary, &["config", "default"]))?;
    put(&tree, &format!("{doc}/server.toml.default"), default.as_bytes(), 0o644)?;
    for (shell, to) in SHELLS {
        put(&tree, to, quiet(command(&binary, &["completions", shell]))?.as_bytes(), 0o644)?;
    }
    for (name, mode) in CONTROL {
        put(&tree, &format!("DEBIAN/{name}"), template(name)?.as_bytes(), *mode)?;
    }
    let architecture = quiet(command("dpkg", &["--print-architecture"]))?.trim().to_owned();
    let size = quiet(command("du", &["-sk", "--apparent-size", text(&tree)?]))?;
    let control = template("control")?
        .replace("@VERSION@", version)
        .replace("@ARCHITECTURE@", &architecture)
        .replace("@SIZE@", size.split_whitespace().next().unwrap_or("0"))
        .replace("@LIBRARIES@", &libraries(&binary)?);
    put(&tree, "DEBIAN/control", control.as_bytes(), 0o644)?;
    let package = folder.join(format!("countersign_{version}_{architecture}.deb"));
    let words = ["--root-owner-group", "-Zxz", "-z1", "--build", text(&tree)?, text(&package)?];
    quiet(command("dpkg-deb", &words))?;
    Ok(package)
}

/// The version of the workspace.
///
/// # Errors
/// When cargo does not say.
pub(crate) fn version() -> Result<String, String> {
    let text = quiet(cargo(&["pkgid", "--package", "countersign-cli"]))?;
    let version = text.trim().rsplit(['#', '@']).next().unwrap_or_default().to_owned();
    if version.is_empty() { Err(format!("cargo pkgid says {text}")) } else { Ok(version) }
}

/// The unit as every systemd that Debian has takes it: `notify-reload` came with 253.
///
/// # Errors
/// When it is not there.
pub(crate) fn unit() -> Result<String, String> {
    let file = root().join("packaging/systemd/countersign.service");
    let text = fs::read_to_string(&file).map_err(|error| format!("{}: {error}", file.display()))?;
    let older = text.replace("Type=notify-reload", "Type=notify\nExecReload=/bin/kill -HUP $MAINPID");
    if older == text {
        Err("packaging/systemd/countersign.service has another type".to_owned())
    } else {
        Ok(older)
    }
}

/// The libraries that the program wants, by the Debian packages that have them.
fn libraries(program: &Path) -> Result<String, String> {
    let told = quiet(command("readelf", &["--wide", "--dynamic", "--version-info", text(program)?]))?;
    let newest = told
        .split("GLIBC_2.")
        .skip(1)
        .filter_map(|rest| rest.split(|letter: char| !letter.is_ascii_digit()).next()?.parse::<u32>().ok())
        .max()
        .ok_or("the program names no version of glibc")?;
    let mut wanted = vec![format!("libc6 (>= 2.{newest})")];
    for line in told.lines().filter(|line| line.contains("(NEEDED)")) {
        let library = line.split(['[', ']']).nth(1).unwrap_or_default();
        match library {
            "libgcc_s.so.1" => wanted.push("libgcc-s1".to_owned()),
            "libstdc++.so.6" => wanted.push("libstdc++6".to_owned()),
            _ if library.starts_with("libc.")
                || library.starts_with("libm.")
                || library.starts_with("ld-linux") => {}
            other => return Err(format!("the program wants {other}, and no Debian package is known for it")),
        }
    }
    Ok(wanted.join(", "))
}

fn template(name: &str) -> Result<String, String> {
    let file = root().join("packaging/debian").join(name);
    fs::read_to_string(&file).map_err(|error| format!("{}: {error}", file.display()))
}

fn put(tree: &Path, place: &str, bytes: &[u8], mode: u32) -> Result<PathBuf, String> {
    let path = tree.join(place);
    let folder = path.parent().unwrap_or(tree);
    fs::create_dir_all(folder)
        .and_then(|()| fs::write(&path, bytes))
        .and_then(|()| fs::set_permissions(&path, fs::Permissions::from_mode(mode)))
        .map_err(|error| format!("{}: {error}", path.display()))?;
    Ok(path)
}

fn read(path: &Path) -> Result<Vec<u8>, String> {
    fs::read(path).map_err(|error| format!("{}: {error}", path.display()))
}

pub(crate) fn text(path: &Path) -> Result<&str, String> {
    path.to_str().ok_or_else(|| format!("{} is not UTF-8", path.display()))
}
