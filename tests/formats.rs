//! Recordings as recorders leave them: every container and width, headers never finished, files above 4 GB, and the same
//! bits as sox, ffmpeg and flac read where those are installed.

mod common;

use std::fs::File;
use std::io::{Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::process::Command;

use pinhole::capture::{Captures, Encoding, SoundFile, SoundSpec, SoundWriter};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// All samples of a file, interleaved.
fn samples(path: &Path) -> Vec<f32> {
    let file = SoundFile::open(path).unwrap();
    let count = file.channels();
    let channels: Vec<(usize, usize)> = (0..count).map(|c| (c, c)).collect();
    let mut all = vec![0.0; file.frames() as usize * count];
    // In two parts of odd length, so that a reader has to find its way.
    let cut = (file.frames() as usize / 3) * count;
    let (first, second) = all.split_at_mut(cut);
    file.read((cut / count) as u64, &channels, second, count).unwrap();
    file.read(0, &channels, first, count).unwrap();
    all
}

fn chunk(name: &[u8], content: &[u8]) -> Vec<u8> {
    let mut bytes = name.to_vec();
    bytes.extend((content.len() as u32).to_le_bytes());
    bytes.extend(content);
    bytes.resize(bytes.len().next_multiple_of(2), 0);
    bytes
}

/// Content of a plain `fmt ` chunk: channels, 192 kHz, bytes of a sample, bits.
fn format(tag: u16, channels: u16, sample_bytes: u16, bits: u16) -> Vec<u8> {
    let block = channels * sample_bytes;
    let mut bytes = tag.to_le_bytes().to_vec();
    bytes.extend(channels.to_le_bytes());
    bytes.extend(192_000u32.to_le_bytes());
    bytes.extend((192_000 * u32::from(block)).to_le_bytes());
    bytes.extend(block.to_le_bytes());
    bytes.extend(bits.to_le_bytes());
    bytes
}

fn riff(chunks: &[Vec<u8>]) -> Vec<u8> {
    let body = [b"WAVE".to_vec(), chunks.concat()].concat();
    chunk(b"RIFF", &body)
}

const W64_TAIL: [u8; 12] = [0xf3, 0xac, 0xd3, 0x11, 0x8c, 0xd1, 0x00, 0xc0, 0x4f, 0x8e, 0xdb, 0x8a];

/// A Wave64 chunk whose content may be longer than what is given.
fn chunk64(name: &[u8; 4], size: u64, content: &[u8]) -> Vec<u8> {
    let mut bytes = name.to_vec();
    bytes.extend(W64_TAIL);
    bytes.extend((size + 24).to_le_bytes());
    bytes.extend(content);
    bytes.resize(bytes.len().next_multiple_of(8), 0);
    bytes
}

fn w64_head(format: &[u8], data_bytes: u64) -> Vec<u8> {
    let mut bytes = b"riff\x2e\x91\xcf\x11\xa5\xd6\x28\xdb\x04\xc1\x00\x00".to_vec();
    bytes.extend((40 + 40 + 24 + data_bytes).to_le_bytes());
    bytes.extend(b"wave");
    bytes.extend(W64_TAIL);
    bytes.extend(chunk64(b"fmt ", format.len() as u64, format));
    bytes.extend(chunk64(b"data", data_bytes, b""));
    bytes
}

fn rf64_head(name: &[u8; 4], format: &[u8], data_bytes: u64) -> Vec<u8> {
    let sizes: Vec<u8> = [36 + 24 + 8 + data_bytes, data_bytes, 0].iter().flat_map(|size| size.to_le_bytes()).collect();
    let mut bytes = [&name[..], b"\xff\xff\xff\xffWAVE"].concat();
    bytes.extend(chunk(b"ds64", &[&sizes[..], &[0; 4]].concat()));
    bytes.extend(chunk(b"fmt ", format));
    bytes.extend(b"data\xff\xff\xff\xff");
    bytes
}

fn written(folder: &tempfile::TempDir, bytes: &[u8]) -> PathBuf {
    let path = folder.path().join("x.wav");
    std::fs::write(&path, bytes).unwrap();
    path
}

#[test]
fn chunks_may_stand_in_any_order_and_be_of_any_size() {
    let folder = tempfile::tempdir().unwrap();
    let data = chunk(b"data", &[0, 64, 0, 192, 1, 0]);
    let fmt = chunk(b"fmt ", &format(1, 1, 2, 16));
    let list = chunk(b"LIST", &vec![b'x'; 5_000_001]);
    let guano = chunk(b"guan", b"GUANO|Version: 1.0\nTemperature Ext: 21.5\nHumidity: 30\n");
    let expected = [0.5, -0.5, 1.0 / 32768.0];
    for chunks in [
        vec![fmt.clone(), data.clone()],
        vec![list.clone(), fmt.clone(), chunk(b"JUNK", &[0; 27]), data.clone()],
        vec![fmt.clone(), list.clone(), data.clone(), list.clone(), guano.clone()],
        vec![data.clone(), fmt.clone()],
        vec![fmt.clone(), data.clone(), b"nonsense".to_vec()],
    ] {
        let path = written(&folder, &riff(&chunks));
        assert_eq!(samples(&path), expected);
        assert!(SoundFile::open(&path).unwrap().warnings().is_empty());
    }
    let path = written(&folder, &riff(&[fmt, data, guano]));
    let file = SoundFile::open(&path).unwrap();
    assert_eq!((file.notes().temperature_c, file.notes().humidity_pct), (Some(21.5), Some(30.0)));
}

#[test]
fn a_header_that_was_never_finished_gives_what_is_there_and_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let values: Vec<u8> = (0..2001u16).flat_map(|i| i.wrapping_mul(31).to_le_bytes()).collect();
    let fmt = chunk(b"fmt ", &format(1, 2, 2, 16));
    for declared in [0u32, u32::MAX] {
        let mut bytes = riff(std::slice::from_ref(&fmt));
        bytes[4..8].copy_from_slice(&declared.to_le_bytes());
        bytes.extend(b"data");
        bytes.extend(declared.to_le_bytes());
        bytes.extend(&values);
        let path = written(&folder, &bytes);
        let file = SoundFile::open(&path).unwrap();
        assert_eq!((file.frames(), file.is_complete()), (1000, false), "the last frame is cut and left out");
        assert!(file.warnings()[0].contains("never finished"), "{:?}", file.warnings());
        assert_eq!(samples(&path)[5], f32::from(155i16) / 32768.0);
    }
    // A data chunk that really is empty, and says so by what follows it.
    let path = written(&folder, &riff(&[fmt, chunk(b"data", b""), chunk(b"LIST", &[1; 400])]));
    assert!(SoundFile::open(&path).unwrap_err().to_string().contains("no samples"));
}

#[test]
fn twenty_four_bits_in_four_bytes_and_double_precision_are_read() {
    let folder = tempfile::tempdir().unwrap();
    let values = [0.5f32, -1.0, 1.0 / 8_388_608.0, 0.123_456_7];
    let tops: Vec<u8> = values.iter().flat_map(|x| ((x * 8_388_608.0) as i32 * 256).to_le_bytes()).collect();
    let mut extensible = format(0xfffe, 1, 4, 32);
    extensible.extend([22, 0, 24, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0x10, 0, 0x80, 0, 0, 0xaa, 0, 0x38, 0x9b, 0x71]);
    for fmt in [extensible, format(1, 1, 4, 24)] {
        let path = written(&folder, &riff(&[chunk(b"fmt ", &fmt), chunk(b"data", &tops)]));
        let read = samples(&path);
        assert!(read.iter().zip(values).all(|(a, b)| (a - b).abs() < 1.2e-7), "{read:?}");
        assert_eq!(SoundFile::open(&path).unwrap().resolution(), (-23f32).exp2());
    }
    let doubles: Vec<u8> = values.iter().flat_map(|x| f64::from(*x).to_le_bytes()).collect();
    let path = written(&folder, &riff(&[chunk(b"fmt ", &format(3, 1, 8, 64)), chunk(b"data", &doubles)]));
    assert_eq!(samples(&path), values);
    let path =
        written(&folder, &riff(&[chunk(b"fmt ", &format(3, 1, 8, 64)), chunk(b"data", &f64::MAX.to_le_bytes())]));
    let error = SoundFile::open(&path).unwrap().read(0, &[(0, 0)], &mut [0.0], 1).unwrap_err().to_string();
    assert!(error.contains("channel 1") && error.contains("not a finite number"), "{error}");
}

/// 6 GB of 2 channels in 16 bits, all silent but the last frame; the file is sparse.
fn sparse(path: &Path, head: &[u8], data_bytes: u64) {
    let mut file = File::create(path).unwrap();
    file.write_all(head).unwrap();
    file.set_len(head.len() as u64 + data_bytes).unwrap();
    file.seek(SeekFrom::End(-4)).unwrap();
    file.write_all(&[0, 64, 0, 192]).unwrap();
}

#[test]
fn files_of_6_gb_are_read_to_their_last_frame() {
    const BYTES: u64 = 6_000_000_000;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("long.wav");
    let fmt = format(1, 2, 2, 16);
    let wrapped = {
        // A recorder that counts modulo 4 GB.
        let mut bytes = riff(&[chunk(b"fmt ", &fmt)]);
        bytes.extend(b"data");
        bytes.extend((BYTES as u32).to_le_bytes());
        bytes
    };
    let heads = [
        ("RF64", rf64_head(b"RF64", &fmt, BYTES)),
        ("RF64", rf64_head(b"BW64", &fmt, BYTES)),
        ("Wave64", w64_head(&fmt, BYTES)),
        ("WAV", wrapped),
    ];
    for (kind, head) in heads {
        sparse(&path, &head, BYTES);
        let file = SoundFile::open(&path).unwrap();
        assert_eq!((file.container(), file.frames()), (kind, BYTES / 4));
        assert_eq!(file.warnings().len(), usize::from(kind == "WAV"), "{:?}", file.warnings());
        let mut last = [9.0; 4];
        file.read(BYTES / 4 - 2, &[(0, 0), (1, 1)], &mut last, 2).unwrap();
        assert_eq!(last, [0.0, 0.0, 0.5, -0.5], "{kind}");
    }
}

#[test]
fn what_is_written_is_read_again_with_its_notes() {
    let folder = tempfile::tempdir().unwrap();
    let guano = (*b"guan", b"GUANO|Version: 1.0\nTE: 8\nSamplerate: 1536000 \n".to_vec());
    let encodings = [
        (Encoding::Unsigned8, 8),
        (Encoding::Int16, 16),
        (Encoding::Int24, 20),
        (Encoding::Int24, 24),
        (Encoding::Int32, 32),
        (Encoding::Float32, 32),
        (Encoding::Float64, 64),
    ];
    for (name, kind) in [("x.wav", "WAV"), ("x.w64", "Wave64"), ("x.flac", "FLAC")] {
        for ((encoding, valid_bits), channels) in encodings.into_iter().flat_map(|e| [(e, 1), (e, 3)]) {
            let path = folder.path().join(name);
            let chunks = vec![guano.clone()];
            let spec = SoundSpec { encoding, valid_bits, channels, sample_rate_hz: 192_000, frames: 9, chunks };
            let made = SoundWriter::create(&path, &spec);
            if kind == "FLAC" && encoding.is_float() {
                assert!(made.unwrap_err().to_string().contains("call it .wav"));
                continue;
            }
            let mut writer = made.unwrap();
            let sound: Vec<f32> = (0..9 * channels).map(|i| (i as f32 * 17.0).rem_euclid(128.0) / 64.0 - 1.0).collect();
            sound.chunks(2 * channels).for_each(|part| writer.write(part).unwrap());
            assert_eq!(writer.finish().unwrap(), 0);
            assert_eq!(samples(&path), sound, "{kind} {encoding:?}");
            let file = SoundFile::open(&path).unwrap();
            assert_eq!((file.container(), file.valid_bits()), (kind, valid_bits));
            assert_eq!((file.sample_rate_hz(), file.header_rate_hz(), file.frames()), (1_536_000, 192_000, 9));
            assert!(file.is_complete() && file.warnings().len() == 1, "{:?}", file.warnings());
            assert_eq!(SoundSpec::like(&file).chunks, spec.chunks);
            if kind == "WAV" && encoding != Encoding::Float64 {
                assert_eq!(hound::WavReader::open(&path).unwrap().duration(), 9, "{encoding:?}");
            }
        }
    }
    let nine = SoundSpec {
        encoding: Encoding::Int16,
        valid_bits: 16,
        channels: 9,
        sample_rate_hz: 192_000,
        frames: 9,
        chunks: vec![],
    };
    let refused = SoundWriter::create(folder.path().join("nine.flac"), &nine).unwrap_err().to_string();
    assert!(refused.contains("9 channels"), "{refused}");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 3, "what is refused or done leaves nothing beside");
}

#[test]
fn flac_is_read_from_any_frame_on_and_a_cut_one_says_so() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/ramp.flac");
    // 3 channels, 24 bits, 96 kHz, 20 000 frames of i·(c + 1)·97 modulo 2^23, less 2^22.
    let expected: Vec<f32> = (0..20_000u64)
        .flat_map(|i| (1..=3u64).map(move |c| ((i * c * 97) % (1 << 23)) as f32 - (1 << 22) as f32))
        .map(|x| x / 8_388_608.0)
        .collect();
    assert!(samples(&path) == expected);
    let file = SoundFile::open(&path).unwrap();
    assert_eq!((file.container(), file.channels(), file.sample_rate_hz(), file.valid_bits()), ("FLAC", 3, 96_000, 24));
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    for _ in 0..50 {
        let first = rng.random_range(0..19_000usize);
        let mut part = vec![0.0; 2 * rng.random_range(1..1000)];
        file.read(first as u64, &[(0, 2), (1, 0)], &mut part, 2).unwrap();
        let right = |(i, x): (usize, &f32)| *x == expected[3 * (first + i / 2) + if i % 2 == 0 { 2 } else { 0 }];
        assert!(part.iter().enumerate().all(right), "from {first}");
    }
    let whole = std::fs::read(&path).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let cut = folder.path().join("cut.flac");
    std::fs::write(&cut, &whole[..whole.len() * 7 / 8]).unwrap();
    let file = SoundFile::open(&cut).unwrap();
    assert!((1000..19_000).contains(&file.frames()) && !file.is_complete());
    assert!(file.warnings()[0].contains("promises 0.208 s"), "{:?}", file.warnings());
    assert!(samples(&cut) == expected[..3 * file.frames() as usize]);
}

#[test]
fn mono_files_make_one_array() {
    let folder = common::recorded(&common::panel(&[]));
    let capture = folder.path().join("capture.wav");
    let file = SoundFile::open(&capture).unwrap();
    let spec = SoundSpec { channels: 1, ..SoundSpec::like(&file) };
    let mut paths = Vec::new();
    for channel in 0..file.channels() {
        let mut sound = vec![0.0; file.frames() as usize];
        file.read(0, &[(0, channel)], &mut sound, 1).unwrap();
        let path = folder.path().join(format!("mono{}.wav", channel + 1));
        let mut writer = SoundWriter::create(&path, &spec).unwrap();
        writer.write(&sound).unwrap();
        writer.finish().unwrap();
        paths.push(path);
    }
    assert_eq!(Captures::open(&paths).unwrap().channels(), file.channels());
    let site = pinhole::site::read_site(&folder.path().join("site.toml")).unwrap();
    let whole = common::located_in(folder.path(), &site);
    let parts = pinhole::locate::locate(
        &site,
        Captures::open(&paths).unwrap(),
        None,
        &pinhole::locate::Options::default(),
        &|_, _| (),
    );
    let place = |outcome: &pinhole::locate::Outcome| outcome.leaks[0].point.position_m;
    assert_eq!(place(&whole), place(&parts.unwrap()));
    let names: Vec<String> = paths[..3].iter().map(|p| p.file_name().unwrap().to_string_lossy().into_owned()).collect();
    let ran = common::say(folder.path(), &format!("locate {} --site site.toml", names.join(" ")));
    ran.refused(2, &["3 capture files given", "mono file for each"]);
}

/// Runs a tool; false, with a word on stderr, where it is not installed.
fn ran(tool: &str, arguments: &[&str]) -> bool {
    match Command::new(tool).args(arguments).output() {
        Ok(output) => {
            assert!(output.status.success(), "{tool} {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
            true
        }
        Err(_) => {
            eprintln!("{tool} is not installed: files made by it are not compared");
            false
        }
    }
}

#[test]
fn files_made_by_ffmpeg_sox_and_flac_are_read_bit_by_bit() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let mut rng = ChaCha8Rng::seed_from_u64(7);
    let spec = SoundSpec {
        encoding: Encoding::Float32,
        valid_bits: 32,
        channels: 3,
        sample_rate_hz: 192_000,
        frames: 30_000,
        chunks: Vec::new(),
    };
    let mut writer = SoundWriter::create(at("noise.wav"), &spec).unwrap();
    let sound: Vec<f32> = (0..90_000).map(|_| rng.random_range(-0.99..0.99)).collect();
    writer.write(&sound).unwrap();
    writer.finish().unwrap();
    // The tool's own decoding to raw floats is the reference.
    let same = |made: &str, raw: &str, number: fn([u8; 4]) -> f32| {
        let raw = std::fs::read(raw).unwrap();
        let reference: Vec<f32> = raw.as_chunks::<4>().0.iter().map(|bytes| number(*bytes)).collect();
        let read = samples(Path::new(made));
        let off = read.iter().zip(&reference).position(|(a, b)| a != b);
        assert_eq!(off.map(|i| (i, read[i], reference[i])), None, "{made}");
        assert_eq!(reference.len(), 90_000, "{made}");
    };
    let noise = at("noise.wav");
    let quiet = ["-v", "error", "-y", "-i"];
    for codec in ["pcm_u8", "pcm_s16le", "pcm_s24le", "pcm_s32le", "pcm_f32le", "pcm_f64le", "flac"] {
        for (muxer, more) in [("wav", vec![]), ("wav", vec!["-rf64", "always"]), ("w64", vec![]), ("flac", vec![])] {
            if (codec == "flac") != (muxer == "flac") {
                continue;
            }
            let (made, raw) = (at(&format!("made.{muxer}")), at("made.raw"));
            let make = [&quiet[..], &[&noise, "-c:a", codec], &more, &["-f", muxer, &made]].concat();
            let decode = [&quiet[..], &[&made, "-c:a", "pcm_f32le", "-f", "f32le", &raw]].concat();
            if ran("ffmpeg", &make) && ran("ffmpeg", &decode) {
                same(&made, &raw, f32::from_le_bytes);
            }
        }
    }
    // sox works in integers of 32 bits and rounds floats in a way of its own.
    let whole_number = |bytes| i32::from_le_bytes(bytes) as f32 / 2_147_483_648.0;
    for (bits, kind) in [("8", "wav"), ("16", "wav"), ("24", "wav"), ("32", "wav"), ("16", "w64"), ("24", "w64")] {
        let (made, raw) = (at(&format!("made.{kind}")), at("made.raw"));
        let encoding = if bits == "8" { "unsigned-integer" } else { "signed-integer" };
        let make = ["-D", &noise, "-b", bits, "-e", encoding, &made];
        let decode = ["-D", &made, "-t", "raw", "-e", "signed-integer", "-b", "32", &raw];
        if ran("sox", &make) && ran("sox", &decode) {
            same(&made, &raw, whole_number);
        }
    }
    let (pcm, made, raw) = (at("pcm.wav"), at("made.flac"), at("made.raw"));
    let encoded = ran("sox", &["-D", &noise, "-b", "24", &pcm])
        && ran("flac", &["--silent", "--force", "--channel-map=none", "-8", "-o", &made, &pcm])
        && ran("sox", &["-D", &pcm, "-t", "raw", "-e", "signed-integer", "-b", "32", &raw]);
    if encoded {
        same(&made, &raw, whole_number);
    }
}
