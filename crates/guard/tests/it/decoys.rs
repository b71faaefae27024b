//! How many checks a refused credential costs: an identifier without an account looks like one with some keys.
use crate::installation::{API_KEY, NOW, USER, dialect, guard, stranger};
use countersign::ask::Decoys;
use countersign::incoming::{Body, Incoming, Limits, Target};
use countersign::proof::Finish;
use countersign::read::Scratch;
use countersign::time::Time;
use countersign::write::Signer;
use countersign_guard::guard::Guard;
use http::HeaderMap;
use std::collections::BTreeMap;

/// The checks that a proof by a key of nobody costs, under a name.
fn checks(guard: &Guard, name: &str, identifier: &str, decoys: Option<Decoys>) -> usize {
    let dialect = dialect(name);
    let signer = Signer {
        key: stranger(),
        identifier,
        acting_as: Some(USER),
        companion: Some(API_KEY),
        algorithm: None,
        challenge: None,
    };
    let unsigned = HeaderMap::new();
    let made = dialect.write(&request(&unsigned), &signer, Time::from_seconds(NOW), [1; 16]).unwrap();
    let mut headers = HeaderMap::new();
    for (name, value) in made.headers {
        headers.insert(name, value);
    }
    let mut scratch = Scratch::default();
    let incoming = request(&headers);
    let proof = dialect.read(&incoming, &Limits::default(), &mut scratch, &mut ()).unwrap().unwrap();
    let mut keys = guard.directory().answer(&proof.wants());
    keys.decoys = decoys;
    let mut prepared = proof.prepare(keys, Time::from_seconds(NOW), &mut ());
    let mut jobs = 1;
    loop {
        let outcome = countersign_keys::verify(&prepared.job());
        match prepared.finish(&outcome, Time::from_seconds(NOW), &mut ()) {
            Ok(Finish::Next(next)) => prepared = next,
            Ok(Finish::Checked(_)) => panic!("a key of nobody held"),
            Err(_) => return jobs,
        }
        jobs += 1;
    }
}

fn request(headers: &HeaderMap) -> Incoming<'_> {
    Incoming {
        method: "GET",
        target: Target::new("https", "api.example.com", "/"),
        headers,
        body: Body::Empty,
        client: None,
        challenge: None,
    }
}

#[test]
fn a_name_without_an_account_costs_as_many_checks_as_some_account_and_always_the_same() {
    let guard = guard();
    let decoys = Decoys::new([7; 16]);
    let mut found = BTreeMap::<usize, usize>::new();
    for number in 0..400 {
        let name = format!("nobody-{number}@example.com");
        let cost = checks(&guard, "skykit", &name, Some(decoys));
        assert_eq!(cost, checks(&guard, "skykit", &name, Some(decoys)), "the same the second time");
        *found.entry(cost).or_default() += 1;
    }
    // Three of four cost what an account with one key costs; some cost more; none more than any account can.
    assert!((240..360).contains(&found[&1]) && found[&2] > 40 && found[&3] > 3, "{found:?}");
    assert!(found.keys().all(|cost| (1..=Limits::default().keys).contains(cost)), "{found:?}");
    // The account that is there has one key that fits.
    assert_eq!(checks(&guard, "skykit", "ops@example.com", Some(decoys)), 1);
}

#[test]
fn another_secret_gives_other_numbers_and_without_one_there_is_one_check() {
    let guard = guard();
    let names: Vec<String> = (0..64).map(|number| format!("nobody-{number}@example.com")).collect();
    let costs = |decoys: Option<Decoys>| -> Vec<usize> {
        names.iter().map(|name| checks(&guard, "skykit", name, decoys)).collect()
    };
    assert_ne!(costs(Some(Decoys::new([1; 16]))), costs(Some(Decoys::new([2; 16]))));
    assert!(costs(None).into_iter().all(|cost| cost == 1));
    // A form that checks all spellings in one operation does so for nobody, too.
    assert!((1..=8).contains(&checks(&guard, "skillhive", "nobody", Some(Decoys::new([1; 16])))));
    // Whoever names a key names one.
    for secret in 0..16 {
        assert_eq!(checks(&guard, "operator", "nobody", Some(Decoys::new([secret; 16]))), 1);
    }
}
