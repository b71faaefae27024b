//! The messages of RFC 9421 itself: appendix B, and the answers and proxies of sections 2.4 and 4.3.
use super::*;
use std::collections::BTreeMap;

#[derive(serde::Deserialize)]
struct Published {
    keys: BTreeMap<String, String>,
    messages: Vec<Case>,
}

/// One signature of one message. `holds` is what the RFC says of it.
#[derive(serde::Deserialize)]
struct Case {
    section: String,
    request: Asked,
    answer: Option<Answered>,
    /// The base as the RFC prints it; `None` where it prints none.
    base: Option<String>,
    label: String,
    algorithm: String,
    holds: bool,
}

#[derive(serde::Deserialize)]
struct Asked {
    method: String,
    target: String,
    fields: Vec<(String, String)>,
    body: String,
}

#[derive(serde::Deserialize)]
struct Answered {
    status: u16,
    fields: Vec<(String, String)>,
    body: String,
}

/// What each message is there to show; a message of the file that is not in this table fails the test, and so does the reverse.
const TABLE: [(&str, &str); 19] = [
    ("B.2.1", "nothing is covered but the parameters"),
    ("B.2.2", "some components, and one parameter of the query"),
    ("B.2.3", "every component that the message has"),
    ("B.2.4", "an answer"),
    // Symmetric: who checks such a signature can make it as well. Its base is compared and its signature is out of scope.
    ("B.2.5", "HMAC: the base alone"),
    ("B.2.6", "Ed25519"),
    ("2.4, an answer to a request", "parts of a request that is not signed"),
    ("2.4, the signed request", "the question of the next one"),
    ("2.4, an answer to a signed request", "everything that the request's signature covers"),
    ("4.3, the client", "a request before a proxy changed it"),
    ("4.3, the proxy beside the client", "two signatures, and the proxy's is asked for"),
    ("4.3, the client behind the proxy", "the proxy changed the host: the client's no longer holds"),
    ("B.3", "a proxy that ends TLS vouches for the client's certificate"),
    ("B.4, as it was signed", "the message to be transformed"),
    ("B.4, a field and a query parameter added", "what is not covered may change"),
    ("B.4, fields removed, added and joined", "two lines of a field are one"),
    ("B.4, fields in another order", "the order of different fields means nothing"),
    ("B.4, another method and host", "what is covered may not change"),
    ("B.4, the lines of one field in another order", "the order of one field's lines means something"),
];

impl Case {
    /// The signature's bytes and the base that they are checked over.
    fn read(&self) -> (Vec<u8>, Vec<u8>) {
        let pairs = |fields: &[(String, String)]| {
            let pairs: Vec<_> = fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
            headers(&pairs)
        };
        let (request, answer) = (pairs(&self.request.fields), self.answer.as_ref());
        let answered = answer.map(|answer| (answer.status, pairs(&answer.fields)));
        let host = request.get("host").map(|host| host.to_str().unwrap().to_owned()).unwrap();
        let asked = Incoming {
            target: Target::new("https", &host, &self.request.target),
            ..incoming(&self.request.method, "/", &request, Body::Seen(self.request.body.as_bytes()))
        };
        let answer = answered.as_ref().map(|(status, headers)| Answer { status: *status, headers });
        let signed = answered.as_ref().map_or(&request, |(_, headers)| headers);
        let (mut inputs, mut signatures): (Dictionary<'_>, Dictionary<'_>) = (Vec::new(), Vec::new());
        dictionary(signed["signature-input"].as_bytes(), 8, &mut inputs).unwrap();
        dictionary(signed["signature"].as_bytes(), 8, &mut signatures).unwrap();
        let of = |members: &Dictionary<'_>| members.iter().position(|(label, _)| **label == *self.label);
        let (_, Member::Inner(inner)) = &inputs[of(&inputs).unwrap()] else { panic!("{}", self.section) };
        let (_, Member::Item(item)) = &signatures[of(&signatures).unwrap()] else {
            panic!("{}", self.section)
        };
        let Bare::Bytes(text) = &item.value else { panic!("{}", self.section) };
        let (mut signature, mut base) = (Vec::new(), Vec::new());
        decode(Alphabet::Standard, text.as_bytes(), &mut signature).unwrap();
        build(inner, &Message { request: &asked, answer }, &[], &mut base).unwrap();
        (signature, base)
    }

    /// The name of the key that the signature says it is of.
    fn keyid(&self) -> String {
        let fields = self.answer.as_ref().map_or(&self.request.fields, |answer| &answer.fields);
        let (_, input) = fields.iter().find(|(name, _)| name == "signature-input").unwrap();
        let mut members: Dictionary<'_> = Vec::new();
        dictionary(input.as_bytes(), 8, &mut members).unwrap();
        let (_, Member::Inner(inner)) = members.iter().find(|(label, _)| **label == *self.label).unwrap()
        else {
            panic!("{}", self.section)
        };
        match &inner.parameters.get("keyid").unwrap().value {
            Bare::String(name) => name.to_string(),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn every_message_of_the_rfc_is_judged_as_the_rfc_says() {
    let published: Published = serde_json::from_str(include_str!("../rfc9421.json")).unwrap();
    let sections: Vec<_> = published.messages.iter().map(|case| case.section.as_str()).collect();
    assert_eq!(sections, TABLE.map(|(section, _)| section));
    for case in &published.messages {
        let section = &case.section;
        let (signature, mut base) = case.read();
        if let Some(printed) = &case.base {
            assert_eq!(std::str::from_utf8(&base).unwrap(), printed, "{section}");
        }
        let Some(algorithm) = Algorithm::from_http(&case.algorithm) else {
            assert_eq!((case.algorithm.as_str(), case.holds), ("hmac-sha256", false), "{section}");
            continue;
        };
        let pem = &published.keys[&case.keyid()];
        let key = read_public_key(pem.as_bytes(), &Policy::default()).unwrap();
        let key = &key.first().unwrap().key;
        let holds =
            |base: &[u8]| verify(&Job::new(key, algorithm, base, &signature)).accepted(&signature).is_ok();
        assert_eq!(holds(&base), case.holds, "{section}");
        base.push(b'\n');
        assert!(!holds(&base), "{section}: a line end too much");
    }
}

#[test]
fn the_digests_of_the_rfc_are_those_of_its_bodies() {
    let published: Published = serde_json::from_str(include_str!("../rfc9421.json")).unwrap();
    let mut seen = 0;
    for case in &published.messages {
        let asked = (&case.request.fields, &case.request.body);
        let answered = case.answer.as_ref().map(|answer| (&answer.fields, &answer.body));
        for (fields, body) in std::iter::once(asked).chain(answered) {
            let digest = fields.iter().find(|(name, _)| name == "content-digest");
            let Some((_, digest)) = digest.filter(|_| !body.is_empty()) else { continue };
            let field = headers(&[("content-digest", digest)]);
            let judged =
                super::super::digest::check(&field, body.as_bytes(), &super::super::digest::DigestKind::ALL);
            assert_eq!(judged, Ok(()), "{}", case.section);
            seen += 1;
        }
    }
    assert!(seen > 10, "{seen}");
}
