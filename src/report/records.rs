//! The records of `result.json`: what each holds, and how it is filled.

use serde::Serialize;

use crate::locate::{
    Behaviour, Candidate, CaptureSpan, Chance, Detectable, Ellipse, Event, Leak, PairReport, Patch, PathUsed, Pick,
    Proof, Road, SensorReport,
};
use crate::site::{Mode, Site, WallPoint};

#[derive(Serialize)]
pub(super) struct WallRecord {
    id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    u_m: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    v_m: Option<f64>,
    angle_deg: Option<f64>,
    /// Stands instead of `u_m` and `v_m` on a mesh.
    #[serde(skip_serializing_if = "Option::is_none")]
    triangle: Option<usize>,
}

#[derive(Serialize)]
pub(super) struct EllipseRecord {
    semi_major_m: f64,
    semi_minor_m: f64,
    angle_deg: f64,
}

#[derive(Serialize)]
pub(super) struct ShareRecord {
    source: &'static str,
    share: f64,
}

#[derive(Serialize)]
pub(super) struct LeakRecord {
    rank: usize,
    position_m: [f64; 3],
    wall: WallRecord,
    ellipse_95: EllipseRecord,
    covariance_uv_m2: [[f64; 2]; 2],
    covariance_shares: Vec<ShareRecord>,
    false_alarm_probability: Option<f64>,
    snr_db: f64,
    level_db: f64,
}

#[derive(Serialize)]
pub(super) struct ProofRecord {
    captures: usize,
    told: f64,
    median_error_m: f64,
    p90_error_m: f64,
    expected_median_m: f64,
    coverage_50: f64,
    coverage_90: f64,
    coverage_95: f64,
}

impl From<Proof> for ProofRecord {
    fn from(proof: Proof) -> Self {
        let Proof { captures, told, median_error_m, p90_error_m, expected_median_m, coverage } = proof;
        let [coverage_50, coverage_90, coverage_95] = coverage;
        Self { captures, told, median_error_m, p90_error_m, expected_median_m, coverage_50, coverage_90, coverage_95 }
    }
}

#[derive(Serialize)]
pub(super) struct CandidateRecord {
    position_m: [f64; 3],
    wall: WallRecord,
    score: f64,
    weight: f64,
    explained_by: Option<usize>,
}

/// A patch of wall to be looked at.
#[derive(Serialize)]
pub(super) struct PatchRecord {
    position_m: [f64; 3],
    wall: WallRecord,
    size_m: [f64; 2],
    angle_deg: f64,
    probability: f64,
    cumulative: f64,
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

#[derive(Serialize)]
pub(super) struct EventRecord<'a> {
    time_s: f64,
    level_db: f64,
    road: Option<&'static str>,
    steered: Option<PlaceRecord>,
    first_arrivals: Option<PlaceRecord>,
    apart_m: Option<f64>,
    chi2_per_dof: Option<f64>,
    picks: Vec<PickRecord<'a>>,
}

#[derive(Serialize)]
pub(super) struct PlaceRecord {
    position_m: [f64; 3],
    wall: WallRecord,
}

#[derive(Serialize)]
pub(super) struct PickRecord<'a> {
    sensor: &'a str,
    time_s: f64,
    sigma_s: f64,
    residual_s: f64,
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

impl WallRecord {
    pub(super) fn new(site: &Site, point: &WallPoint) -> Self {
        let wall = site.walls.get(point.wall);
        Self {
            id: wall.map_or_else(String::new, |w| w.id.clone()),
            u_m: point.triangle.is_none().then_some(point.u_m),
            v_m: point.triangle.is_none().then_some(point.v_m),
            angle_deg: wall.and_then(|w| w.angle_deg(point.a)),
            triangle: point.triangle,
        }
    }
}

impl LeakRecord {
    pub(super) fn new(site: &Site, rank: usize, leak: &Leak) -> Self {
        let Ellipse { semi_major_m, semi_minor_m, angle_deg } = leak.ellipse_95;
        Self {
            rank,
            position_m: leak.point.position_m.into(),
            wall: WallRecord::new(site, &leak.point),
            ellipse_95: EllipseRecord { semi_major_m, semi_minor_m, angle_deg },
            covariance_uv_m2: leak.covariance_uv_m2,
            covariance_shares: leak.shares.iter().map(|&(source, share)| ShareRecord { source, share }).collect(),
            false_alarm_probability: leak.false_alarm_probability,
            snr_db: leak.snr_db,
            level_db: leak.level_db,
        }
    }
}

impl CandidateRecord {
    pub(super) fn new(site: &Site, candidate: &Candidate) -> Self {
        Self {
            position_m: candidate.point.position_m.into(),
            wall: WallRecord::new(site, &candidate.point),
            score: candidate.score,
            weight: candidate.weight,
            explained_by: candidate.explained_by,
        }
    }
}

impl PatchRecord {
    pub(super) fn new(site: &Site, patch: &Patch) -> Self {
        Self {
            position_m: patch.point.position_m.into(),
            wall: WallRecord::new(site, &patch.point),
            size_m: patch.size_m,
            angle_deg: patch.angle_deg,
            probability: patch.probability,
            cumulative: patch.cumulative,
        }
    }
}

impl<'a> EventRecord<'a> {
    pub(super) fn new(site: &'a Site, event: &Event) -> Self {
        let place =
            |point: &WallPoint| PlaceRecord { position_m: point.position_m.into(), wall: WallRecord::new(site, point) };
        let pick = |pick: &Pick| PickRecord {
            sensor: &site.sensors[pick.sensor].id,
            time_s: pick.time_s,
            sigma_s: pick.sigma_s,
            residual_s: pick.residual_s,
        };
        Self {
            time_s: event.time_s,
            level_db: event.level_db,
            road: event.road.map(|road| match road {
                Road::Steered => "steered",
                Road::FirstArrivals => "first arrivals",
            }),
            steered: event.steered.as_ref().map(place),
            first_arrivals: event.first_arrivals.as_ref().map(place),
            apart_m: event.apart_m,
            chi2_per_dof: event.chi2_per_dof,
            picks: event.picks.iter().map(pick).collect(),
        }
    }
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

#[derive(Serialize)]
pub(super) struct ChanceRecord {
    false_alarm_probability: f64,
    allowed: f64,
    needed_z: f64,
    draws: usize,
}

impl From<Chance> for ChanceRecord {
    fn from(Chance { probability, allowed, needed_z, draws }: Chance) -> Self {
        Self { false_alarm_probability: probability, allowed, needed_z, draws }
    }
}

#[derive(Serialize)]
pub(super) struct DetectableRecord {
    snr_db: f64,
    level_db: f64,
}

impl From<Detectable> for DetectableRecord {
    fn from(Detectable { snr_db, level_db }: Detectable) -> Self {
        Self { snr_db, level_db }
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
