//! What makes a result the same: the samples, the site, the settings and the version.

use super::inputs::Input;
use crate::capture::digest;
use crate::error::Result;

/// A fingerprint of a capture's bytes and of everything that its result depends on, hexadecimal.
///
/// # Errors
/// [`Error::Io`](crate::Error::Io) where a file cannot be read.
pub fn key(input: &Input, settings: &str) -> Result<String> {
    let mut all = blake3::Hasher::new();
    all.update(env!("CARGO_PKG_VERSION").as_bytes());
    all.update(&[0]);
    all.update(settings.as_bytes());
    for path in &input.files {
        // One digest a file, or bytes could wander from one to the next unnoticed.
        all.update(digest(path)?.as_bytes());
    }
    Ok(all.finalize().to_hex()[..32].to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_and_settings_count_and_names_do_not() {
        let folder = tempfile::tempdir().unwrap();
        let input = |name: &str, bytes: &str| {
            let path = folder.path().join(name);
            std::fs::write(&path, bytes).unwrap();
            Input { files: vec![path] }
        };
        let (a, same, other) = (input("a", "sound"), input("b", "sound"), input("c", "noise"));
        assert_eq!(key(&a, "x").unwrap(), key(&same, "x").unwrap());
        assert_ne!(key(&a, "x").unwrap(), key(&other, "x").unwrap());
        assert_ne!(key(&a, "x").unwrap(), key(&a, "y").unwrap());
    }
}
