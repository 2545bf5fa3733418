//! The records of `result.json` that say what was found: places, chances, events.

use serde::Serialize;

use crate::locate::{Candidate, Chance, Detectable, Ellipse, Event, Leak, Patch, Pick, Proof, Road};
use crate::site::{Point3, Site, WallPoint};

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
    resolution_m: Option<f64>,
}

/// A sound from off every wall.
#[derive(Serialize)]
pub(super) struct MachineRecord {
    position_m: [f64; 3],
}

impl From<&Point3> for MachineRecord {
    fn from(place: &Point3) -> Self {
        Self { position_m: (*place).into() }
    }
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
            resolution_m: leak.resolution_m,
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
