//! The one table of causes: what a caller did that made its request fail, in a sentence, and how it is mended.

macro_rules! causes {
    ($($name:ident $code:literal $group:literal: $text:literal, $fix:literal;)*) => {
        /// What went wrong at the caller, or on the way. Codes are only ever added.
        #[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
        #[non_exhaustive]
        pub enum Cause { $(#[doc = $text] $name,)* }

        impl Cause {
            /// Every cause, in the table's order.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The code.
            #[must_use]
            pub fn code(self) -> &'static str { match self { $(Self::$name => $code,)* } }
            /// What it is about: `credential`, `encoding`, `key`, `signature`, `text`, `claim`, `time` or `permission`.
            #[must_use]
            pub fn group(self) -> &'static str { match self { $(Self::$name => $group,)* } }
            /// What went wrong, in one sentence.
            #[must_use]
            pub fn text(self) -> &'static str { match self { $(Self::$name => $text,)* } }
            /// How it is mended.
            #[must_use]
            pub fn fix(self) -> &'static str { match self { $(Self::$name => $fix,)* } }
        }
    };
}

causes! {
    NothingSent "nothing-sent" "credential": "The request carries no credential at all.",
        "Sign the request; `countersign sign --dialect …` prints the headers. Where it was signed, look for a proxy or a redirect that drops them.";
    SchemeMissing "scheme-missing" "credential": "The token stands in its header without the scheme word before it.",
        "Put the word and one space before the token, as in `Authorization: Bearer eyJ…`.";
    SchemeWrong "scheme-wrong" "credential": "Another scheme word stands before the credential than this dialect wants.",
        "Use the dialect's word, without a colon behind it.";
    SchemeTwice "scheme-twice" "credential": "The scheme word stands there twice.",
        "Your library adds the word by itself; give it the token alone.";
    HeaderWrong "header-wrong" "credential": "The credential came in another header than this dialect looks at.",
        "Send it in the dialect's own header, spelt with hyphens.";
    HeaderMissing "header-missing" "credential": "One of the headers that make up the proof is missing.",
        "Send every header that the signer prints; a proxy may drop names that it does not know.";
    CredentialInAddress "credential-in-address" "credential": "The token was sent in the query of the address, where it is not looked for and ends up in logs.",
        "Send it in the header, and make a new one: the old one is in logs.";
    TwoCredentials "two-credentials" "credential": "The request carries a credential twice, or credentials of two dialects.",
        "Send exactly one; look for a default header of the client beside the one you set.";
    TokenQuoted "token-quoted" "credential": "The token is wrapped in quotes.",
        "Send the token's characters alone; in Python decode the bytes instead of printing them.";
    WhiteSpaceInside "white-space-inside" "encoding": "White space stands inside the credential, as a wrapped or folded line leaves it.",
        "Send it in one piece: `base64 -w0`, or the encoder's setting for no line breaks.";
    TokenCut "token-cut" "credential": "The token is cut off: it has fewer parts than three.",
        "Look for a column, variable or header that is too short for it, and send the token whole.";
    TokenUnsigned "token-unsigned" "credential": "The token has no signature.",
        "Use the library's call that signs, with the private key.";
    TokenEncodedAgain "token-encoded-again" "credential": "The whole token was encoded in base64 once more.",
        "Send the token as it is: three parts with dots between them.";
    TemplateNotFilled "template-not-filled" "credential": "A placeholder stands where the credential belongs, or nothing does.",
        "Look why the variable was empty when the request was sent.";
    KeyAsCredential "key-as-credential" "credential": "A private key was sent in place of a proof.",
        "Make a new key pair now and revoke this one, since it went over the network. A request is signed with the key, which itself stays where it is.";
    CredentialTooLarge "credential-too-large" "credential": "The credential is larger than any real one.",
        "Leave out claims that nobody reads; at most 16 KiB are taken.";
    CredentialOther "credential-other" "credential": "What stands there is no credential of this dialect.",
        "Compare it with what `countersign sign` prints.";
    Base64ForBase64url "base64-for-base64url" "encoding": "Base64 with `+`, `/` or padding stands where base64url is wanted.",
        "Use the base64url encoder without padding: `urlsafe_b64encode(x).rstrip(b'=')`, `toString('base64url')`, `RawURLEncoding`.";
    PaddingKept "padding-kept" "encoding": "Base64url with padding (`=`) at the end stands where it is wanted without.",
        "Cut the `=` off, or use the encoder without padding.";
    Base64urlForBase64 "base64url-for-base64" "encoding": "Base64url (`-`, `_`) stands where standard base64 is wanted.",
        "Use the standard encoder: `b64encode`, `base64_encode`, `toString('base64')`.";
    PaddingCut "padding-cut" "encoding": "Standard base64 came without the padding (`=`) at its end.",
        "Keep the `=` that the encoder writes.";
    Base64ForHex "base64-for-hex" "encoding": "The signature is in base64, and hexadecimal is wanted.",
        "Write it in hexadecimal: `signature.hex()`, `bin2hex`, `toString('hex')`.";
    HexForBase64 "hex-for-base64" "encoding": "The signature is in hexadecimal, and base64 is wanted.",
        "Encode the signature's bytes, not their hexadecimal text.";
    EncodedTwice "encoded-twice" "encoding": "The signature was encoded twice.",
        "Encode the bytes of the signature once; your library returned a text already.";
    HexWithMarks "hex-with-marks" "encoding": "The hexadecimal text has marks between its bytes.",
        "Write the digits alone, without colons or spaces.";
    PercentEncoded "percent-encoded" "encoding": "The signature is percent-encoded, as for an address.",
        "Headers are not addresses: send the base64 as it is.";
    PlusBecameSpace "plus-became-space" "encoding": "The `+` signs of the base64 became spaces on the way.",
        "Something decodes it as a form; send it in a header as it is.";
    EncodingWrong "encoding-wrong" "encoding": "The signature is in no encoding that is known here.",
        "Encode the bytes of the signature as the dialect wants them.";
    SignatureCut "signature-cut" "encoding": "The signature is shorter than the key makes them.",
        "Send all of it; look for a column or variable that is too short.";
    SignatureTooLong "signature-too-long" "encoding": "The signature is longer than the key makes them.",
        "Send the signature's own bytes, with nothing behind them.";
    DerForRaw "der-for-raw" "encoding": "The ECDSA signature is in ASN.1 (DER), and its two numbers side by side are wanted.",
        "Ask the library for the IEEE P1363 or JOSE form: `dsaEncoding: 'ieee-p1363'`, or convert it.";
    JsonWrong "json-wrong" "encoding": "A part that should be JSON is not.",
        "Encode with a JSON library; Python's `str(dict)` is no JSON.";
    JsonMemberTwice "json-member-twice" "encoding": "A JSON object has the same member twice.",
        "Write each member once.";
    JsonInText "json-in-text" "encoding": "The payload is a JSON text with JSON inside, so it was encoded twice.",
        "Hand the object to the library, not its JSON.";
    AlgorithmNone "algorithm-none" "signature": "The token says that it is not signed (`alg` none).",
        "Sign it with the private key.";
    AlgorithmSharedSecret "algorithm-shared-secret" "signature": "The token is made with a shared secret (HS…), and a key pair is wanted.",
        "Sign with the private key and one of the dialect's algorithms; a public key is no secret.";
    AlgorithmSpelling "algorithm-spelling" "signature": "The algorithm's name is spelt in other letters.",
        "Write it exactly, as in `RS256` or `EdDSA`.";
    AlgorithmMissing "algorithm-missing" "signature": "The token's header does not name an algorithm.",
        "Set `alg` in the header.";
    AlgorithmNotTaken "algorithm-not-taken" "signature": "This dialect does not take the algorithm that the token names.",
        "Sign with one that it takes; `countersign dialect show` lists them.";
    AlgorithmOfAnotherKind "algorithm-of-another-kind" "signature": "The token names an algorithm that no key of the account has.",
        "Name the algorithm of the key that signs: RS… for RSA, EdDSA for Ed25519, ES… for ECDSA.";
    TokenKind "token-kind" "credential": "The token's header says that it is of another kind, compressed or encrypted.",
        "Send a plain signed token with `typ` JWT or none.";
    TokenExtension "token-extension" "credential": "The token demands an extension (`crit`).",
        "Remove `crit`.";
    HeaderMemberType "header-member-type" "credential": "A member of the token's header has the wrong type or is too long.",
        "Write `kid` as text of at most 256 bytes.";
    IdentityMissing "identity-missing" "claim": "The proof does not say who made it.",
        "Add the claim, member or header that names the account.";
    IdentityType "identity-type" "claim": "What names the account is not text.",
        "Write it as text, in quotes.";
    IdentityForm "identity-form" "claim": "What names the account does not have the form that this dialect wants.",
        "Write it with the provider's prefix, in the same letters.";
    AccountUnknown "account-unknown" "key": "No account has this identifier.",
        "Register it, or ask the provider under which name you are known.";
    IdentifierSpelling "identifier-spelling" "key": "The identifier differs from the registered one in capitals, spaces or leading zeros alone.",
        "Write it byte for byte as it is registered.";
    IdentifierOfAnother "identifier-not-yours" "key": "The identifier in the proof is not one of your account's.",
        "Write one of your own identifiers, byte for byte.";
    KeyUnknown "key-unknown" "key": "No key has the id or fingerprint in the proof.",
        "Name a registered key; `countersign key list` shows the ids.";
    AccountDisabled "account-disabled" "key": "The account is switched off.",
        "Ask the operator.";
    KeyPending "key-pending" "key": "The signature is by a key that waits for approval.",
        "Ask a manager of this server to approve it.";
    KeyDisabled "key-disabled" "key": "The signature is by a key that is switched off.",
        "Switch it on again, or sign with another one.";
    KeyRevoked "key-revoked" "key": "The signature is by a key that was revoked.",
        "Sign with the new key; somewhere the old one is still in use.";
    KeyRetired "key-retired" "key": "The signature is by a key whose overlap after a rotation is over.",
        "Sign with the new key; somewhere the old one is still in use.";
    KeyExpired "key-expired" "key": "The signature is by a key that expired.",
        "Register a new key and sign with it.";
    KeyNotYet "key-not-yet" "key": "The signature is by a key that is not valid yet.",
        "Wait for its date, or have the date changed.";
    KeyForAnotherDialect "key-for-another-dialect" "key": "The signature is by a key of the account that is not registered for this dialect.",
        "Have the dialect added to the key, or sign with the key that is registered for it.";
    KeyNotForAlgorithm "key-not-for-algorithm" "key": "The key that signed is not registered for this algorithm.",
        "Sign with an algorithm that the key is registered for, or have this one added.";
    NoKey "no-key" "key": "The account has no key.",
        "Register a public key.";
    WrongKey "wrong-key" "key": "The signature was made by a key that this account does not have.",
        "Compare the fingerprint of the private key that signs (`countersign key show FILE`) with the registered ones.";
    KidOfAnotherAccount "kid-of-another-account" "key": "The key hint (`kid`) names a key of another account.",
        "Send the hint of your own key, or none.";
    KidUnknown "kid-unknown" "key": "The key hint (`kid`) names no key of the account.",
        "Send the hint of a live key, or none.";
    KidOfAnotherKey "kid-of-another-key" "key": "The key hint (`kid`) names one key of the account, and another one signed.",
        "Send the hint of the key that signs, or none.";
    PublicHalf "public-half-as-private" "key": "The public half of the key pair was used as if it were the private one.",
        "Of the 64 bytes of a NaCl secret key the first 32 are the secret.";
    WrongDigest "wrong-digest" "signature": "The key and the text are right, but the signature is made over another digest.",
        "Sign with the digest that the algorithm names.";
    PssForPkcs1 "pss-for-pkcs1" "signature": "The key and the text are right, but the padding is PSS where PKCS#1 v1.5 is wanted.",
        "Sign with PKCS#1 v1.5 padding.";
    DigestSigned "digest-signed" "signature": "The digest of the text was signed as if it were the text, so it was hashed twice.",
        "Hand the text itself to the signing call, or tell it that it gets a digest.";
    SignedPart "signed-part" "text": "Only a part of the token was signed.",
        "Sign the two encoded parts with the dot between them.";
    SignedLineEnd "signed-line-end" "text": "The text was signed with a line end behind it.",
        "Take the line end off before signing: `printf %s`, `echo -n`, `.strip()`.";
    SignedEncoded "signed-encoded" "text": "The text was encoded once more before it was signed.",
        "Sign the text's own UTF-8 bytes.";
    SignedDecoded "signed-decoded" "text": "The hexadecimal text was decoded before it was signed.",
        "Sign the text as it is written, as UTF-8.";
    SignedOtherCase "signed-other-case" "text": "The text was signed in capitals or small letters.",
        "Sign it in the letters in which it came.";
    SignedWholeJson "signed-whole-json" "text": "A whole JSON text was signed in place of the one value in it.",
        "Sign the value alone.";
    SignedNothing "signed-nothing" "text": "The empty text was signed.",
        "Look why the text was empty when it was signed: a stream that was read already, a variable that was not set.";
    SignedOther "signed-other-text" "text": "The key is right, but it signed another text than the server expects.",
        "Compare the bytes that you signed with those that the server expects.";
    AddressScheme "address-scheme" "text": "The address was signed with another scheme (http or https) than the server sees.",
        "Sign the address that callers use; behind a proxy the operator sets `public_url` or trusts the proxy's headers.";
    AddressHost "address-host" "text": "The address was signed with another host or port than the server sees.",
        "Sign the host in small letters, without the usual port; behind a proxy the operator sets `public_url` or trusts the proxy's headers.";
    AddressPath "address-path" "text": "The address was signed with another path than arrived.",
        "Sign the path byte for byte as it is sent, and look for a proxy that rewrites it.";
    AddressQuery "address-query" "text": "The address was signed with another query than arrived: reordered, dropped or encoded anew.",
        "Sign the query byte for byte as it is sent, after the client has built it.";
    AddressForm "address-form" "text": "Only a part of the address was signed.",
        "Sign the whole address, as in `https://api.example/v1/things?x=1`.";
    MethodOther "method-other" "text": "The request was signed with another method, or with its name in small letters.",
        "Sign the method as it is sent, in capitals.";
    BodyLineEnd "body-line-end" "text": "The body was signed with other line ends, or another white space at its end, than arrived.",
        "Sign the very bytes that are sent; `curl --data` drops line ends, `--data-binary` keeps them.";
    BodyWrittenAgain "body-written-again" "text": "The body was signed in one spelling of its JSON and arrived in another.",
        "Encode the body once, sign that text and send the same bytes; many clients encode objects by themselves.";
    BodyNotSigned "body-not-signed" "text": "The request was signed as if it had no body.",
        "Sign the body, too.";
    BodyEncoded "body-encoded" "text": "The body was encoded once more before it was signed.",
        "Sign the body as it is sent.";
    DigestSpelling "digest-spelling" "text": "The body's digest was signed in another spelling.",
        "Write it as SHA-256 in hexadecimal, in small letters.";
    FieldOrder "field-order" "text": "The parts of the text were signed in another order.",
        "Keep the dialect's order; a sorted map is not the order in which members were added.";
    FieldNames "field-names" "text": "The members of the text were signed under other names.",
        "Use the dialect's names byte for byte.";
    FieldMissing "field-missing" "text": "A part of the text was left out or empty when it was signed.",
        "Sign every part, the empty ones too.";
    FieldSpelling "field-spelling" "text": "A part of the text was signed in other capitals or with spaces around it.",
        "Sign the same bytes that the header carries.";
    JsonSpelling "json-spelling" "text": "The text was signed in a spelling of JSON that this dialect does not take.",
        "Write it compact, as `json_encode` and `JSON.stringify` do, without escapes that they do not write.";
    TextForm "text-form" "text": "The parts were put together in another form than this dialect's.",
        "Put them together as the dialect's page shows.";
    BodyUnseen "body-unseen" "text": "The dialect signs the body, and the body does not reach the verifier here.",
        "Use the gateway, or a proxy that passes the body on.";
    BodyNotText "body-not-text" "text": "The body is not UTF-8, so no text of it can have been signed.",
        "Send UTF-8, or sign in a dialect that covers bytes.";
    BodyTooLarge "body-too-large" "text": "The body is larger than the verifier reads.",
        "Send less, or ask the operator for a higher limit.";
    ClaimMissing "claim-missing" "claim": "A claim that the dialect wants is missing or empty.",
        "Add it before signing.";
    ClaimMisspelt "claim-misspelt" "claim": "A claim is missing, and another one with nearly its name is there.",
        "Use the dialect's name byte for byte.";
    ClaimType "claim-type" "claim": "A claim has the wrong type.",
        "Write times as numbers of seconds without quotes, and names as text.";
    ClaimWrong "claim-wrong" "claim": "A claim does not have the value that the dialect wants.",
        "Set it as the provider says.";
    IssuerWrong "issuer-wrong" "claim": "The issuer (`iss`) is not the one that this dialect wants.",
        "Set it as the provider says, in the same letters.";
    AudienceWrong "audience-wrong" "claim": "The audience (`aud`) is not the one that this dialect wants.",
        "Set it as the provider says.";
    AudienceUnwanted "audience-unwanted" "claim": "The proof names an audience, and this dialect has none.",
        "Leave `aud` out.";
    TokenOfAnotherKind "token-of-another-use" "claim": "The token is of another use than this place takes.",
        "Send the access token here and the refresh token to the refresh call.";
    CompanionMissing "companion-missing" "permission": "The API key beside the proof is missing.",
        "Send the API key's header as well.";
    CompanionMisplaced "companion-misplaced" "permission": "An API key came, but in another header than this dialect looks at.",
        "Send it in the dialect's own header.";
    CompanionUnknown "companion-unknown" "permission": "The API key beside the proof is not one of this account's.",
        "Check it, or have a new one made.";
    CompanionOfAnother "companion-of-another" "permission": "The API key belongs to another account than the proof.",
        "Use the API key and the private key of the same account.";
    CompanionDisabled "companion-disabled" "permission": "The API key beside the proof is switched off.",
        "Have a new one made.";
    UserUnknown "user-unknown" "permission": "The user to act for does not exist.",
        "Check the user's name byte for byte.";
    UserSpelling "user-spelling" "permission": "The user's name differs from a known one in capitals or spaces alone.",
        "Write it byte for byte as it is known.";
    DelegationMissing "delegation-missing" "permission": "This account may not act for that user.",
        "Ask the operator for a delegation.";
    ChallengeUnknown "challenge-unknown" "claim": "The challenge was not issued here for this user.",
        "Ask for a challenge and answer that one, unchanged.";
    ChallengeOld "challenge-old" "time": "The challenge is too old.",
        "Ask for a new one and answer at once.";
    SessionOver "session-over" "permission": "There is no such session, or it ended.",
        "Sign in again.";
    ClockAhead "clock-ahead" "time": "The caller's clock is ahead of the server's.",
        "Set the clock (NTP), or learn the offset from the answers' `countersign-time`.";
    ClockBehind "clock-behind" "time": "The caller's clock is behind the server's, or the request was sent long after it was signed.",
        "Set the clock (NTP), and sign just before sending.";
    TimeZone "time-zone" "time": "The time is off by a time zone: local time was taken for UTC.",
        "Use the seconds since 1970 in UTC: `time.time()`, `Date.now()/1000`, `time()`; never a local date turned into seconds.";
    TooOld "too-old" "time": "The proof is over: it was made too long ago, or by a clock that is behind.",
        "Sign again just before sending; where it was fresh, set the clock.";
    Milliseconds "milliseconds" "time": "The time is in milliseconds or smaller parts, and seconds are wanted.",
        "Divide by 1000 and round down: `Math.floor(Date.now() / 1000)`.";
    LengthForTime "length-for-time" "time": "A length of time stands where a point in time is wanted.",
        "Add it to the time now: `exp` is when the proof ends, not how long it lives.";
    TimeImpossible "time-impossible" "time": "The time is decades from now: a clock that was never set, or a made-up number.",
        "Use the seconds since 1970 at the moment of signing.";
    LifeTooLong "life-too-long" "time": "The proof would live longer than the dialect allows.",
        "Set `exp` nearer to `iat`.";
    EndBeforeStart "end-before-start" "time": "The proof ends before it begins, or at once.",
        "Set `exp` after `iat`.";
    NotBeforeAhead "not-before-ahead" "time": "The proof says itself that it is not to be used yet (`nbf`).",
        "Leave `nbf` out, or set it to the time of signing.";
    UsedBefore "used-before" "time": "The proof was used before, and works once.",
        "Sign every request anew, with a new nonce; also when you try again.";
    BeforeRestart "before-restart" "time": "The proof is dated before what the replay memory can vouch for.",
        "Sign again now.";
    MethodNotAllowed "method-not-allowed" "permission": "The key may not be used with this method.",
        "Use another key, or have the method added.";
    PathNotAllowed "path-not-allowed" "permission": "The key or the account may not be used for this path.",
        "Use another key, or have the path added.";
    NetworkNotAllowed "network-not-allowed" "permission": "The key may not be used from this address.",
        "Send it from one of the key's networks, or have this one added.";
    RouteNotForAccount "route-not-for-account" "permission": "The route does not admit this account.",
        "Ask the operator.";
    RouteWantsMore "route-wants-more" "permission": "The route wants more of the request signed than this dialect signs.",
        "Sign in another dialect of the route, or ask the operator.";
    PathNotPlain "path-not-plain" "text": "The path has dot segments, doubled or encoded slashes, which two servers may read differently.",
        "Send the plain path.";
    ComponentsLacking "components-lacking" "text": "The signature holds and covers less than the dialect wants.",
        "Cover the components that the refusal's Accept-Signature lists.";
    ComponentAbsent "component-absent" "text": "The signature covers something that did not arrive, or that nobody here knows.",
        "Cover what arrives: look for a proxy that removes or renames a header, and spell components as RFC 9421 does.";
    DigestOfAnother "digest-of-another-body" "text": "The body's digest was signed, and another body arrived.",
        "Make the digest of the very bytes that are sent, after compression and every rewriting.";
    DigestNotCounted "digest-not-counted" "text": "The signed digest field has no digest that counts.",
        "Send Content-Digest as `sha-256=:…:` or `sha-512=:…:`.";
    TooMany "too-many-requests" "permission": "Too much came from this address or account; nothing is said about the proof.",
        "Mend what fails, and try again after the time in Retry-After.";
}

#[cfg(test)]
mod tests;
