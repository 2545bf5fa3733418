//! Fuzzes `sound`: `cargo fuzz run -s none sound fuzz/corpus/sound tests/corpus/sound`.
#![no_main]

use std::sync::LazyLock;

static FOLDER: LazyLock<tempfile::TempDir> = LazyLock::new(|| tempfile::tempdir().expect("a folder"));

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| pinhole_fuzz::sound(bytes, FOLDER.path()));
