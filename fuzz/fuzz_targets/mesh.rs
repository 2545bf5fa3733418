//! Fuzzes `mesh`: `cargo fuzz run -s none mesh fuzz/corpus/mesh tests/corpus/mesh`.
#![no_main]

use std::sync::LazyLock;

static FOLDER: LazyLock<tempfile::TempDir> = LazyLock::new(|| tempfile::tempdir().expect("a folder"));

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| pinhole_fuzz::mesh(bytes, FOLDER.path()));
