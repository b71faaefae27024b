//! Tests of the table of causes.
use super::*;
use std::collections::HashSet;

#[test]
fn codes_are_unique_and_every_cause_has_a_fix() {
    let codes: HashSet<_> = Cause::ALL.iter().map(|cause| cause.code()).collect();
    assert_eq!(codes.len(), Cause::ALL.len());
    for cause in Cause::ALL {
        assert!(cause.text().ends_with('.') && cause.fix().ends_with('.'), "{}", cause.code());
    }
}
