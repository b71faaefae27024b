//! An HTTP message signature taken apart to before it was signed, and put together again.
use crate::draft::{Draft, number, standard};
use crate::recorded::Pairs;
use crate::sent::Sent;
use countersign_keys::Algorithm;

/// What makes the signature of a text.
type Sign<'s> = dyn Fn(&[u8]) -> Result<Vec<u8>, String> + 's;

/// A component as it is named: in quotes, its parameters behind them.
fn component(name: &str) -> String {
    let (name, parameters) = name.split_at(name.find(';').unwrap_or(name.len()));
    format!("\"{name}\"{parameters}")
}

/// A signature base (RFC 9421 section 2.5).
#[must_use]
pub fn base(fields: &Pairs) -> String {
    let lines: Vec<String> =
        fields.iter().map(|(name, value)| format!("{}: {value}", component(name))).collect();
    lines.join("\n")
}

impl Draft<'_> {
    /// The components with their values, and the parameters.
    ///
    /// # Errors
    /// When the recording is not what the corpus takes it for.
    pub(crate) fn take_message_apart(&mut self) -> Result<(), String> {
        self.algorithm = Algorithm::Ed25519;
        self.write = standard;
        self.spell = base;
        let input = self.recorded.header("Signature-Input")?;
        let (label, rest) = input.split_once("=(").ok_or("wanted a label and a list")?;
        let (list, parameters) = rest.split_once(");").ok_or("wanted parameters")?;
        self.carrier = ("Signature".to_owned(), label.to_owned());
        let value = |name: &str| match name {
            "@method" => Ok(self.method.clone()),
            "@authority" => Ok("api.example.com".to_owned()),
            "@path" => Ok("/v2/things/42".to_owned()),
            "@query" => Ok("?b=2&a=1".to_owned()),
            field => self.recorded.header(field).map(str::to_owned),
        };
        let names = list.split(' ').map(|name| name.trim_matches('"'));
        let fields: Result<Pairs, String> = names.map(|name| Ok((name.to_owned(), value(name)?))).collect();
        let pair = |parameter: &str| {
            let (name, value) = parameter.split_once('=')?;
            Some((name.to_owned(), value.to_owned()))
        };
        self.claims = parameters.split(';').filter_map(pair).collect();
        self.fields = fields?;
        self.now = number(&self.claims, "created")?;
        Ok(())
    }

    /// What is sent, signed by `sign`.
    ///
    /// # Errors
    /// As `sign`.
    pub(crate) fn message(&self, sign: &Sign<'_>) -> Result<Sent, String> {
        let names: Vec<String> = self.fields.iter().map(|(name, _)| component(name)).collect();
        let parameters: String = self.claims.iter().map(|(name, value)| format!(";{name}={value}")).collect();
        let list = format!("({}){parameters}", names.join(" "));
        let mut fields = self.fields.clone();
        fields.push(("@signature-params".to_owned(), list.clone()));
        let message = (self.spell)(&fields).into_bytes();
        let (header, label) = &self.carrier;
        let signature = format!("{label}=:{}:", (self.write)(&sign(&message)?));
        let mut sent =
            self.recorded.with(&[("Signature-Input", format!("{label}={list}")), (header, signature)]);
        if let Some(digest) = &self.digest {
            sent.change("Content-Digest", |_| digest.clone());
        }
        sent.signed = message;
        Ok(sent)
    }
}
