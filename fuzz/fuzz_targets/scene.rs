//! Fuzzes `scene`: `cargo fuzz run -s none scene fuzz/corpus/scene tests/corpus/scene`.
#![no_main]

use std::sync::LazyLock;

static FOLDER: LazyLock<tempfile::TempDir> = LazyLock::new(|| tempfile::tempdir().expect("a folder"));

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| pinhole_fuzz::scene(bytes, FOLDER.path()));
