//! A simulated capture as the files that a recorder and its engineer would leave, and the truth beside them.

use std::io::Cursor;
use std::path::Path;

use hound::{SampleFormat, WavSpec, WavWriter};
use serde_json::{Map, Value, json};

use super::record::{Captures, Recording};
use super::scene::{Format, Scene};
use crate::atomic::write_atomically;
use crate::error::{Error, Result};

/// Writes `capture.wav`, `background.wav` where there is one, `site.toml` and `truth.json` to `dir`, which is made if
/// it is not there. With several recorders the captures are `capture_<recorder>.wav`. Integer samples beyond full scale
/// are clipped, as a recorder would.
///
/// # Errors
/// [`Error::Io`] where something cannot be written, [`Error::Request`] where a recorder's id cannot be part of a file
/// name. Each file appears whole or not at all.
pub fn write(scene: &Scene, captures: &Captures, dir: &Path) -> Result<()> {
    std::fs::create_dir_all(dir).map_err(|e| Error::io(dir, e))?;
    let names = file_names(scene, "capture")?;
    for (name, recording) in names.iter().zip(&captures.recordings) {
        write_wav(&dir.join(name), recording, scene)?;
    }
    let background_names = file_names(scene, "background")?;
    for (name, recording) in background_names.iter().zip(captures.background.iter().flatten()) {
        write_wav(&dir.join(name), recording, scene)?;
    }
    write_atomically(dir.join("site.toml"), scene.site_toml.as_bytes())?;
    write_atomically(dir.join("truth.json"), truth_json(scene, captures)?.as_bytes())
}

/// `truth.json`: what is true of these captures.
///
/// # Errors
/// [`Error::Request`] where a recorder's id cannot be part of a file name.
pub fn truth_json(scene: &Scene, captures: &Captures) -> Result<String> {
    let (names, background_names) = (file_names(scene, "capture")?, file_names(scene, "background")?);
    let background = match (&captures.background, &background_names[..]) {
        (None, _) => Value::Null,
        (Some(_), [one]) => json!(one),
        (Some(_), several) => json!(several),
    };
    let truth = truth(scene, captures, &names, background);
    Ok(serde_json::to_string_pretty(&truth).expect("keys are strings") + "\n")
}

fn file_names(scene: &Scene, stem: &str) -> Result<Vec<String>> {
    let recorders = &scene.site.recorders;
    if recorders.len() == 1 {
        return Ok(vec![format!("{stem}.wav")]);
    }
    let safe = |id: &str| id.chars().all(|c| c.is_ascii_alphanumeric() || "-_".contains(c));
    match recorders.iter().find(|r| !safe(&r.id)) {
        Some(r) => {
            let what = format!("recorder id '{}' becomes part of a file name; needed: letters, digits, - and _", r.id);
            Err(Error::request(what))
        }
        None => Ok(recorders.iter().map(|r| format!("{stem}_{}.wav", r.id)).collect()),
    }
}

fn truth(scene: &Scene, captures: &Captures, names: &[String], background: Value) -> Value {
    let truth = &captures.truth;
    let deviations = &scene.deviations;
    let expect = match scene.leaks.len() {
        0 => "none".to_owned(),
        1 => "one leak".to_owned(),
        2 => "two leaks".to_owned(),
        n => format!("{n} leaks"),
    };
    let leaks: Vec<Value> = scene
        .leaks
        .iter()
        .zip(&truth.leak_levels_db)
        .map(|(leak, level_db)| {
            let wall = &scene.site.walls[leak.place.wall].id;
            let place = json!({"id": wall, "u_m": leak.place.u_m, "v_m": leak.place.v_m});
            json!({"position_m": leak.place.position_m.as_slice(), "level_db": level_db, "wall": place})
        })
        .collect();
    let listed = |values: &[f64], i: usize| values.get(i).copied().unwrap_or(0.0);
    let mut clocks = Map::new();
    for sensor in &scene.site.sensors {
        let offset_s = listed(&deviations.recorder_offset_s, sensor.recorder);
        let ppm = listed(&deviations.recorder_ppm, sensor.recorder);
        if offset_s != 0.0 || ppm != 0.0 {
            clocks.insert(sensor.id.clone(), json!({"offset_s": offset_s, "ppm": ppm}));
        }
    }
    let sensors = scene.site.sensors.iter().zip(&truth.sensor_positions_m);
    let places: Map<_, _> = sensors.map(|(s, place)| (s.id.clone(), json!(place.as_slice()))).collect();
    let dead: Vec<&str> = deviations.dead_sensors.iter().map(|&i| scene.site.sensors[i].id.as_str()).collect();
    json!({
        "description": scene.description,
        "expect": expect,
        "snr_db_median_channel": truth.snr_db_median_channel,
        "leaks": leaks,
        "captures": names,
        "background": background,
        "band_hz": scene.band_hz(),
        "dead_channels": dead,
        "clocks": clocks,
        "seed": scene.capture.seed,
        "speed_m_s": truth.speed_m_s,
        "thickness_m": truth.thickness_m,
        "sensor_positions_m": places,
    })
}

fn write_wav(path: &Path, recording: &Recording, scene: &Scene) -> Result<()> {
    let (bits_per_sample, sample_format) = match scene.capture.format {
        Format::Int16 => (16, SampleFormat::Int),
        Format::Int24 => (24, SampleFormat::Int),
        Format::Float32 => (32, SampleFormat::Float),
    };
    let channels = u16::try_from(recording.len()).expect("channels of a site are bounded");
    if channels == 0 {
        return Err(Error::request(format!("{}: no sensor is on this recorder; give it one", path.display())));
    }
    let spec = WavSpec { channels, sample_rate: scene.capture.sample_rate_hz, bits_per_sample, sample_format };
    let mut bytes = Cursor::new(Vec::new());
    encode(&mut bytes, recording, spec).map_err(|e| Error::io(path, std::io::Error::other(e)))?;
    write_atomically(path, bytes.get_ref())
}

/// A sample as a recorder of so many bits keeps it: rounded, and held at its rails.
pub fn held(sample: f32, bits: u16) -> i32 {
    let full_scale = (1u32 << (bits - 1)) as f32;
    (sample * full_scale).round().clamp(-full_scale, full_scale - 1.0) as i32
}

fn encode(bytes: &mut Cursor<Vec<u8>>, recording: &Recording, spec: WavSpec) -> hound::Result<()> {
    let mut writer = WavWriter::new(bytes, spec)?;
    for frame in 0..recording[0].len() {
        for channel in recording {
            let sample = channel[frame];
            match spec.sample_format {
                SampleFormat::Float => writer.write_sample(sample)?,
                SampleFormat::Int => writer.write_sample(held(sample, spec.bits_per_sample))?,
            }
        }
    }
    writer.finalize()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulate::{parse_scene, simulate, without_truth};

    #[test]
    fn the_files_hold_what_was_simulated() {
        let quiet = without_truth(include_str!("../../samples/tunnel_quiet.scene.toml"));
        let text = quiet.replace("duration_s = 0.25", "duration_s = 0.01");
        let text = format!("{text}\n[truth]\nbackground_duration_s = 0.02\n");
        let scene = parse_scene(&text, "scene.toml").unwrap();
        let captures = simulate(&scene).unwrap();
        let dir = tempfile::tempdir().unwrap();
        write(&scene, &captures, dir.path()).unwrap();
        let mut wav = hound::WavReader::open(dir.path().join("capture.wav")).unwrap();
        let read: Vec<i32> = wav.samples::<i32>().map(|s| s.unwrap()).collect();
        for (i, sample) in read.iter().enumerate() {
            let expected = captures.recordings[0][i % 8][i / 8];
            assert!((*sample as f32 / 32768.0 - expected).abs() <= 0.5 / 32768.0 + 1e-7);
        }
        assert_eq!(read.len(), 8 * 1920);
        assert_eq!(hound::WavReader::open(dir.path().join("background.wav")).unwrap().duration(), 3840);
        let truth: Value = serde_json::from_slice(&std::fs::read(dir.path().join("truth.json")).unwrap()).unwrap();
        assert_eq!((&truth["expect"], &truth["background"]), (&json!("one leak"), &json!("background.wav")));
        assert_eq!(crate::site::read_site(&dir.path().join("site.toml")).unwrap(), scene.site);
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 4);
    }
}
