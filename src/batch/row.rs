//! One capture of a batch as a row: what was found, or why nothing could be.

use serde::{Deserialize, Serialize};

use crate::capture::Notes;
use crate::locate::{Leak, Outcome, Verdict};
use crate::site::Site;

/// What became of a capture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// Analysed, whatever was found.
    Done,
    /// It could not be analysed; `error` says why.
    Failed,
}

/// A leak of a row; keys as in `result.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LeakRow {
    /// Place in the module frame.
    pub position_m: [f64; 3],
    /// Name of the wall.
    pub wall: String,
    /// Wall coordinates; a mesh has none.
    pub u_m: Option<f64>,
    /// See `u_m`.
    pub v_m: Option<f64>,
    /// Larger half axis of the 95 % ellipse.
    pub semi_major_m: f64,
    /// Smaller half axis.
    pub semi_minor_m: f64,
    /// Direction of the larger axis, from `u` towards `v`.
    pub angle_deg: f64,
    /// Probability that chance alone would look like this.
    pub false_alarm_probability: Option<f64>,
    /// Power over everything else in the band, median channel.
    pub snr_db: Option<f64>,
    /// Level at 1 m, re full scale.
    pub level_db: Option<f64>,
}

/// One capture of a batch.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Row {
    /// Its files.
    pub captures: Vec<String>,
    /// What became of it.
    pub status: Status,
    /// Why nothing could be found.
    pub error: Option<String>,
    /// `leak`, `no-leak` or `inconclusive`.
    pub verdict: Option<String>,
    /// The leaks, strongest first.
    pub leaks: Vec<LeakRow>,
    /// Probability that chance makes a place stand out like the strongest.
    pub chance: Option<f64>,
    /// The analysed band.
    pub band_hz: Option<[f64; 2]>,
    /// When the recording began, by the recorder's notes.
    pub started: Option<String>,
    /// What was analysed, seconds.
    pub duration_s: Option<f64>,
    /// What was odd.
    pub warnings: Vec<String>,
    /// Folder of the result, within that of the batch.
    pub folder: Option<String>,
    /// Fingerprint of content and settings.
    pub key: Option<String>,
}

impl Row {
    /// Of a capture that was analysed.
    pub(super) fn done(site: &Site, outcome: &Outcome, notes: &Notes) -> Self {
        let verdict = match outcome.verdict {
            Verdict::Leak => "leak",
            Verdict::NoLeak => "no-leak",
            Verdict::Inconclusive => "inconclusive",
        };
        Self {
            status: Status::Done,
            verdict: Some(verdict.to_owned()),
            leaks: outcome.leaks.iter().map(|leak| leak_row(site, leak)).collect(),
            chance: finite(outcome.chance.probability),
            band_hz: Some(outcome.band_hz),
            started: notes.started.clone(),
            duration_s: Some(outcome.capture.duration_s),
            warnings: outcome.warnings.clone(),
            ..Self::failed(None)
        }
    }

    /// Of a capture that could not be analysed.
    pub(super) fn failed(error: Option<String>) -> Self {
        Self {
            captures: Vec::new(),
            status: Status::Failed,
            error,
            verdict: None,
            leaks: Vec::new(),
            chance: None,
            band_hz: None,
            started: None,
            duration_s: None,
            warnings: Vec::new(),
            folder: None,
            key: None,
        }
    }
}

/// JSON has no infinities.
fn finite(x: f64) -> Option<f64> {
    x.is_finite().then_some(x)
}

fn leak_row(site: &Site, leak: &Leak) -> LeakRow {
    let wall = &site.walls[leak.point.wall];
    let chart = leak.point.triangle.is_none();
    LeakRow {
        position_m: leak.point.position_m.into(),
        wall: wall.id.clone(),
        u_m: chart.then_some(leak.point.u_m),
        v_m: chart.then_some(leak.point.v_m),
        semi_major_m: leak.ellipse_95.semi_major_m,
        semi_minor_m: leak.ellipse_95.semi_minor_m,
        angle_deg: leak.ellipse_95.angle_deg,
        false_alarm_probability: leak.false_alarm_probability.and_then(finite),
        snr_db: finite(leak.snr_db),
        level_db: finite(leak.level_db),
    }
}
