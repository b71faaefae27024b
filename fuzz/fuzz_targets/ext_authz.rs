//! Feeds the target `ext_authz` with what libFuzzer makes.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let _ = countersign_fuzzing::ext_authz::ext_authz(data);
});
