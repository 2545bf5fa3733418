//! Mutated files of every kind through the program itself: an exit status of the contract, words, bounded memory, no
//! half-written file. A hundred in every run; ten thousand with
//! `cargo test --release --test hostile_files -- --ignored`.

#![cfg(unix)]

mod common;

use std::path::Path;
use std::process::{Command, Stdio};

use common::{names, panel, recorded};
use pinhole::capture::{Encoding, SoundFile, SoundSpec, SoundWriter};
use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// Address space of the program, kB: what it maps is never less than what it holds.
const MEMORY_KB: u32 = 1_000_000;

/// Content with a wound, of a kind chosen by the draw; half of all wounds lie in the first kilobyte.
fn wounded(sound: &[u8], rng: &mut impl Rng) -> Vec<u8> {
    let mut bytes = sound.to_vec();
    for _ in 0..rng.random_range(1..4) {
        if bytes.len() < 8 {
            break;
        }
        let end = if rng.random_bool(0.5) { bytes.len().min(1024) } else { bytes.len() };
        let at = rng.random_range(0..end - 4);
        match rng.random_range(0..7) {
            0 => bytes.truncate(at),
            1 => bytes[at] ^= 1 << rng.random_range(0..8),
            2 => bytes[at] = rng.random(),
            3 => {
                let extreme: [u8; 4] =
                    [0u32, 1, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff][rng.random_range(0..5)].to_le_bytes();
                bytes[at..at + 4].copy_from_slice(&extreme);
            }
            4 => drop(bytes.drain(at..(at + rng.random_range(1..64)).min(end))),
            5 => {
                let part = bytes[at..(at + rng.random_range(1..64)).min(end)].to_vec();
                let to = rng.random_range(0..bytes.len());
                bytes.splice(to..to, part);
            }
            _ => bytes[at..at + 4].fill(b'9'),
        }
    }
    bytes
}

/// The kinds of files, sound and whole: name and content.
fn seeds(folder: &Path) -> Vec<(&'static str, Vec<u8>)> {
    let read = |name: &str| std::fs::read(folder.join(name)).unwrap();
    let capture = SoundFile::open(folder.join("capture.wav")).unwrap();
    let count = capture.channels();
    let channels: Vec<(usize, usize)> = (0..count).map(|c| (c, c)).collect();
    let mut sound = vec![0.0; 4800 * count];
    capture.read(0, &channels, &mut sound, count).unwrap();
    let mut all = vec![("site.toml", read("site.toml"))];
    let guano = (*b"guan", b"GUANO|Version: 1.0\nTE: 2\nTemperature Ext: 20\n".to_vec());
    let tracks = (
        *b"iXML",
        b"<BWFXML><TRACK_LIST><TRACK><CHANNEL_INDEX>1</CHANNEL_INDEX><NAME>a</NAME></TRACK></TRACK_LIST></BWFXML>"
            .to_vec(),
    );
    for encoding in [Encoding::Int16, Encoding::Int24, Encoding::Float32, Encoding::Float64] {
        let valid_bits = 8 * encoding.bytes() as u16;
        let chunks = vec![guano.clone(), tracks.clone(), (*b"bext", vec![b'1'; 602])];
        let spec = SoundSpec { encoding, valid_bits, channels: count, sample_rate_hz: 192_000, frames: 4800, chunks };
        let mut writer = SoundWriter::create(folder.join("seed.wav"), &spec).unwrap();
        writer.write(&sound).unwrap();
        writer.finish().unwrap();
        all.push(("capture.wav", read("seed.wav")));
    }
    std::fs::remove_file(folder.join("seed.wav")).unwrap();
    let of_chunks = all[1].1.clone();
    // The same as RF64: sizes in a chunk of their own.
    let data = of_chunks.windows(4).position(|four| four == b"data").unwrap();
    let mut rf64 = b"RF64\xff\xff\xff\xffWAVEds64".to_vec();
    rf64.extend(28u32.to_le_bytes());
    let samples = (of_chunks.len() - data - 8) as u64;
    [of_chunks.len() as u64 + 28, samples, 4800].iter().for_each(|size| rf64.extend(size.to_le_bytes()));
    rf64.extend([0; 4]);
    rf64.extend(&of_chunks[12..data + 4]);
    rf64.extend([0xff; 4]);
    rf64.extend(&of_chunks[data + 8..]);
    all.push(("capture.wav", rf64));
    all.push(("capture.wav", std::fs::read(common::root().join("tests/data/ramp.flac")).unwrap()));
    all
}

/// Runs the program on `count` mutated files.
fn mutated(count: u64, first_seed: u64) {
    let folder = recorded(&panel(&[]));
    let seeds = seeds(folder.path());
    let commands = [
        "locate capture.wav --no-plots --out out",
        "inspect capture.wav",
        "filter capture.wav --band 20..60kHz -o out.wav",
        "listen capture.wav -o out.wav",
        "listen capture.wav --steer 0.3,0.4,0 -o out.wav",
        "batch capture.wav --site site.toml --no-plots --out out",
    ];
    let sound = std::fs::read(folder.path().join("site.toml")).unwrap();
    let short = seeds[1].1.clone();
    let mut codes = [0; 3];
    for seed in first_seed..first_seed + count {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        std::fs::write(folder.path().join("site.toml"), &sound).unwrap();
        std::fs::write(folder.path().join("capture.wav"), &short).unwrap();
        let (name, content) = &seeds[rng.random_range(0..seeds.len())];
        std::fs::write(folder.path().join(name), wounded(content, &mut rng)).unwrap();
        let command = commands[rng.random_range(0..commands.len())];
        let line = format!("ulimit -v {MEMORY_KB}; exec '{}' {command} --quiet", env!("CARGO_BIN_EXE_pinhole"));
        let mut shell = Command::new("sh");
        shell.args(["-c", &line]).current_dir(folder.path()).stdin(Stdio::null()).env("RAYON_NUM_THREADS", "2");
        let output = shell.output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        let code = output.status.code().unwrap_or(-1);
        assert!((0..=2).contains(&code), "seed {seed}: {command}: exit {code}: {said}");
        assert!(!said.contains("panicked"), "seed {seed}: {command}: {said}");
        assert!(code == 0 || said.starts_with("pinhole: "), "seed {seed}: {command}: {said}");
        codes[code as usize] += 1;
        let left = names(folder.path());
        assert!(left.iter().all(|name| !name.starts_with('.')), "seed {seed}: {command}: {left:?}");
        assert!(code == 0 || !left.contains(&"out.wav".to_owned()), "seed {seed}: {command} left a file");
        let _ = std::fs::remove_file(folder.path().join("out.wav"));
        let _ = std::fs::remove_dir_all(folder.path().join("out"));
    }
    println!("exit 0, 1, 2: {codes:?}");
    assert!(codes[0] > 0 && codes[1] > 0, "mutations that never bite show nothing: {codes:?}");
}

#[test]
fn a_hundred_mutated_files_end_in_an_answer_or_an_error() {
    mutated(100, 1);
}

#[test]
#[ignore = "ten thousand runs of the program take minutes"]
fn ten_thousand_mutated_files_end_in_an_answer_or_an_error() {
    mutated(10_000, 1_000_000);
}
