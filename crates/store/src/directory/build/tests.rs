//! Rows come from several threads in any order, and the directory is that of the rows.
use super::*;
use crate::model::Account;
use countersign::time::Time;

fn account(id: &str) -> Account {
    Account {
        id: id.into(),
        name: format!("name of {id}"),
        organisation: None,
        enabled: true,
        identifiers: Vec::new(),
        acts_as: Vec::new(),
        paths: Vec::new(),
        jwks_url: None,
        role: None,
        created: Time::from_seconds(1),
    }
}

#[test]
fn rows_without_an_account_are_a_fault_that_names_it() {
    let builder = Builder::new(0);
    let mut loader = builder.loader();
    loader.identifier("acc_gone", 0, "email", "a@b").unwrap();
    loader.done();
    let fault = builder.finish(1).unwrap_err().to_string();
    assert!(fault.contains("acc_gone"), "{fault}");
}

#[test]
fn identifiers_stand_by_place_whenever_they_come() {
    let builder = Builder::new(0);
    let mut early = builder.loader();
    early.identifier("acc_a", 1, "email", "second").unwrap();
    let mut loader = builder.loader();
    loader.account(&AccountRow::from(&account("acc_a"))).unwrap();
    loader.identifier("acc_a", 2, "email", "third").unwrap();
    loader.done();
    early.identifier("acc_a", 0, "email", "first").unwrap();
    early.done();
    let directory = builder.finish(3).unwrap();
    let found = directory.account_by_identifier("email", "second").unwrap();
    let identifier = |value: &str| Identifier { namespace: "email".into(), value: value.into() };
    assert_eq!(found.identifiers, [identifier("first"), identifier("second"), identifier("third")]);
    assert_eq!((directory.version(), directory.account_count()), (3, 1));
}

#[test]
fn accounts_from_many_threads_are_listed_in_the_order_of_their_ids() {
    let builder = Builder::new(30_000);
    std::thread::scope(|scope| {
        for thread in 0..3_u32 {
            let mut loader = builder.loader();
            scope.spawn(move || {
                for number in 0..3_000_u32 {
                    let row = account(&format!("acc_{:05}", (number * 7_919 + thread) % 3_000 * 3 + thread));
                    loader.account(&AccountRow::from(&row)).unwrap();
                }
                loader.done();
            });
        }
    });
    let directory = builder.finish(1).unwrap();
    let listed = directory.accounts(Some("acc_00009"), 5_000);
    let wanted: Vec<String> = (10..5_010).map(|number| format!("acc_{number:05}")).collect();
    assert!(listed.iter().map(|row| &row.id).eq(&wanted));
    assert_eq!(directory.account("acc_08999").map(|row| row.name).as_deref(), Some("name of acc_08999"));
    // Places that no loader used are there for those who come later.
    directory.apply(&[Write::Put(Record::Account(account("acc_z")))], 2).unwrap();
    assert_eq!(directory.accounts(Some("acc_08998"), 9).len(), 2);
}
