//! Fuzzes `site`: `cargo fuzz run -s none site fuzz/corpus/site tests/corpus/site`.
#![no_main]

use std::sync::LazyLock;

static FOLDER: LazyLock<tempfile::TempDir> = LazyLock::new(|| tempfile::tempdir().expect("a folder"));

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| pinhole_fuzz::site(bytes, FOLDER.path()));
