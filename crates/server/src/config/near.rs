//! The known name that a mistyped one most likely means.

/// The known name that differs least from `name`, when it is near enough to be meant.
pub(crate) fn nearest<'n>(name: &str, known: impl Iterator<Item = &'n str>) -> Option<&'n str> {
    let near = known.map(|candidate| (distance(name, candidate), candidate)).min()?;
    (near.0 <= (1 + name.len() / 4).max(2) && near.0 < name.len()).then_some(near.1)
}

fn distance(left: &str, right: &str) -> usize {
    // Names of settings are short; anything longer than 64 bytes is not a slip of the pen.
    if left.len() > 64 || right.len() > 64 {
        return usize::MAX;
    }
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (i, a) in left.bytes().enumerate() {
        let mut corner = i;
        let mut before = i + 1;
        let mut next = vec![before];
        for (b, above) in right.bytes().zip(row.iter().skip(1)) {
            before = (corner + usize::from(a != b)).min(before + 1).min(above + 1);
            corner = *above;
            next.push(before);
        }
        row = next;
    }
    row.last().copied().unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_are_seen_and_other_words_are_not() {
        let known = ["log", "drain", "upstream", "trusted_proxies"];
        for (name, meant) in [("lgo", Some("log")), ("upstrem", Some("upstream")), ("trusted_proxy", Some("trusted_proxies"))] {
            assert_eq!(nearest(name, known.into_iter()), meant);
        }
        assert_eq!(nearest("colour", known.into_iter()), None);
        assert_eq!(nearest(&"x".repeat(1000), known.into_iter()), None);
    }
}
