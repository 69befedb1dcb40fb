//! A fuzz target for each name: the file's own name says which.

/// Makes the file that it stands in a fuzz target.
#[macro_export]
macro_rules! target {
    () => {
        libfuzzer_sys::fuzz_target!(|data: &[u8]| -> libfuzzer_sys::Corpus {
            match safelight_fuzzing::run(env!("CARGO_BIN_NAME"), data) {
                safelight_fuzzing::Verdict::Keep => libfuzzer_sys::Corpus::Keep,
                safelight_fuzzing::Verdict::Reject => libfuzzer_sys::Corpus::Reject,
            }
        });
    };
}
