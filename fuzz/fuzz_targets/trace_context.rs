//! Feeds the target `trace_context` with what libFuzzer makes.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let _ = countersign_fuzzing::parts::trace_context(data);
});
