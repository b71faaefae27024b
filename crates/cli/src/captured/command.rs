//! A curl command as browsers and `countersign sign --curl` print it, read as the request that it sends.
use crate::exit::Failure;

/// Most words of a command: each header takes two, and no server takes more than a few hundred headers.
const MOST_WORDS: usize = 4096;

/// What a command sends.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Command {
    pub(super) method: String,
    pub(super) url: String,
    pub(super) headers: Vec<(String, String)>,
    /// `None`: there is one, in a file that is not here.
    pub(super) body: Option<Vec<u8>>,
}

/// Options that say nothing about what is sent, and take no value.
const SILENT: &[&str] = &[
    "--compressed",
    "--compressed-ssh",
    "--fail",
    "--fail-with-body",
    "--globoff",
    "--http1.1",
    "--http2",
    "--include",
    "--insecure",
    "--location",
    "--no-progress-meter",
    "--path-as-is",
    "--show-error",
    "--silent",
    "--verbose",
];
/// The same, with a value.
const PASSED_OVER: &[&str] = &[
    "--cacert",
    "--cert",
    "--connect-timeout",
    "--connect-to",
    "--key",
    "--max-time",
    "--output",
    "--proxy",
    "--resolve",
    "--retry",
    "--write-out",
];
/// Short spellings.
const SHORT: &[(char, &str)] = &[
    ('A', "--user-agent"),
    ('E', "--cert"),
    ('G', "--get"),
    ('H', "--header"),
    ('I', "--head"),
    ('L', "--location"),
    ('S', "--show-error"),
    ('X', "--request"),
    ('b', "--cookie"),
    ('d', "--data"),
    ('e', "--referer"),
    ('f', "--fail"),
    ('g', "--globoff"),
    ('i', "--include"),
    ('k', "--insecure"),
    ('m', "--max-time"),
    ('o', "--output"),
    ('s', "--silent"),
    ('v', "--verbose"),
    ('w', "--write-out"),
    ('x', "--proxy"),
];

/// Whether a text is such a command.
pub(super) fn is_command(text: &str) -> bool {
    let text = text.strip_prefix("$ ").unwrap_or(text);
    text.strip_prefix("curl").is_some_and(|rest| rest.starts_with([' ', '\t', '\\']))
}

impl Command {
    /// Reads one.
    ///
    /// # Errors
    /// Usage, when the command is cut or has an option whose meaning for the request is not known.
    pub(super) fn read(text: &str) -> Result<Self, Failure> {
        let mut words = words(text.strip_prefix("$ ").unwrap_or(text))?.into_iter().skip(1);
        let mut command = Self { body: Some(Vec::new()), ..Self::default() };
        let (mut pieces, mut form, mut unseen, mut query, mut head) =
            (Vec::new(), false, false, false, false);
        // One word or two a round.
        while let Some(word) = words.next() {
            let (option, mut value) = option(word)?;
            let Some(option) = option else {
                if let Some(url) = value {
                    command.url = url;
                }
                continue;
            };
            let name = option.as_str();
            if SILENT.contains(&name) {
                continue;
            }
            match name {
                "--get" => query = true,
                "--head" => head = true,
                _ => {
                    let value = value.take().or_else(|| words.next()).ok_or_else(|| cut(&option))?;
                    match name {
                        "--request" => command.method = value,
                        "--url" => command.url = value,
                        "--header" => command.headers.extend(header(&value)?),
                        "--cookie" => command.headers.push(("Cookie".to_owned(), value)),
                        "--user-agent" => command.headers.push(("User-Agent".to_owned(), value)),
                        "--referer" => command.headers.push(("Referer".to_owned(), value)),
                        "--data" | "--data-ascii" | "--data-binary" | "--data-raw" | "--json" => {
                            unseen |= name != "--data-raw" && value.starts_with('@');
                            form |= name != "--json";
                            if name == "--json" {
                                command.add_header("Content-Type", "application/json");
                                command.add_header("Accept", "application/json");
                            }
                            pieces.push(value);
                        }
                        name if PASSED_OVER.contains(&name) => {}
                        _ => return Err(unknown(&option)),
                    }
                }
            }
        }
        let data = pieces.join("&");
        if query && !pieces.is_empty() {
            let mark = if command.url.contains('?') { '&' } else { '?' };
            command.url = format!("{}{mark}{data}", command.url);
        } else if !pieces.is_empty() {
            command.body = (!unseen).then(|| data.into_bytes());
            if form {
                command.add_header("Content-Type", "application/x-www-form-urlencoded");
            }
        }
        if command.method.is_empty() {
            let sends = !pieces.is_empty() && !query;
            command.method = if head {
                "HEAD"
            } else if sends {
                "POST"
            } else {
                "GET"
            }
            .to_owned();
        }
        if command.url.is_empty() {
            return Err(Failure::usage(
                "wanted a curl command with an address, found none; copy the whole command",
            ));
        }
        if !command.url.contains("://") {
            command.url = format!("http://{}", command.url);
        }
        Ok(command)
    }

    /// Adds a header that curl adds by itself where the command has none.
    fn add_header(&mut self, name: &str, value: &str) {
        if !self.headers.iter().any(|(known, _)| known.eq_ignore_ascii_case(name)) {
            self.headers.push((name.to_owned(), value.to_owned()));
        }
    }
}

/// The option that a word is, in its long spelling, and the value that stands in the same word; a word that is no option is a value.
fn option(word: String) -> Result<(Option<String>, Option<String>), Failure> {
    if word.starts_with("--") {
        return Ok(match word.split_once('=') {
            Some((name, value)) => (Some(name.to_owned()), Some(value.to_owned())),
            None => (Some(word), None),
        });
    }
    let mut letters = word.chars();
    let (Some('-'), Some(letter)) = (letters.next(), letters.next()) else { return Ok((None, Some(word))) };
    let long = SHORT.iter().find(|(short, _)| *short == letter).ok_or_else(|| unknown(&word))?.1;
    let rest = letters.as_str();
    if !SILENT.contains(&long) {
        return Ok((Some(long.to_owned()), (!rest.is_empty()).then(|| rest.to_owned())));
    }
    // Several letters behind one dash, such as `-sS`: all of them say nothing.
    let all = rest
        .chars()
        .all(|letter| SHORT.iter().any(|(short, long)| *short == letter && SILENT.contains(long)));
    if all { Ok((Some(long.to_owned()), None)) } else { Err(unknown(&word)) }
}

/// `Name: value`; one without a value takes a header of curl's own away, and `Name;` sends one that is empty.
fn header(text: &str) -> Result<Option<(String, String)>, Failure> {
    if let Some((name, value)) = text.split_once(':') {
        let value = value.trim();
        return Ok((!value.is_empty()).then(|| (name.trim().to_owned(), value.to_owned())));
    }
    match text.strip_suffix(';') {
        Some(name) => Ok(Some((name.to_owned(), String::new()))),
        None => Err(Failure::usage(format!("wanted a header such as `Host: api.example`, found {text:?}"))),
    }
}

fn cut(option: &str) -> Failure {
    Failure::usage(format!("wanted a value behind {option}, found the end of the command; copy all of it"))
}

fn unknown(option: &str) -> Failure {
    Failure::usage(format!(
        "wanted a curl command whose options are known here, found {option}; take it out if it changes nothing of the request, or save what \
         `curl -v` prints"
    ))
}

/// The words of a command as a POSIX shell splits them, with bash's `$'…'`; a backslash before a line's end joins two lines.
fn words(text: &str) -> Result<Vec<String>, Failure> {
    let open = |mark: &str| {
        Failure::usage(format!(
            "wanted a whole curl command, found one that ends inside {mark}; copy all of it"
        ))
    };
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut letters = text.chars().peekable();
    // Each round takes at least one letter.
    while let Some(letter) = letters.next() {
        if words.len() >= MOST_WORDS {
            return Err(Failure::usage(format!(
                "wanted a curl command of at most {MOST_WORDS} words, found more"
            )));
        }
        match letter {
            ' ' | '\t' | '\n' | '\r' => words.extend(word.take()),
            '\'' => quoted(&mut letters, word.get_or_insert_default()).ok_or_else(|| open("'…'"))?,
            '"' => doubled(&mut letters, word.get_or_insert_default()).ok_or_else(|| open("\"…\""))?,
            '$' if letters.peek() == Some(&'\'') => {
                letters.next();
                escaped(&mut letters, word.get_or_insert_default()).ok_or_else(|| open("$'…'"))?;
            }
            '\\' => match letters.next() {
                Some('\r') if letters.peek() == Some(&'\n') => drop(letters.next()),
                Some('\n') | None => {}
                Some(other) => word.get_or_insert_default().push(other),
            },
            other => word.get_or_insert_default().push(other),
        }
    }
    words.extend(word);
    Ok(words)
}

fn quoted(letters: &mut impl Iterator<Item = char>, word: &mut String) -> Option<()> {
    loop {
        match letters.next()? {
            '\'' => return Some(()),
            other => word.push(other),
        }
    }
}

fn doubled(letters: &mut impl Iterator<Item = char>, word: &mut String) -> Option<()> {
    loop {
        match letters.next()? {
            '"' => return Some(()),
            '\\' => match letters.next()? {
                '\n' => {}
                kept @ ('"' | '\\' | '$' | '`') => word.push(kept),
                other => word.extend(['\\', other]),
            },
            other => word.push(other),
        }
    }
}

fn escaped(letters: &mut std::iter::Peekable<std::str::Chars<'_>>, word: &mut String) -> Option<()> {
    loop {
        match letters.next()? {
            '\'' => return Some(()),
            '\\' => match letters.next()? {
                'n' => word.push('\n'),
                'r' => word.push('\r'),
                't' => word.push('\t'),
                'u' => word.push(code(letters, 4)?),
                'x' => word.push(code(letters, 2)?),
                other => word.push(other),
            },
            other => word.push(other),
        }
    }
}

/// A letter by its number in hexadecimal, of so many digits at most.
fn code(letters: &mut std::iter::Peekable<std::str::Chars<'_>>, most: usize) -> Option<char> {
    let mut number = 0;
    for _ in 0..most {
        let Some(digit) = letters.peek().and_then(|letter| letter.to_digit(16)) else { break };
        number = number * 16 + digit;
        letters.next();
    }
    char::from_u32(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Command {
        Command::read(text).unwrap_or_else(|failure| panic!("{text}: {}", failure.message))
    }

    #[test]
    fn what_browsers_and_we_print_is_read() {
        let bash = "curl 'https://api.example/a?b=1' \\\n  -X 'POST' \\\n  -H 'authorization: Bearer x.y.z' \\\n  -H 'accept;' \\\n  \
                    --data-raw $'{\"it\\'s\":\"\\u00fc\\n\"}' \\\n  --compressed";
        let command = read(bash);
        assert_eq!((command.method.as_str(), command.url.as_str()), ("POST", "https://api.example/a?b=1"));
        assert_eq!(command.headers[0], ("authorization".to_owned(), "Bearer x.y.z".to_owned()));
        assert_eq!(command.headers[1], ("accept".to_owned(), String::new()));
        assert_eq!(command.body.as_deref(), Some("{\"it's\":\"ü\n\"}".as_bytes()));
        let ours =
            "curl -X GET -H 'Authorization: Bearer x.y.z' --path-as-is --globoff 'https://api.example/a'";
        assert_eq!(read(ours).method, "GET");
        let short = read("$ curl -sSi -XPUT -d a=1 --data b=2 --url https://h/ -o /dev/null");
        assert_eq!((short.method.as_str(), short.body.as_deref()), ("PUT", Some(&b"a=1&b=2"[..])));
        assert_eq!(short.headers[0].1, "application/x-www-form-urlencoded");
        assert_eq!(read("curl -G -d a=1 'h/x?y'").url, "http://h/x?y&a=1");
        assert_eq!(read("curl -d @file https://h/").body, None);
        assert_eq!(read("curl --json '{}' https://h/").headers[0].1, "application/json");
        assert_eq!(read("curl \"https://h/\\\"x\\\"\\a\"").url, "https://h/\"x\"\\a");
    }

    #[test]
    fn what_is_cut_or_not_known_says_so() {
        for bad in [
            "curl",
            "curl -H",
            "curl 'https://h/",
            "curl \"https://h/",
            "curl $'https://h/",
            "curl --data-urlencode a=b https://h/",
            "curl -Z https://h/",
            "curl -sZ https://h/",
            "curl -H nonsense https://h/",
        ] {
            let failure = Command::read(bad).unwrap_err();
            assert!(failure.message.contains("wanted"), "{bad}: {}", failure.message);
        }
    }

    #[test]
    fn a_word_is_a_command_only_with_its_arguments() {
        assert!(is_command("curl https://h/") && is_command("$ curl https://h/"));
        assert!(!is_command("curly.x.y") && !is_command("curl"));
    }
}
