//! Feeds the target `answer` with what libFuzzer makes.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let _ = countersign_fuzzing::answer::answer(data);
});
