//! What shows in a chain: any single change of any field, whatever was taken out, put in or moved.
use super::*;
use crate::memory::MemoryStore;
use countersign::time::Time;
use proptest::prelude::*;

fn draft(detail: &str) -> AuditDraft {
    AuditDraft {
        at: Time::from_seconds(1),
        actor: "local".into(),
        action: "account.add".into(),
        subject: "acc_1".into(),
        detail: detail.into(),
    }
}

fn log(length: usize) -> Vec<AuditEntry> {
    let mut entries: Vec<AuditEntry> = Vec::new();
    for number in 0..length {
        entries.push(link(entries.last(), draft(&number.to_string())));
    }
    entries
}

fn broken(number: u64, flaw: Flaw) -> Result<Option<Head>, ChainBreak> {
    Err(ChainBreak { number, flaw })
}

/// Numbers from 1 without gaps, as somebody who knows the table would make them.
fn renumbered(mut entries: Vec<AuditEntry>) -> Vec<AuditEntry> {
    (1..).zip(&mut entries).for_each(|(number, entry)| entry.number = number);
    entries
}

fn whole(entries: &[AuditEntry]) -> Result<Option<Head>, ChainBreak> {
    let mut walk = Walk::default();
    entries.iter().try_for_each(|entry| walk.step(entry.clone()))?;
    let head = walk.finish()?;
    assert_eq!(check(entries), Ok(()));
    Ok(head)
}

fn to(entries: &[AuditEntry], expected: &Head) -> Result<Option<Head>, ChainBreak> {
    let mut walk = Walk::to(Some(expected.clone()));
    entries.iter().try_for_each(|entry| walk.step(entry.clone()))?;
    walk.finish()
}

#[test]
fn a_changed_moved_or_missing_entry_shows() {
    let entries = log(5);
    let head = Head::from(entries[4].clone());
    assert_eq!(whole(&entries), Ok(Some(head)));
    assert_eq!(whole(&[]), Ok(None));
    for (at, number) in (0..4).zip(1..) {
        let mut gone = entries.clone();
        gone.remove(at);
        assert_eq!(whole(&gone), broken(number, Flaw::Missing));
        assert_eq!(whole(&renumbered(gone)), broken(number, Flaw::Changed));
        let mut swapped = entries.clone();
        swapped.swap(at, at + 1);
        assert_eq!(whole(&renumbered(swapped)), broken(number, Flaw::PutIn));
        let mut more = entries.clone();
        let forged = link(at.checked_sub(1).map(|before| &entries[before]), draft("forged"));
        more.insert(at, AuditEntry { chain: "0".repeat(64), ..forged.clone() });
        assert_eq!(whole(&renumbered(more)), broken(number, Flaw::PutIn));
        // One that was chained well is itself in order, and what stood there no longer is.
        let mut more = entries.clone();
        more.insert(at, forged);
        assert_eq!(whole(&renumbered(more)), broken(number + 1, Flaw::Changed));
    }
    let mut last = entries;
    last[4].entry.detail.push('!');
    assert_eq!(whole(&last), broken(5, Flaw::Changed));
}

#[test]
fn what_holds_together_and_is_not_what_it_was_shows_beside_a_kept_head() {
    let entries = log(5);
    let head = Head::from(entries[3].clone());
    let all = Ok(Some(Head::from(entries[4].clone())));
    assert_eq!(to(&entries, &head), all, "a log may have gone on");
    assert_eq!(
        whole(&entries[..3]).map(|head| head.map(|head| head.number)),
        Ok(Some(3)),
        "nothing shows without"
    );
    assert_eq!(to(&entries[..3], &head), broken(4, Flaw::Cut));
    assert_eq!(to(&[], &head), broken(1, Flaw::Cut));
    // Made anew from the second entry on, and longer than before.
    let mut anew = entries[..1].to_vec();
    for number in 1..9 {
        anew.push(link(anew.last(), draft(&format!("forged {number}"))));
    }
    assert!(whole(&anew).is_ok());
    assert_eq!(to(&anew, &head), broken(4, Flaw::Replaced));
    assert_eq!(head.to_string().parse(), Ok(head));
    let hash = "0".repeat(64);
    for wrong in [
        "",
        "4",
        ":",
        &format!("0:{hash}"),
        &format!("4:{hash}0"),
        &format!("+4:{hash}0"),
        "4:zz",
        &format!("4:{}", "A".repeat(64)),
    ] {
        assert!(wrong.parse::<Head>().is_err(), "{wrong}");
    }
}

#[test]
fn text_moved_between_fields_changes_the_chain() {
    let one = draft("");
    let other = AuditDraft { actor: "localaccount.add".into(), action: String::new(), ..one.clone() };
    assert_ne!(chain("", 1, &one), chain("", 1, &other));
}

/// What may be done to one field of one entry.
fn change(entry: &mut AuditEntry, field: usize, text: &str, by: u64) {
    let AuditDraft { at, actor, action, subject, detail } = &mut entry.entry;
    match field {
        0 => *at = Time::from_nanos(at.nanos().wrapping_add(i128::from(by))),
        1 => *actor = text.into(),
        2 => *action = text.into(),
        3 => *subject = text.into(),
        4 => *detail = text.into(),
        5 => entry.chain = text.into(),
        _ => entry.number = entry.number.wrapping_add(by),
    }
}

proptest! {
    #[test]
    fn any_single_change_of_any_field_is_found(
        texts in proptest::collection::vec(".{0,12}", 1..12),
        at in any::<prop::sample::Index>(),
        field in 0usize..7,
        text in ".{0,12}",
        by in 1u64..,
    ) {
        let mut entries: Vec<AuditEntry> = Vec::new();
        for text in &texts {
            entries.push(link(entries.last(), draft(text)));
        }
        let before = entries.clone();
        let at = at.index(entries.len());
        let number = entries[at].number;
        change(&mut entries[at], field, &text, by);
        prop_assume!(entries != before);
        entries.sort_by_key(|entry| entry.number);
        let broken = whole(&entries).unwrap_err();
        // At the entry itself, or, where its number was changed, no later than where it stands now.
        prop_assert!(broken.number <= number);
        if field < 6 {
            prop_assert_eq!(broken, ChainBreak { number, flaw: Flaw::Changed });
        }
    }
}

#[tokio::test]
async fn a_log_longer_than_a_page_is_walked_through() {
    let store = MemoryStore::new([0; 16]);
    let drafts: Vec<AuditDraft> = (0..2 * STRIDE + 1).map(|number| draft(&number.to_string())).collect();
    store.commit(0, &[], &drafts).await.unwrap();
    let head = verify(&store, None).await.unwrap().unwrap();
    assert_eq!(head.number, u64::from(2 * STRIDE + 1));
    assert_eq!(verify(&store, Some(head.clone())).await.unwrap(), Some(head.clone()));
    let later = Head { number: head.number + 1, ..head };
    let Err(NotWhole::Broken(broken)) = verify(&store, Some(later)).await else {
        panic!("nothing was missed")
    };
    assert_eq!(broken, ChainBreak { number: u64::from(2 * STRIDE + 2), flaw: Flaw::Cut });
}
