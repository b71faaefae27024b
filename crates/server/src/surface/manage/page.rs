//! Lists in pages: `after` names the last entry seen, `limit` says how many more.
use super::problem::Problem;
use axum::extract::{FromRequestParts, Query};
use axum::http::StatusCode;
use axum::http::request::Parts;
use serde::Serialize;
use serde::de::DeserializeOwned;
use utoipa::ToSchema;

/// Entries of one page when nothing is asked for.
const USUAL: usize = 50;
/// Most entries of one page: what a person or program reads at once, and what the server may build in one go.
pub(crate) const MOST: usize = 200;

/// One page of a list, in a stable order.
#[derive(Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct Page<T> {
    /// The entries.
    pub(crate) items: Vec<T>,
    /// What to send as `after` for the next page; missing on the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) next: Option<String>,
}

/// The query of a call, read strictly: unknown names are refused.
pub(crate) struct Ask<T>(pub(crate) T);

impl<T> Page<T> {
    /// Cuts a page out of entries that are sorted by the text `key` gives.
    pub(crate) fn cut<R>(
        sorted: impl IntoIterator<Item = R>,
        after: Option<&str>,
        limit: Option<u32>,
        key: impl Fn(&R) -> String,
        show: impl Fn(R) -> T,
    ) -> Result<Self, Problem> {
        let limit = limit_of(limit)?;
        let rest = sorted.into_iter().filter(|row| after.is_none_or(|after| key(row).as_str() > after));
        // One more than a page tells whether there is a next one.
        let mut rows: Vec<R> = rest.take(limit.saturating_add(1)).collect();
        let more = rows.len() > limit;
        rows.truncate(limit);
        let next = if more { rows.last().map(&key) } else { None };
        Ok(Self { items: rows.into_iter().map(show).collect(), next })
    }
}

impl<T> Page<T> {
    /// Fills a page from rows that come in chunks and may be passed over; looks at `most` rows at most, so the page of
    /// a rare find may be short although there is a next one.
    pub(crate) fn walk<R>(
        mut after: Option<String>,
        limit: usize,
        most: usize,
        chunk: impl Fn(Option<&str>) -> Vec<R>,
        key: impl Fn(&R) -> String,
        show: impl Fn(R) -> Option<T>,
    ) -> Self {
        let (mut items, mut looked_at) = (Vec::new(), 0_usize);
        // Ends: every chunk moves `after` on, and an empty one is the last.
        loop {
            let rows = chunk(after.as_deref());
            if rows.is_empty() {
                return Self { items, next: None };
            }
            for row in rows {
                if items.len() >= limit || looked_at >= most {
                    return Self { items, next: after };
                }
                looked_at = looked_at.saturating_add(1);
                after = Some(key(&row));
                items.extend(show(row));
            }
        }
    }
}

/// How many entries a page holds.
pub(crate) fn limit_of(asked: Option<u32>) -> Result<usize, Problem> {
    let Some(asked) = asked else { return Ok(USUAL) };
    match usize::try_from(asked) {
        Ok(limit) if (1..=MOST).contains(&limit) => Ok(limit),
        _ => Err(bad_query(format!("limit wants a number from 1 to {MOST}; found {asked}")).at("limit")),
    }
}

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Ask<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        Query::try_from_uri(&parts.uri).map(|Query(ask)| Self(ask)).map_err(|error| {
            let cause = std::error::Error::source(&error).map_or(String::new(), ToString::to_string);
            bad_query(cause)
        })
    }
}

pub(crate) fn bad_query(detail: String) -> Problem {
    Problem::new(StatusCode::BAD_REQUEST, "bad-query", "The query cannot be read.").detail(detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(after: Option<&str>, limit: Option<u32>) -> Page<String> {
        let rows = ["a", "b", "c", "d", "e"].map(str::to_owned);
        Page::cut(rows, after, limit, Clone::clone, |row| row).unwrap()
    }

    #[test]
    fn pages_join_without_gap_or_overlap() {
        let mut seen = Vec::new();
        let mut after = None;
        loop {
            let next = page(after.as_deref(), Some(2));
            seen.extend(next.items);
            after = next.next;
            if after.is_none() {
                break;
            }
        }
        assert_eq!(seen.concat(), "abcde");
    }

    #[test]
    fn the_last_full_page_has_no_next() {
        assert_eq!(page(Some("c"), Some(2)), Page { items: vec!["d".into(), "e".into()], next: None });
        assert_eq!(page(Some("z"), None), Page { items: vec![], next: None });
    }

    #[test]
    fn walks_pass_over_rows_and_stop_in_time() {
        let rows: Vec<u32> = (100..200).collect();
        let walk = |after: Option<String>, limit, most| {
            Page::walk(
                after,
                limit,
                most,
                |after| {
                    rows.iter()
                        .copied()
                        .filter(|row| after.is_none_or(|a| row.to_string().as_str() > a))
                        .take(7)
                        .collect()
                },
                ToString::to_string,
                |row| (row % 10 == 0).then_some(row),
            )
        };
        assert_eq!(walk(None, 3, 1000), Page { items: vec![100, 110, 120], next: Some("120".into()) });
        assert_eq!(walk(Some("120".into()), 9, 1000).items, [130, 140, 150, 160, 170, 180, 190]);
        assert_eq!(walk(Some("120".into()), 9, 1000).next, None);
        assert_eq!(walk(Some("100".into()), 9, 5), Page { items: vec![], next: Some("105".into()) });
    }

    #[test]
    fn limits_have_bounds() {
        assert_eq!(limit_of(Some(200)).unwrap(), 200);
        for bad in [0, 201, u32::MAX] {
            assert_eq!(limit_of(Some(bad)).unwrap_err().code(), "bad-query");
        }
    }
}
