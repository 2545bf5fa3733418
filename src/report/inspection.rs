//! What is in a capture, for people and for programs.

use serde_json::{Value, json};

use crate::capture::{Captures, SoundFile};
use crate::inspect::{Channel, Inspection, Stretch};
use crate::report::words::{printable, shortened};
use crate::units::counted;

/// Stretches and tones that are written out for people.
const SHOWN: usize = 6;

/// An inspection and what it is of.
#[derive(Debug)]
pub struct Inspected<'t> {
    /// What was found.
    pub inspection: &'t Inspection,
    /// The files.
    pub captures: &'t Captures,
    /// Name of each channel.
    pub names: &'t [String],
    /// What is odd about the files.
    pub warnings: &'t [String],
}

impl Inspected<'_> {
    /// Names of the files, without their folders.
    pub(super) fn files(&self) -> Vec<String> {
        let name = |path: &std::path::Path| path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        self.captures.paths().map(name).collect()
    }
}

/// The inspection in a few dozen lines.
pub fn inspection_text(subject: &Inspected<'_>) -> String {
    let Inspected { inspection, captures, names, warnings } = subject;
    let mut lines = Vec::new();
    for file in captures.files() {
        lines.extend(file_lines(file));
    }
    let faulty = inspection.channels.iter().filter(|c| !c.faults.is_empty()).count();
    lines.push(match faulty {
        0 if names.len() == 1 => "The channel is alive and in order".into(),
        0 => format!("All {} channels are alive and in order", names.len()),
        _ if names.len() == 1 => "The channel is not in order".into(),
        n => format!("{n} of {} channels are not in order", names.len()),
    });
    lines.push("  channel             peak     rms   crest  offset        floor   faults".into());
    lines.push("                      dBFS    dBFS      dB       %  dB re FS²/Hz".into());
    for (channel, name) in inspection.channels.iter().zip(names.iter()) {
        let crest_db = channel.peak_db - channel.rms_db;
        lines.push(format!(
            "  {:<16} {} {} {} {:>7.2} {}{}",
            shortened(name, 16),
            decibels(channel.peak_db, 7),
            decibels(channel.rms_db, 7),
            decibels(crest_db, 7),
            // Rounding to zero must not leave a sign behind.
            (1e4 * channel.offset).round() / 1e2 + 0.0,
            decibels(channel.floor_db, 13),
            if channel.faults.is_empty() { String::new() } else { format!("   {}", channel.faults.join(", ")) }
        ));
    }
    lines.extend(details(subject));
    for relation in &inspection.relations {
        let [a, b] = relation.channels.map(|c| &names[c]);
        lines.push(format!(
            "  {a} and {b}: {}, correlation {:.3} at no delay",
            relation.kind.replace('-', " "),
            relation.correlation
        ));
    }
    lines.push(match inspection.tones.len() {
        0 => "  tones       none stands out".into(),
        n => {
            let of =
                |tone: &crate::inspect::Tone| format!("{:.2} kHz +{:.0} dB", tone.frequency_hz / 1e3, tone.above_db);
            let told: Vec<String> = inspection.tones.iter().take(SHOWN).map(of).collect();
            let more = if n > SHOWN { format!(" and {} more", n - SHOWN) } else { String::new() };
            format!("  tones       {}{more}", told.join(", "))
        }
    });
    lines.push(match &inspection.suggestion {
        Some(s) => {
            let [low, high] = s.band_hz.map(|hz| hz / 1e3);
            format!("  for a leak  {low:.1} to {high:.1} kHz: {}", s.reasons.join("; "))
        }
        None => "  for a leak  sampled too slowly to hear one".into(),
    });
    lines.extend(warnings.iter().map(|warning| format!("  warning: {}", printable(warning))));
    lines.push(String::new());
    lines.join("\n")
}

fn decibels(db: f64, width: usize) -> String {
    if db.is_finite() { format!("{db:>width$.1}") } else { format!("{:>width$}", "–") }
}

fn file_lines(file: &SoundFile) -> Vec<String> {
    let rate_hz = file.sample_rate_hz();
    let kind = if file.encoding().is_float() { "float" } else { "integer" };
    let mut lines = vec![
        printable(&file.path().display().to_string()),
        format!(
            "  {}, {}, {} Hz, {}-bit {kind}, {:.3} s",
            file.container(),
            counted(file.channels(), "channel"),
            rate_hz,
            file.valid_bits(),
            file.frames() as f64 / f64::from(rate_hz)
        ),
    ];
    let notes = file.notes();
    let mut told = Vec::new();
    told.extend(notes.recorder.as_ref().map(|recorder| format!("by {recorder}")));
    told.extend(notes.started.as_ref().map(|started| format!("begun {started}")));
    told.extend(notes.temperature_c.map(|c| format!("{c} °C")));
    told.extend(notes.humidity_pct.map(|pct| format!("{pct} % humidity")));
    told.extend(notes.description.as_ref().map(|words| format!("“{}”", shortened(words, 60))));
    if !told.is_empty() {
        lines.push(format!("  {}", printable(&told.join(", "))));
    }
    lines
}

/// Where channels clip, stand still, or lack bits.
fn details(subject: &Inspected<'_>) -> Vec<String> {
    let places = |stretches: &[Stretch]| {
        let told: Vec<String> =
            stretches.iter().take(SHOWN).map(|s| format!("{:.4}–{:.4} s", s.from_s, s.to_s)).collect();
        let more = stretches.len().saturating_sub(SHOWN);
        if more > 0 { format!("{} and {more} more stretches", told.join(", ")) } else { told.join(", ") }
    };
    let of = |(channel, name): (&Channel, &String)| {
        let mut lines = Vec::new();
        if !channel.clipped.is_empty() {
            let share = 100.0 * channel.clipped_share;
            lines.push(format!("  {name} clips in {share:.3} % of its samples: {}", places(&channel.clipped)));
        }
        if !channel.gaps.is_empty() {
            lines.push(format!("  {name} stands still: {}", places(&channel.gaps)));
        }
        if channel.faults.contains(&"idle-bits") {
            lines.push(format!("  {name}: the lowest {} bits never change", channel.idle_bits));
        }
        lines
    };
    subject.inspection.channels.iter().zip(subject.names).flat_map(of).collect()
}

/// The inspection as JSON, ending in a newline; numbers that are not known are `null`.
pub fn inspection_json(subject: &Inspected<'_>) -> String {
    let Inspected { inspection, captures, names, warnings } = subject;
    let files: Vec<Value> = captures.files().iter().map(file_record).collect();
    let channels: Vec<Value> = (inspection.channels.iter().zip(names.iter()))
        .map(|(channel, name)| {
            json!({
                "name": name,
                "file": channel.file,
                "channel": channel.channel,
                "peak_db": channel.peak_db,
                "rms_db": channel.rms_db,
                "crest_db": channel.peak_db - channel.rms_db,
                "offset": channel.offset,
                "floor_db": channel.floor_db,
                "clipped_share": channel.clipped_share,
                "clipped": stretches(&channel.clipped),
                "gaps": stretches(&channel.gaps),
                "idle_bits": channel.idle_bits,
                "faults": channel.faults,
            })
        })
        .collect();
    let relations: Vec<Value> = (inspection.relations.iter())
        .map(|r| json!({"a": names[r.channels[0]], "b": names[r.channels[1]], "kind": r.kind, "correlation": r.correlation}))
        .collect();
    let tones: Vec<Value> = (inspection.tones.iter())
        .map(|t| json!({"frequency_hz": t.frequency_hz, "above_db": t.above_db, "channels": t.channels}))
        .collect();
    let suggestion = inspection.suggestion.as_ref().map(|s| json!({"band_hz": s.band_hz, "reasons": s.reasons}));
    let coherence: Vec<Vec<f64>> = inspection.coherence.rows().into_iter().map(|row| row.to_vec()).collect();
    let document = json!({
        "format": "pinhole-inspection",
        "version": 1,
        "files": files,
        "duration_s": inspection.duration_s,
        "channels": channels,
        "relations": relations,
        "tones": tones,
        "suggestion": suggestion,
        "coherence": coherence,
        "warnings": warnings,
        "software": {"name": "pinhole", "version": env!("CARGO_PKG_VERSION")},
    });
    serde_json::to_string_pretty(&document).expect("only string keys are used") + "\n"
}

fn stretches(stretches: &[Stretch]) -> Vec<Value> {
    stretches.iter().map(|s| json!({"from_s": s.from_s, "to_s": s.to_s})).collect()
}

fn file_record(file: &SoundFile) -> Value {
    let notes = file.notes();
    let tracks: Vec<Value> =
        notes.track_names.iter().map(|(channel, name)| json!({"channel": channel, "name": name})).collect();
    json!({
        "path": file.path().display().to_string(),
        "container": file.container(),
        "channels": file.channels(),
        "sample_rate_hz": file.sample_rate_hz(),
        "header_rate_hz": file.header_rate_hz(),
        "bits": file.valid_bits(),
        "float": file.encoding().is_float(),
        "frames": file.frames(),
        "duration_s": file.frames() as f64 / f64::from(file.sample_rate_hz()),
        "complete": file.is_complete(),
        "notes": {
            "recorder": notes.recorder,
            "started": notes.started,
            "description": notes.description,
            "time_reference_samples": notes.time_reference_samples,
            "time_expansion": notes.time_expansion,
            "temperature_c": notes.temperature_c,
            "humidity_pct": notes.humidity_pct,
            "tracks": tracks,
        },
    })
}
