//! Feeds the target `form` with what libFuzzer makes.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let _ = countersign_fuzzing::tokens::form(data);
});
