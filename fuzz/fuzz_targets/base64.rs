//! Feeds the target `base64` with what libFuzzer makes.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let _ = countersign_fuzzing::parts::base64(data);
});
