//! The signature base: what is signed, line by line (RFC 9421 section 2.5).
use crate::form::httpsig::component::Component;
use crate::form::httpsig::digest;
use crate::form::httpsig::message::Message;
use crate::form::httpsig::{
    Listed, MOST_BASE, MOST_COMPONENTS, MOST_COSTLY, MOST_HOP, MOST_READ, Need, Needed, bit,
};
use crate::reason::Reason;
use crate::structured::InnerList;
use http::header::CONNECTION;
use smallvec::SmallVec;

/// Bytes of a usual base.
const USUAL: usize = 512;

/// Builds the base of a message into `out`; tells which of the needs it meets.
///
/// # Errors
/// `component-unknown` for what no component can be or what comes twice, `component-absent` for what the message does not have,
/// `too-large` past the limits.
pub(crate) fn build(
    inner: &InnerList<'_>,
    message: &Message<'_>,
    needs: &[Need],
    out: &mut Vec<u8>,
) -> Result<Listed, Reason> {
    out.clear();
    out.reserve(USUAL);
    if inner.items.len() > MOST_COMPONENTS {
        return Err(Reason::TooLarge);
    }
    let mut listed = Listed::default();
    let mut seen: SmallVec<[Component<'_>; 8]> = SmallVec::new();
    let (mut costly, mut read) = (0, 0);
    // It is gone through for every field.
    if message.request.headers.get_all(CONNECTION).iter().map(|line| line.len()).sum::<usize>() > MOST_HOP {
        return Err(Reason::TooLarge);
    }
    for item in &inner.items {
        let component = Component::read(item)?;
        // In whatever order its parameters stand (RFC 9421 section 2).
        if seen.contains(&component) {
            return Err(Reason::ComponentUnknown);
        }
        costly += usize::from(component.is_costly());
        read += component.reads(message);
        if costly > MOST_COSTLY || read > MOST_READ {
            return Err(Reason::TooLarge);
        }
        item.write(out);
        out.extend_from_slice(b": ");
        component.write(message, out)?;
        out.push(b'\n');
        if out.len() > MOST_BASE {
            return Err(Reason::TooLarge);
        }
        note(&component, needs, &mut listed);
        seen.push(component);
    }
    out.extend_from_slice(b"\"@signature-params\": ");
    inner.write(out);
    Ok(listed)
}

fn note(component: &Component<'_>, needs: &[Need], listed: &mut Listed) {
    for (at, need) in needs.iter().enumerate() {
        let met = match &need.part {
            Needed::Field(field) => component.is_whole() && field.as_str() == component.name,
            Needed::Member(field) => !component.request && field.as_str() == component.name,
            _ => false,
        };
        if met {
            listed.fields |= bit(at).unwrap_or(0);
        }
    }
    if !component.is_whole() {
        return;
    }
    match component.name {
        "@method" => listed.method = true,
        "@scheme" => listed.scheme = true,
        "@authority" => listed.authority = true,
        "@path" => listed.path = true,
        "@query" => listed.query = true,
        "@target-uri" => listed.target_uri = true,
        "@request-target" => listed.request_target = true,
        name => listed.digest |= name == digest::FIELD.as_str(),
    }
}
