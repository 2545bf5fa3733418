//! Files that once broke something, and whole ones to begin with: none of them may panic. The fuzzer starts from here, and
//! what it finds is kept here.

#[path = "../fuzz/src/lib.rs"]
mod targets;

use std::path::Path;

fn replay(kind: &str, target: fn(&[u8], &Path)) {
    let folder = tempfile::tempdir().unwrap();
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus").join(kind);
    let mut count = 0;
    for entry in std::fs::read_dir(corpus).unwrap() {
        let path = entry.unwrap().path();
        println!("{}", path.display());
        target(&std::fs::read(path).unwrap(), folder.path());
        count += 1;
    }
    assert!(count > 0);
}

#[test]
fn sounds() {
    replay("sound", targets::sound);
}

#[test]
fn sites() {
    replay("site", targets::site);
}

#[test]
fn scenes() {
    replay("scene", targets::scene);
}

#[test]
fn meshes() {
    replay("mesh", targets::mesh);
}
