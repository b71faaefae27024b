//! `countersign request --verify-answer`: answers that the server signed, and those that it did not.
use crate::run::{Place, Server};

#[test]
fn an_answer_is_taken_when_the_server_signed_it_and_no_other() {
    let place = Place::new();
    place.run("init --data data").ok();
    let text = "version = 1\n[server]\ndrain = \"0s\"\n\
        [[listener]]\naddress = \"127.0.0.1:0\"\nsurfaces = [\"gateway\", \"jwks\"]\n\
        [[listener]]\naddress = \"127.0.0.1:0\"\nsurfaces = [\"manage\"]\n\
        [[route]]\nname = \"signed\"\npath = \"/signed/\"\ndialects = [\"http-signature\"]\nupstream = \"http://127.0.0.1:9\"\nsign_answers = true\n\
        [[route]]\nname = \"plain\"\npath = \"/plain/\"\ndialects = [\"http-signature\"]\nupstream = \"http://127.0.0.1:9\"\n";
    let server = Server::of(&place, text);
    place.run("key new a.pem").ok();
    let keys = format!("{}/.well-known/jwks.json", server.public);
    let directory = format!("{}/.well-known/http-message-signatures-directory", server.public);
    let ask = |path: &str, more: &str| {
        place.run(&format!("request -d http-signature -k a.pem GET {}{path}{more}", server.public))
    };
    // Nobody knows the key: the refusal is the server's own, and it says so.
    for keys in [&keys, &directory] {
        ask("/signed/a", &format!(" --verify-answer {keys}")).fails(
            3,
            &[
                "refused with 401",
                "signed by the server's key",
                "the proof or token that this request carried",
            ],
        );
    }
    ask("/plain/a", &format!(" --verify-answer {keys}")).fails(3, &["found one without", "sign_answers"]);
    ask("/plain/a", "").fails(3, &["refused with 401"]);
    // Somebody else's keys.
    let other = place.run("key convert a.pem --to jwk").ok();
    place.write("other.json", &format!("{{\"keys\":[{other}]}}"));
    ask("/signed/a", " --verify-answer other.json").fails(3, &["none of the server's"]);
    ask("/signed/a", " --verify-answer a.pem").fails(2, &["a.pem"]);
    ask("/signed/a", " --verify-answer http://keys.example/").fails(2, &["https"]);
    ask("/signed/a", &format!(" --verify-answer {}/nothing", server.public)).fails(5, &["jwks"]);
}

#[test]
fn an_answer_in_a_session_is_held_against_the_address_that_the_server_knows_itself_by() {
    let place = Place::new();
    place.run("init --data data").ok();
    let text = "version = 1\n[server]\ndrain = \"0s\"\npublic_url = \"http://api.example\"\n\
        [[listener]]\naddress = \"127.0.0.1:0\"\nsurfaces = [\"gateway\", \"session\", \"jwks\"]\n\
        [[listener]]\naddress = \"127.0.0.1:0\"\nsurfaces = [\"manage\"]\n\
        [[route]]\nname = \"signed\"\npath = \"/signed/\"\ndialects = [\"own-session\"]\nupstream = \"http://127.0.0.1:9\"\nsign_answers = true\n";
    let server = Server::of(&place, text);
    place.run("key new a.pem").ok();
    let line = format!(
        "request -d spacetime -k a.pem --as caller --session-file session.json \
         --verify-answer {0}/.well-known/jwks.json GET {0}/signed/a",
        server.public
    );
    place.run(&line).fails(3, &["does not hold"]);
    // The service behind is not there: the gateway's own word, signed to the public address.
    place
        .run(&format!("{line} --public-url http://api.example/signed/a"))
        .fails(5, &["502", "signed by the server's key"]);
}
