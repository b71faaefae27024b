//! Feeds the target `dialect_file` with what libFuzzer makes.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let _ = countersign_fuzzing::parts::dialect_file(data);
});
