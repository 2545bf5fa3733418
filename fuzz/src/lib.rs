//! What the fuzzer feeds bytes to; `tests/corpus.rs` replays every file of `tests/corpus/` through the same functions.

use std::path::Path;

use pinhole::capture::SoundFile;
use pinhole::simulate::parse_scene;
use pinhole::site::{parse_site, read_site};

/// A sound file: opened, and its ends read.
pub fn sound(bytes: &[u8], folder: &Path) {
    let path = folder.join("capture.wav");
    std::fs::write(&path, bytes).expect("space for a file");
    let Ok(file) = SoundFile::open(&path) else { return };
    let count = file.channels();
    let channels: Vec<(usize, usize)> = (0..count).map(|c| (c, c)).collect();
    let frames = file.frames().min(512);
    let mut samples = vec![0.0; frames as usize * count];
    let _ = file.read(file.frames() - frames, &channels, &mut samples, count);
    let _ = file.read(0, &channels, &mut samples, count);
}

/// A site file.
pub fn site(bytes: &[u8], _: &Path) {
    if let Ok(text) = std::str::from_utf8(bytes) {
        let _ = parse_site(text, "site.toml");
    }
}

/// A scene.
pub fn scene(bytes: &[u8], _: &Path) {
    if let Ok(text) = std::str::from_utf8(bytes) {
        let _ = parse_scene(text, "scene.toml");
    }
}

/// A mesh: the first byte says which format, the rest is the file.
pub fn mesh(bytes: &[u8], folder: &Path) {
    let Some((kind, bytes)) = bytes.split_first() else { return };
    let ending = ["stl", "obj", "ply"][usize::from(*kind) % 3];
    std::fs::write(folder.join(format!("hull.{ending}")), bytes).expect("space for a file");
    let text = format!(
        "[path]\nkind = \"air\"\n[[wall]]\nid = \"hull\"\nshape = \"mesh\"\nfile = \"hull.{ending}\"\n\
         [[sensor]]\nid = \"M1\"\nchannel = 1\nposition_m = [0, 0, 0.5]\n"
    );
    let path = folder.join("site.toml");
    std::fs::write(&path, text).expect("space for a file");
    if let Ok(site) = read_site(&path) {
        let _ = site.nearest(&site.sensors[0].position_m);
    }
}
