//! Dialect files that must not be taken, and why.
use super::*;

#[test]
fn what_works_once_has_a_date_that_nobody_chooses_freely() {
    let read = |rules: &str| {
        let text = format!(
            "name = 'x'\nsummary = 'x'\nalgorithms = ['Ed25519']\n\
             find = {{ header = 'authorization', scheme = ['X'], form = 'jws' }}\n\
             who = {{ from = 'claim.iss', namespace = 'n' }}\nreply = {{ status = 401 }}\n\
             rules = [{rules} {{ once = ['claim.jti'], dated = 'claim.iat', keep = '20s' }}]\n"
        );
        let read = Dialect::parse(&text, &Settings::new());
        read.map(|dialect| dialect.remembering().unwrap()).map_err(|error| error.what)
    };
    // Its use is told with how far ahead it may be dated: no further than any of the rules lets it.
    let (near, earlier) =
        ("{ near = 'claim.iat', within = '20s' },", "{ not_before = 'claim.iat', slack = '5s' },");
    for (taken, ahead) in
        [(near.to_owned(), 20_000), (earlier.to_owned(), 5000), (near.to_owned() + earlier, 5000)]
    {
        assert!(read(&taken).unwrap().contains(&format!(":{ahead}:20000")), "{taken}");
    }
    // Dated in any year, its use would be kept for ever, and no barrier would stop it.
    for refused in [
        "",
        "{ near = 'claim.time', within = '20s' },",
        "{ not_after = 'claim.exp' }, { ahead = 'claim.exp', at_most = '1h' },",
    ] {
        assert!(read(refused).is_err_and(|what| what.contains("`once` wants a date")), "{refused}");
    }
}

#[test]
fn no_setting_has_a_name_that_the_signer_fills() {
    let text = "name = 'x'\nsummary = 'x'\n[settings]\nnonce = 'text'\n";
    let error = Dialect::parse(text, &Settings::new()).unwrap_err();
    assert_eq!(error.at, "settings");
    assert!(error.what.contains("`nonce` is a name that the signer fills"), "{}", error.what);
}
