//! Cut, flipped and absurd input: an error that a person can use, never a panic, nothing half-written.
//!
//! Most captures are broken in process, where a panic fails the test by itself; some go through the program as well, to
//! see its exit status and what lies in the folder afterwards. Every draw is seeded.

mod common;

use std::ffi::OsString;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use common::{PANEL, Ran, located, names, panel, program, recorded, run, say};
use pinhole::locate::Options;
use pinhole::simulate::{parse_scene, simulate};
use pinhole::site::{parse_site, read_site};
use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// Whatever happened is one of the contract's outcomes, and no file is half there.
#[track_caller]
fn well_behaved(ran: &Ran, folder: &Path, before: &[String]) {
    assert!([0, 1, 2].contains(&ran.code), "{ran:?}");
    assert!(!ran.stderr.contains("panicked"), "{ran:?}");
    let result = folder.join("out/result.json");
    if ran.code == 0 {
        let result = common::json(result);
        assert!(["leak", "no-leak", "inconclusive"].map(serde_json::Value::from).contains(&result["verdict"]));
    } else {
        ran.refused(ran.code, &[]);
        assert!(!result.exists(), "{ran:?}");
    }
    let left: Vec<String> = names(folder).into_iter().filter(|name| name != "out").collect();
    assert_eq!(left, before, "{ran:?}");
    assert!(names(&folder.join("out")).iter().all(|name| !name.starts_with('.')), "{ran:?}");
}

/// The capture with one wound, of a kind chosen by the draw.
fn wounded(sound: &[u8], rng: &mut impl Rng) -> (String, Vec<u8>) {
    let mut bytes = sound.to_vec();
    let header = 68.min(bytes.len());
    match rng.random_range(0..8) {
        0 => {
            let length = rng.random_range(0..bytes.len());
            bytes.truncate(length);
            (format!("cut to {length}"), bytes)
        }
        1 => {
            let length = rng.random_range(0..header);
            bytes.truncate(length);
            (format!("cut in the header to {length}"), bytes)
        }
        2 => {
            let (at, bit) = (rng.random_range(0..header), rng.random_range(0..8));
            bytes[at] ^= 1 << bit;
            (format!("bit {bit} of header byte {at} flipped"), bytes)
        }
        3 => {
            for _ in 0..200 {
                let at = rng.random_range(0..bytes.len());
                bytes[at] ^= 1 << rng.random_range(0..8);
            }
            ("200 bits flipped anywhere".into(), bytes)
        }
        4 => {
            let (at, value) = (rng.random_range(4..header - 4), rng.random::<u32>() >> rng.random_range(0..32));
            bytes[at..at + 4].copy_from_slice(&value.to_le_bytes());
            (format!("header bytes {at}.. are {value:#x}"), bytes)
        }
        5 => {
            let (at, length) = (rng.random_range(0..bytes.len() - 1000), rng.random_range(1..1000));
            bytes.drain(at..at + length);
            (format!("{length} bytes lost at {at}"), bytes)
        }
        6 => {
            let (at, length) = (rng.random_range(12..bytes.len()), rng.random_range(1..5000));
            let junk: Vec<u8> = (0..length).map(|_| rng.random()).collect();
            bytes.splice(at..at, junk);
            (format!("{length} bytes of junk at {at}"), bytes)
        }
        _ => {
            let (from, value) = (rng.random_range(header..bytes.len()), if rng.random() { 0 } else { 0xff });
            bytes[from..].fill(value);
            (format!("all {value:#x} from {from} on"), bytes)
        }
    }
}

#[test]
fn hundreds_of_wounded_captures_are_located_or_refused() {
    // More on a free night: PINHOLE_WOUNDS=5000.
    let wounds = std::env::var("PINHOLE_WOUNDS").ok().and_then(|n| n.parse().ok()).unwrap_or(100);
    for (format, seed) in [("int16", 1), ("float32", 2), ("int24", 3)] {
        let folder = recorded(&panel(&[("int16", format), ("duration_s = 0.1", "duration_s = 0.03")]));
        let site = read_site(&folder.path().join("site.toml")).unwrap();
        let sound = std::fs::read(folder.path().join("capture.wav")).unwrap();
        let path = folder.path().join("wounded.wav");
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let (mut done, mut refused) = (0, 0);
        for number in 0..wounds {
            let (wound, bytes) = wounded(&sound, &mut rng);
            std::fs::write(&path, bytes).unwrap();
            let end = catch_unwind(AssertUnwindSafe(|| located(&site, &path, &Options::default())));
            match end.unwrap_or_else(|_| panic!("{format} {number}: {wound}: a panic")) {
                Ok(outcome) => {
                    done += 1;
                    assert!(outcome.candidates[0].point.position_m.iter().all(|x| x.is_finite()), "{format}: {wound}");
                }
                Err(error) => {
                    refused += 1;
                    let said = error.to_string();
                    assert!((1..=3).contains(&said.lines().count()), "{format}: {wound}: {said}");
                    let file_or_flag = said.contains("wounded.wav") || error.exit_code() == 2;
                    assert!(file_or_flag, "{format}: {wound}: {said}");
                }
            }
        }
        // Wounds of all kinds were drawn: some captures live, some do not.
        assert!(done > 10 && refused > 10, "{format}: {done} located, {refused} refused");
    }
}

#[test]
fn wounded_captures_leave_the_programs_folder_clean() {
    let folder = recorded(&panel(&[("duration_s = 0.1", "duration_s = 0.03")]));
    let sound = std::fs::read(folder.path().join("capture.wav")).unwrap();
    let before = names(folder.path());
    let mut rng = ChaCha8Rng::seed_from_u64(4);
    for _ in 0..40 {
        let (_, bytes) = wounded(&sound, &mut rng);
        std::fs::write(folder.path().join("capture.wav"), bytes).unwrap();
        let ran = say(folder.path(), "locate capture.wav --no-plots --out out");
        well_behaved(&ran, folder.path(), &before);
        let _ = std::fs::remove_dir_all(folder.path().join("out"));
    }
}

/// A WAV header with these fields before `data` bytes of samples.
fn wav(channels: u16, rate_hz: u32, bits: u16, tag: u16, declared: u32, data: &[u8]) -> Vec<u8> {
    let block = channels.wrapping_mul(bits / 8);
    let mut bytes = b"RIFF\xff\xff\xff\x7fWAVEfmt \x10\0\0\0".to_vec();
    bytes.extend(tag.to_le_bytes());
    bytes.extend(channels.to_le_bytes());
    bytes.extend(rate_hz.to_le_bytes());
    bytes.extend(rate_hz.wrapping_mul(u32::from(block)).to_le_bytes());
    bytes.extend(block.to_le_bytes());
    bytes.extend(bits.to_le_bytes());
    bytes.extend(b"data");
    bytes.extend(declared.to_le_bytes());
    bytes.extend(data);
    bytes
}

#[test]
fn absurd_captures_are_refused_by_name() {
    let folder = recorded(&panel(&[]));
    let path = folder.path().join("capture.wav");
    let noise: Vec<u8> = {
        let mut rng = ChaCha8Rng::seed_from_u64(5);
        (0..40_000).map(|_| rng.random()).collect()
    };
    let size = noise.len() as u32;
    let cases: Vec<(&str, Vec<u8>, i32)> = vec![
        ("nothing at all", Vec::new(), 1),
        ("only zeros", vec![0; 4096], 1),
        ("text", b"leak near the hatch, call me".to_vec(), 1),
        ("no channel", wav(0, 192_000, 16, 1, size, &noise), 1),
        ("65535 channels", wav(65_535, 192_000, 16, 1, size, &noise), 1),
        ("no sample rate", wav(5, 0, 16, 1, size, &noise), 1),
        ("4 GHz", wav(5, u32::MAX, 16, 1, size, &noise), 1),
        ("no bits", wav(5, 192_000, 0, 1, size, &noise), 1),
        ("an ADPCM tag", wav(5, 192_000, 16, 2, size, &noise), 1),
        ("64-bit floats", wav(5, 192_000, 64, 3, size, &noise), 1),
        ("no samples", wav(5, 192_000, 16, 1, 0, &[]), 1),
        ("half a frame", wav(5, 192_000, 16, 1, 6, &noise[..6]), 1),
        ("a few frames", wav(5, 192_000, 16, 1, 100, &noise[..100]), 2),
        ("one channel", wav(1, 192_000, 16, 1, size, &noise), 2),
        ("NaN", wav(5, 192_000, 32, 3, 40_000, &f32::NAN.to_le_bytes().repeat(10_000)), 1),
        ("infinity", wav(5, 192_000, 32, 3, 40_000, &f32::INFINITY.to_le_bytes().repeat(10_000)), 1),
        ("silence", wav(5, 192_000, 16, 1, 40_000, &[0; 40_000]), 2),
        ("all at the rail", wav(5, 192_000, 16, 1, 40_000, &[0xff, 0x7f].repeat(20_000)), 2),
        ("a rate of 1 Hz", wav(5, 1, 16, 1, size, &noise), 0),
    ];
    let before = names(folder.path());
    for (what, bytes, code) in cases {
        std::fs::write(&path, bytes).unwrap();
        let ran = say(folder.path(), "locate capture.wav --no-plots --out out");
        assert_eq!(ran.code, code, "{what}: {ran:?}");
        well_behaved(&ran, folder.path(), &before);
        let _ = std::fs::remove_dir_all(folder.path().join("out"));
        assert!(code != 1 || ran.stderr.contains("capture.wav"), "{what}: {ran:?}");
    }
    // Floats as large as they get: their squares are beyond single precision (a panic in a covariance, once).
    let huge: Vec<u8> = (0..20_000u32).flat_map(|i| (if i % 3 == 0 { 3e38f32 } else { -2e38 }).to_le_bytes()).collect();
    std::fs::write(&path, wav(5, 192_000, 32, 3, huge.len() as u32, &huge)).unwrap();
    let ran = say(folder.path(), "locate capture.wav --no-plots --out out");
    ran.refused(1, &["capture.wav", "channel 1", "3e38", "full scale is 1"]);
    well_behaved(&ran, folder.path(), &before);
    let _ = std::fs::remove_dir_all(folder.path().join("out"));
    // A header that promises more than there is, as a recorder leaves it when its battery dies.
    std::fs::write(&path, wav(5, 192_000, 16, 1, u32::MAX, &noise)).unwrap();
    let ran = say(folder.path(), "locate capture.wav --no-plots --out out");
    well_behaved(&ran, folder.path(), &before);
}

#[test]
fn absurd_sites_are_refused_with_the_way_out() {
    let folder = recorded(&panel(&[]));
    let good = std::fs::read_to_string(folder.path().join("site.toml")).unwrap();
    let changed = |from: &str, to: &str| {
        assert!(good.contains(from), "{from} in {good}");
        good.replacen(from, to, 1).into_bytes()
    };
    let cases: Vec<(Vec<u8>, &[&str])> = vec![
        (changed("humidity_pct", "humidty_pct"), &["unknown key 'humidty_pct'", "did you mean 'humidity_pct'?"]),
        (changed("temperature_c = 22.0", "temperature_c = nan"), &["temperature_c", "not finite"]),
        (changed("temperature_c = 22.0", "temperature_c = -inf"), &["temperature_c", "not finite"]),
        (changed("[1.0, 0.8]", "[1e308, 1e308]"), &["size_m", "1e308"]),
        (changed("[1.0, 0.8]", "[1e-300, 0.8]"), &["size_m"]),
        (changed("[1.0, 0.8]", "[0, 0]"), &["size_m"]),
        (changed("[0.05, 0.04, 0.31]", "[1e308, 0, 0]"), &["position_m", "1e308"]),
        // Four gigabytes were asked for and the process aborted, once; millimetres took half a minute.
        (changed("[0.05, 0.04, 0.31]", "[1e5, 0, 0]"), &["'M1' and", "m apart", "metres"]),
        (changed("[0.93, 0.09, 0.27]", "[930.0, 90.0, 270.0]"), &["'M2'", "m apart", "metres"]),
        (changed("[0.05, 0.04, 0.31]", "[0.05, 0.04]"), &["position_m", "3 numbers"]),
        (changed("channel = 1", "channel = 99999999999999999999"), &["channel"]),
        (changed("channel = 1", "channel = 77"), &["5 channels", "channel 77"]),
        (changed("channel = 2", "channel = 1"), &["'M1' and 'M2'"]),
        (changed("id = \"M2\"", "id = \"M1\""), &["'M1'"]),
        (changed("position_m = [0.05, 0.04, 0.31]", "wall = \"panel\"\nu_m = 3.0\nv_m = 0.1"), &["u_m", "'panel'"]),
        (changed("position_m = [0.05, 0.04, 0.31]", "wall = \"hull\"\nu_m = 0.1\nv_m = 0.1"), &["'hull'", "panel"]),
        (good.replace("[path]", "[pfad]").into_bytes(), &["path"]),
        (good.replace("[[wall]]", "[[door]]").into_bytes(), &["wall"]),
        (good.replace("[[sensor]]", "[[ear]]").into_bytes(), &["sensor"]),
        (changed("\"air\"", "\"air\\n\\n\\n\\n\\u001b[31m\""), &["'kind' is 'air····", "known: air, plate"]),
        (changed("humidity_pct", &"k".repeat(100_000)), &["unknown key 'kkk", "…"]),
        (Vec::new(), &["'path' is missing"]),
        (b"\n\n\n".to_vec(), &["'path' is missing"]),
        (vec![0xff, 0xfe, 0, 1, 2, 3], &["UTF-8"]),
        (vec![0; 10_000], &["not valid TOML"]),
        (format!("a = {}", "[".repeat(5000)).into_bytes(), &["not valid TOML"]),
        (format!("a = {}1{}", "{b = ".repeat(5000), "}".repeat(5000)).into_bytes(), &["not valid TOML"]),
        (format!("[{}a]\nb = 1", "a.".repeat(5000)).into_bytes(), &["site.toml:1"]),
        (b"# nothing but words\n".repeat(400_000), &["at most"]),
        (b"[[sensor]]\n".repeat(10_000), &["site.toml"]),
    ];
    for (bytes, parts) in cases {
        std::fs::write(folder.path().join("site.toml"), &bytes).unwrap();
        let before = names(folder.path());
        let ran = say(folder.path(), "locate capture.wav --out out");
        let start = String::from_utf8_lossy(&bytes[..bytes.len().min(60)]).into_owned();
        assert_eq!(ran.code, 2, "{start}: {ran:?}");
        well_behaved(&ran, folder.path(), &before);
        // Long keys must not flood the terminal either.
        assert!(ran.stderr.len() < 2000, "{start}: {} bytes said", ran.stderr.len());
        assert!(ran.stderr.contains("site") || ran.stderr.contains("position_m"), "{ran:?}");
        assert!(parts.iter().all(|part| ran.stderr.contains(part)), "{ran:?} lacks one of {parts:?}");
    }
}

#[test]
fn sites_and_scenes_with_flipped_bytes_never_panic() {
    let mut rng = ChaCha8Rng::seed_from_u64(6);
    let absurd = ["nan", "-inf", "1e308", "-1", "0", "9223372036854775807", "[]", "{}", "\"\"", "[[1]]", "1979-05-27"];
    for number in 0..600 {
        let mut text = PANEL.as_bytes().to_vec();
        if number % 2 == 0 {
            for _ in 0..rng.random_range(1..6) {
                let at = rng.random_range(0..text.len());
                text[at] = rng.random_range(9..127);
            }
        } else {
            // One value becomes an absurd one.
            let lines: Vec<&str> = PANEL.lines().collect();
            let keys: Vec<usize> = (0..lines.len()).filter(|&i| lines[i].contains(" = ")).collect();
            let chosen = keys[rng.random_range(0..keys.len())];
            let value = absurd[rng.random_range(0..absurd.len())];
            let mend = |(i, line): (usize, &&str)| match line.split_once(" = ") {
                Some((key, _)) if i == chosen => format!("{key} = {value}\n"),
                _ => format!("{line}\n"),
            };
            text = lines.iter().enumerate().map(mend).collect::<String>().into_bytes();
        }
        let Ok(text) = String::from_utf8(text) else { continue };
        let end = catch_unwind(|| {
            let _ = parse_site(&text, "site.toml");
            parse_scene(&text, "scene.toml").map(|scene| {
                // A whole simulation only where it is short.
                (scene.capture.duration_s * f64::from(scene.capture.sample_rate_hz) < 1e5).then(|| simulate(&scene))
            })
        });
        match end {
            Err(_) => panic!("{number}: a panic on\n{text}"),
            Ok(Err(error)) => {
                let said = error.to_string();
                assert!(error.exit_code() == 2 && (1..=3).contains(&said.lines().count()), "{said}");
            }
            Ok(Ok(Some(Err(error)))) => assert_eq!(error.exit_code(), 2, "{error}"),
            Ok(Ok(_)) => {}
        }
    }
}

#[test]
fn absurd_scenes_are_refused_and_nothing_is_written() {
    let folder = tempfile::tempdir().unwrap();
    for (from, to, part) in [
        ("duration_s = 0.1", "duration_s = 80000", "samples over all channels"),
        ("duration_s = 0.1", "duration_s = 1e308", "duration_s"),
        ("duration_s = 0.1", "duration_s = 0", "duration_s"),
        ("sample_rate_hz = 192000", "sample_rate_hz = 0", "sample_rate_hz"),
        ("sample_rate_hz = 192000", "sample_rate_hz = 20000", "band_hz"),
        ("noise_db = -40", "noise_db = nan", "noise_db"),
        ("format = \"int16\"", "format = \"mp3\"", "int16, int24, float32"),
        ("seed = 7", "seed = -7", "seed"),
        ("u_m = 0.37", "u_m = 37", "u_m"),
        ("snr_db = 10", "snr_db = 10\nlevel_db = 3", "level_db or snr_db"),
        ("spectrum = \"white\"", "spectrum = \"whit\"", "white"),
        ("wall = \"panel\"\nu_m = 0.37\nv_m = 0.52", "position_m = [0.05, 0.04, 0.31]", "off the nearest wall"),
        ("[0.47, 0.36, 0.52]", "[0.37, 0.52, 0]", "M5"),
        ("[capture]", "[capturing]", "capture"),
    ] {
        assert!(PANEL.contains(from), "{from}");
        std::fs::write(folder.path().join("scene.toml"), PANEL.replacen(from, to, 1)).unwrap();
        let ran = say(folder.path(), "simulate scene.toml -o out");
        ran.refused(2, &[part]);
        assert_eq!(names(folder.path()), ["scene.toml"], "{to}");
    }
}

#[test]
fn a_folder_that_cannot_be_made_is_named_and_nothing_is_left() {
    let folder = recorded(&panel(&[]));
    std::fs::write(folder.path().join("taken"), b"a file").unwrap();
    std::fs::write(folder.path().join("scene.toml"), PANEL).unwrap();
    let before = names(folder.path());
    for out in ["taken", "taken/deeper", "/proc/pinhole"] {
        for plots in ["", "--no-plots"] {
            say(folder.path(), &format!("locate capture.wav {plots} --out {out}")).refused(1, &[out]);
        }
        say(folder.path(), &format!("simulate scene.toml -o {out}")).refused(1, &[out]);
        assert_eq!(names(folder.path()), before);
    }
    assert_eq!(std::fs::read(folder.path().join("taken")).unwrap(), b"a file");
    // A folder under the result's own name cannot be replaced; what is in it stays.
    std::fs::create_dir_all(folder.path().join("out/result.json/mine")).unwrap();
    say(folder.path(), "locate capture.wav --no-plots --out out").refused(1, &["result.json"]);
    assert_eq!(names(&folder.path().join("out")), ["result.json"]);
    assert_eq!(names(&folder.path().join("out/result.json")), ["mine"]);
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_standard_output_is_an_error_and_the_file_is_whole() {
    let folder = recorded(&panel(&[]));
    let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
    let output = program(folder.path())
        .args(["locate", "capture.wav", "--json", "--no-plots", "--out", "out"])
        .stdout(full)
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert!(String::from_utf8_lossy(&output.stderr).contains("standard output"), "{output:?}");
    assert_eq!(common::json(folder.path().join("out/result.json"))["verdict"], "leak");
}

#[cfg(unix)]
#[test]
fn any_file_name_will_do() {
    use std::os::unix::ffi::OsStringExt;
    let folder = recorded(&panel(&[]));
    for name in
        [b"two words.wav".to_vec(), "утечка ПрК.wav".into(), b"not \xff\xfe utf-8.wav".to_vec(), b"-v.wav".to_vec()]
    {
        let name = OsString::from_vec(name);
        std::fs::copy(folder.path().join("capture.wav"), folder.path().join(&name)).unwrap();
        let words = ["locate", "--no-plots", "--json", "--quiet", "--"].map(OsString::from);
        let ran = run(folder.path(), words.into_iter().chain([name.clone()])).done();
        assert_eq!(serde_json::from_str::<serde_json::Value>(&ran.stdout).unwrap()["verdict"], "leak");
        let mut out = Path::new(&name).file_stem().unwrap().to_os_string();
        out.push(".pinhole");
        assert_eq!(names(&folder.path().join(out)), ["map.json", "result.json"]);
        let mut out = OsString::from("--out=");
        out.push(&name);
        let ran = run(folder.path(), [OsString::from("locate"), out, "--".into(), name]);
        ran.refused(1, &[]);
    }
}
