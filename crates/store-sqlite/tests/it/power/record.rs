//! Reads what `strace` wrote down: the calls that change files, in the order in which they ended.
use std::collections::BTreeMap;
use std::path::PathBuf;

/// A call that succeeded.
#[derive(Debug)]
pub(crate) enum Call {
    /// A line to standard output.
    Said(String),
    Create(PathBuf),
    Write {
        path: PathBuf,
        offset: usize,
        bytes: Vec<u8>,
    },
    Length {
        path: PathBuf,
        length: usize,
    },
    /// A sync begins: what was written before is certain once it has ended.
    SyncBegins {
        path: PathBuf,
        number: usize,
    },
    SyncEnds {
        number: usize,
    },
    Delete(PathBuf),
    Rename(PathBuf, PathBuf),
}

/// The calls of a record.
pub(crate) fn calls(text: &str) -> Vec<Call> {
    let mut calls = Vec::new();
    let mut cut: BTreeMap<&str, (String, Option<usize>)> = BTreeMap::new();
    for line in text.lines() {
        let Some((thread, rest)) = line.split_once(' ') else { continue };
        let rest = rest.trim_start();
        if let Some(begun) = rest.strip_suffix(" <unfinished ...>") {
            cut.insert(thread, (begun.to_owned(), begins(begun, &mut calls)));
        } else if let Some(resumed) = rest.strip_prefix("<... ") {
            let Some((begun, number)) = cut.remove(thread) else { continue };
            let (_, ended) = resumed.split_once("resumed>").unwrap();
            ends(&format!("{begun}{ended}"), number, &mut calls);
        } else {
            let number = begins(rest, &mut calls);
            ends(rest, number, &mut calls);
        }
    }
    calls
}

/// Notes the begin of a sync; gives its number.
fn begins(call: &str, calls: &mut Vec<Call>) -> Option<usize> {
    let arguments = call.strip_prefix("fsync(").or_else(|| call.strip_prefix("fdatasync("))?;
    let number = calls.len();
    calls.push(Call::SyncBegins { path: descriptor(arguments)?, number });
    Some(number)
}

fn ends(call: &str, sync: Option<usize>, calls: &mut Vec<Call>) {
    let Some((call, result)) = call.rsplit_once(" = ") else { return };
    // A failed call changes nothing; a file that was opened is told with its path.
    let Some(result) = result.split(['<', ' ']).next().and_then(|number| number.parse::<usize>().ok()) else {
        return;
    };
    let Some((name, arguments)) = call.split_once('(') else { return };
    let arguments = arguments.trim_end().trim_end_matches(')');
    let strings: Vec<Vec<u8>> = arguments.split('"').skip(1).step_by(2).map(bytes).collect();
    let path = |at: usize| PathBuf::from(String::from_utf8(strings[at].clone()).unwrap());
    let last = || arguments.rsplit(", ").next().and_then(|number| number.parse::<usize>().ok()).unwrap();
    let opened = || descriptor(arguments);
    match name {
        "openat" if arguments.contains("O_CREAT") => calls.push(Call::Create(path(0))),
        "unlink" => calls.push(Call::Delete(path(0))),
        "rename" => calls.push(Call::Rename(path(0), path(1))),
        "ftruncate" => calls.extend(opened().map(|path| Call::Length { path, length: last() })),
        "pwrite64" => calls.extend(opened().map(|path| Call::Write {
            path,
            offset: last(),
            bytes: strings[0][..result].to_vec(),
        })),
        "write" if arguments.starts_with("1<") => {
            let text = String::from_utf8_lossy(&strings[0]).into_owned();
            calls.extend(text.lines().map(|line| Call::Said(line.to_owned())));
        }
        "write" => {
            // Only the lock file is written from its beginning; it holds a process number, for people.
            let named = opened().filter(|path| path.is_absolute());
            assert!(named.as_ref().is_none_or(|path| path.ends_with("lock")), "{named:?}");
        }
        "fsync" | "fdatasync" => calls.extend(sync.map(|number| Call::SyncEnds { number })),
        _ => {}
    }
}

/// The path of the first argument, a descriptor: `7<\x2f\x74...>`.
fn descriptor(arguments: &str) -> Option<PathBuf> {
    let (_, rest) = arguments.split_once('<')?;
    let (path, _) = rest.split_once('>')?;
    String::from_utf8(bytes(path)).ok().map(PathBuf::from)
}

/// The bytes of `\x61\x62`; plain text as it is.
fn bytes(text: &str) -> Vec<u8> {
    if !text.starts_with("\\x") {
        return text.as_bytes().to_vec();
    }
    text.split("\\x").skip(1).map(|hex| u8::from_str_radix(hex, 16).unwrap()).collect()
}
