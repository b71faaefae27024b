//! `countersign key limit`: what a registered key may be used for, from where and until when; the same options at `key register`.
use crate::exit::{Done, Failure};
use crate::manage::{ManageArgs, segment, show_one};
use crate::member::{at, put};
use crate::print::Out;
use crate::world;
use clap::Args;
use countersign::time::Span;
use serde_json::{Value, json};

/// Characters of a date alone, such as 2027-01-31.
const DATE: usize = 10;

/// What narrows a key.
#[derive(Args, Debug)]
#[command(next_help_heading = "What the key may be used for")]
pub(crate) struct NarrowArgs {
    /// A method it may be used with, such as GET; more with commas, or given more than once. Without one: every method.
    #[arg(long = "method", visible_alias = "methods", value_name = "METHOD", value_delimiter = ',')]
    methods: Vec<String>,
    /// A path prefix it may be used under, such as /reports, on segment borders; more as above.
    #[arg(long = "path", visible_alias = "paths", value_name = "PREFIX")]
    paths: Vec<String>,
    /// A network it may be used from, such as 10.0.0.0/8, or one address; more as above.
    #[arg(long = "network", visible_alias = "networks", value_name = "NETWORK", value_delimiter = ',')]
    networks: Vec<String>,
    /// Not taken from then on: a date (its beginning in UTC), an instant such as 2027-01-31T12:00:00Z, or how long from now, such as 90d.
    #[arg(long, value_name = "TIME")]
    expires: Option<String>,
}

#[derive(Args, Debug)]
pub(crate) struct LimitArgs {
    /// The key's id.
    key: String,
    #[command(flatten)]
    narrow: NarrowArgs,
    /// A dialect it is for; more with commas, or given more than once. They take the place of those it was for.
    #[arg(
        short,
        long = "dialect",
        visible_alias = "dialects",
        value_name = "DIALECT",
        value_delimiter = ','
    )]
    dialects: Vec<String>,
    /// Narrows it to this algorithm; a weak one counts only when it is named here. More as above.
    #[arg(long = "algorithm", visible_alias = "algorithms", value_name = "NAME", value_delimiter = ',')]
    algorithms: Vec<String>,
    /// Lets it be used with every method.
    #[arg(long, conflicts_with = "methods")]
    clear_methods: bool,
    /// Lets it be used under every path.
    #[arg(long, conflicts_with = "paths")]
    clear_paths: bool,
    /// Lets it be used from everywhere.
    #[arg(long, conflicts_with = "networks")]
    clear_networks: bool,
    /// Lets it sign with every algorithm of its kind that is not weak.
    #[arg(long, conflicts_with = "algorithms")]
    clear_algorithms: bool,
    /// Takes the date away.
    #[arg(long, conflicts_with = "expires")]
    clear_expires: bool,
    #[command(flatten)]
    manage: ManageArgs,
}

/// Changes what was named and leaves the rest as it is, in one unit.
pub(crate) fn limit(args: &LimitArgs, out: Out) -> Done {
    let NarrowArgs { methods, networks, expires, .. } = &args.narrow;
    let list = |new: &[String], clear: bool| (clear || !new.is_empty()).then(|| json!(new));
    let expires = expires.as_deref().map(expiry).transpose()?;
    let limits: serde_json::Map<String, Value> = [
        ("methods", list(methods, args.clear_methods)),
        ("paths", list(&args.narrow.prefixes(), args.clear_paths)),
        ("networks", list(networks, args.clear_networks)),
    ]
    .into_iter()
    .filter_map(|(name, new)| Some((name.to_owned(), new?)))
    .collect();
    let mut change = json!({});
    if !limits.is_empty() {
        put(&mut change, "limits", limits);
    }
    if let Some(algorithms) = list(&args.algorithms, args.clear_algorithms) {
        put(&mut change, "algorithms", algorithms);
    }
    if let Some(dialects) = list(&args.dialects, false) {
        put(&mut change, "dialects", dialects);
    }
    if args.clear_expires || expires.is_some() {
        put(&mut change, "expires", expires);
    }
    if change.as_object().is_none_or(serde_json::Map::is_empty) {
        return Err(Failure::usage(
            "wanted something to change; name it with --method, --path, --network, --expires, --dialect, --algorithm or --clear-…",
        ));
    }
    let api = args.manage.api()?;
    world::run(async {
        let key = api.patch(&format!("/keys/{}", segment(&args.key)), &change).await?;
        show_one(&key, out)
    })
}

/// What a key is narrowed to, in one cell of a table.
pub(crate) fn told(key: &Value) -> String {
    let limits = at(key, "limits");
    let lists = [at(limits, "methods"), at(limits, "paths"), at(limits, "networks"), at(key, "algorithms")];
    let words = |list: &Value| {
        let words: Vec<&str> = list.as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        words.join(", ")
    };
    let told: Vec<String> = lists.into_iter().map(words).filter(|text| !text.is_empty()).collect();
    told.join("; ")
}

impl NarrowArgs {
    /// Puts what was asked for into the body of a registration.
    pub(crate) fn add_to(&self, body: &mut Value) -> Done {
        let limits = json!({ "methods": self.methods, "paths": self.prefixes(), "networks": self.networks });
        put(body, "limits", limits);
        if let Some(expires) = &self.expires {
            put(body, "expires", expiry(expires)?);
        }
        Ok(())
    }

    /// Whether anything was asked for.
    pub(crate) fn is_given(&self) -> bool {
        let Self { methods, paths, networks, expires } = self;
        !methods.is_empty() || !paths.is_empty() || !networks.is_empty() || expires.is_some()
    }

    /// A comma parts prefixes where another one begins behind it; paths may have commas of their own.
    fn prefixes(&self) -> Vec<String> {
        let mut found: Vec<String> = Vec::new();
        for part in self.paths.iter().flat_map(|path| path.split(',').enumerate()) {
            match (part, found.last_mut()) {
                ((1.., text), Some(last)) if !text.starts_with('/') => {
                    last.push(',');
                    last.push_str(text);
                }
                ((_, text), _) => found.push(text.to_owned()),
            }
        }
        found
    }
}

/// When a key ends, as the management API reads it.
fn expiry(text: &str) -> Result<String, Failure> {
    let wrong = || {
        Failure::usage(format!(
            "--expires: wanted a date such as 2027-01-31, an instant such as 2027-01-31T12:00:00Z, or how long from now such as 90d, \
             found {text:?}; write it so"
        ))
    };
    if let Ok(instant) = text.parse::<jiff::Timestamp>() {
        return Ok(instant.to_string());
    }
    if text.len() == DATE {
        let date: jiff::civil::Date = text.parse().map_err(|_| wrong())?;
        return Ok(format!("{date}T00:00:00Z"));
    }
    let span = Span::parse(text).filter(|span| *span > Span::ZERO).ok_or_else(wrong)?;
    let end = jiff::Timestamp::from_second((world::now() + span).seconds()).map_err(|_| wrong())?;
    Ok(end.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_are_dates_instants_and_lengths() {
        assert_eq!(expiry("2027-01-31").unwrap(), "2027-01-31T00:00:00Z");
        assert_eq!(expiry("2027-01-31T12:00:00+01:00").unwrap(), "2027-01-31T11:00:00Z");
        assert!(expiry("90d").unwrap().ends_with('Z'));
        for wrong in ["0s", "soon", "2027-13-01", "2027-01-31T12:00:00", ""] {
            let said = expiry(wrong).unwrap_err().message;
            assert!(said.contains("2027-01-31T12:00:00Z") && said.contains(wrong), "{said}");
        }
    }

    #[test]
    fn commas_part_prefixes_and_stay_in_paths() {
        let given = |paths: &[&str]| {
            let paths = paths.iter().map(|path| (*path).to_owned()).collect();
            NarrowArgs { methods: vec![], paths, networks: vec![], expires: None }.prefixes()
        };
        assert_eq!(given(&["/a,/b", "/c"]), ["/a", "/b", "/c"]);
        assert_eq!(given(&["/a,b,/c"]), ["/a,b", "/c"]);
        assert_eq!(given(&["a", "b"]), ["a", "b"], "for the server to refuse");
    }
}
