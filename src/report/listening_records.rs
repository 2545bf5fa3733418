//! The records of `result.json` that say with what was listened: capture, path, sensors, pairs, clocks.

use serde::Serialize;

use crate::locate::{Behaviour, CaptureSpan, Clock, PairReport, PathUsed, SensorReport};
use crate::site::{Mode, Site};

#[derive(Serialize)]
pub(super) struct ClockRecord<'a> {
    recorder: &'a str,
    reference: &'a str,
    offset_s: f64,
    offset_sigma_s: f64,
    drift_ppm: Option<f64>,
    drift_sigma_ppm: Option<f64>,
    blocks: usize,
    joint: bool,
}

impl<'a> ClockRecord<'a> {
    pub fn new(site: &'a Site, clock: &Clock) -> Self {
        let id = |recorder: usize| site.recorders[recorder].id.as_str();
        Self {
            recorder: id(clock.recorder),
            reference: id(clock.reference),
            offset_s: clock.offset_s.0,
            offset_sigma_s: clock.offset_s.1,
            drift_ppm: clock.drift_ppm.map(|(drift, _)| drift),
            drift_sigma_ppm: clock.drift_ppm.map(|(_, sigma)| sigma),
            blocks: clock.blocks,
            joint: clock.joint,
        }
    }
}

#[derive(Serialize)]
pub(super) struct PathRecord {
    kind: &'static str,
    speed_m_s: f64,
    speed_sigma_m_s: f64,
    phase_speed_m_s: f64,
    mode: Option<&'static str>,
    other_mode: Option<OtherModeRecord>,
    behaves: Option<BehaviourRecord>,
}

/// The guided wave that explains the data worse, and by how many nats of log likelihood.
#[derive(Serialize)]
pub(super) struct OtherModeRecord {
    mode: &'static str,
    worse_by_nats: f64,
}

/// What the site says and what the sound says: thickness in metres or speed in metres per second.
#[derive(Serialize)]
#[serde(untagged)]
pub(super) enum BehaviourRecord {
    Thickness { thickness_m: f64, thickness_sigma_m: f64, stated_m: f64, stated_sigma_m: f64 },
    Speed { speed_m_s: f64, speed_sigma_m_s: f64, stated_m_s: f64, stated_sigma_m_s: f64 },
}

#[derive(Serialize)]
pub(super) struct CaptureRecord<'a> {
    files: &'a [String],
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    background_files: &'a [String],
    sample_rate_hz: u32,
    channels: usize,
    from_s: f64,
    duration_s: f64,
    segment_samples: usize,
    averages: f64,
}

#[derive(Serialize)]
pub(super) struct SensorRecord<'a> {
    id: &'a str,
    channel: usize,
    used: bool,
    faults: &'a [&'static str],
    level_db: f64,
    snr_db: Option<f64>,
    range_residual_m: Option<f64>,
    range_residual_sigmas: Option<f64>,
}

#[derive(Serialize)]
pub(super) struct PairRecord<'a> {
    a: &'a str,
    b: &'a str,
    tdoa_s: Option<f64>,
    sigma_s: Option<f64>,
    residual_s: Option<f64>,
    coherence: f64,
    used: bool,
}

#[derive(Serialize)]
pub(super) struct FitRecord<'a> {
    pub(super) chi2_per_dof: f64,
    pub(super) dof: usize,
    pub(super) worst_sensor: &'a str,
}

impl From<&PathUsed> for PathRecord {
    fn from(path: &PathUsed) -> Self {
        let behaves = path.behaves.map(|Behaviour { of_thickness, stated, heard }| {
            let ([value, sigma], [stated, stated_sigma]) = (heard, stated);
            if of_thickness {
                BehaviourRecord::Thickness {
                    thickness_m: value,
                    thickness_sigma_m: sigma,
                    stated_m: stated,
                    stated_sigma_m: stated_sigma,
                }
            } else {
                BehaviourRecord::Speed {
                    speed_m_s: value,
                    speed_sigma_m_s: sigma,
                    stated_m_s: stated,
                    stated_sigma_m_s: stated_sigma,
                }
            }
        });
        Self {
            kind: path.kind,
            speed_m_s: path.speed_m_s,
            speed_sigma_m_s: path.speed_sigma_m_s,
            phase_speed_m_s: path.phase_speed_m_s,
            mode: path.mode.map(Mode::name),
            other_mode: path
                .other_mode
                .map(|(mode, worse_by_nats)| OtherModeRecord { mode: mode.name(), worse_by_nats }),
            behaves,
        }
    }
}

impl<'a> From<&'a CaptureSpan> for CaptureRecord<'a> {
    fn from(span: &'a CaptureSpan) -> Self {
        Self {
            files: &span.files,
            background_files: &span.background_files,
            sample_rate_hz: span.sample_rate_hz,
            channels: span.channels,
            from_s: span.from_s,
            duration_s: span.duration_s,
            segment_samples: span.segment_samples,
            averages: span.averages,
        }
    }
}

impl<'a> From<&'a SensorReport> for SensorRecord<'a> {
    fn from(sensor: &'a SensorReport) -> Self {
        Self {
            id: &sensor.id,
            channel: sensor.channel,
            used: sensor.used,
            faults: &sensor.faults,
            level_db: sensor.level_db,
            snr_db: sensor.snr_db,
            range_residual_m: sensor.range_residual.map(|r| r.0),
            range_residual_sigmas: sensor.range_residual.map(|r| r.1),
        }
    }
}

impl<'a> PairRecord<'a> {
    pub(super) fn new(pair: &PairReport, a: &'a str, b: &'a str) -> Self {
        let PairReport { tdoa_s, sigma_s, residual_s, coherence, used, .. } = *pair;
        Self { a, b, tdoa_s, sigma_s, residual_s, coherence, used }
    }
}
