//! `result.json`: the outcome for programs. Names and units are a promise (format version 1): add keys, never change one.

use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};

use crate::locate::{
    Behaviour, Candidate, CaptureSpan, Ellipse, Event, Fit, Leak, Outcome, PairReport, PathUsed, Pick, Road,
    SensorReport, Verdict,
};
use crate::site::{Mode, Site, WallPoint};

/// The outcome as `result.json`: pretty-printed, ending in a newline, the same bytes for the same outcome.
///
/// Numbers that are unknown or not finite are `null`.
pub fn result_json(site: &Site, outcome: &Outcome) -> String {
    // `serde_json` itself writes NaN and the infinities as null.
    let mut text = serde_json::to_string_pretty(&Document::new(site, outcome)).expect("only string keys are used");
    text.push('\n');
    text
}

#[derive(Serialize)]
struct Document<'a> {
    format: &'static str,
    version: u32,
    verdict: &'static str,
    map_z: f64,
    leaks: Vec<LeakRecord>,
    candidates: Vec<CandidateRecord>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    events: Vec<EventRecord<'a>>,
    band_hz: [f64; 2],
    path: PathRecord,
    capture: CaptureRecord<'a>,
    sensors: Vec<SensorRecord<'a>>,
    pairs: Vec<PairRecord<'a>>,
    fit: Option<FitRecord<'a>>,
    dropped_bins: &'a [String],
    reasons: &'a [String],
    warnings: &'a [String],
    notes: &'a [String],
    timing_s: Timing<'a>,
    software: Software,
}

#[derive(Serialize)]
struct WallRecord {
    id: String,
    u_m: f64,
    v_m: f64,
    angle_deg: Option<f64>,
}

#[derive(Serialize)]
struct EllipseRecord {
    semi_major_m: f64,
    semi_minor_m: f64,
    angle_deg: f64,
}

#[derive(Serialize)]
struct ShareRecord {
    source: &'static str,
    share: f64,
}

#[derive(Serialize)]
struct LeakRecord {
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
struct CandidateRecord {
    position_m: [f64; 3],
    wall: WallRecord,
    score: f64,
}

#[derive(Serialize)]
struct PathRecord {
    kind: &'static str,
    speed_m_s: f64,
    speed_sigma_m_s: f64,
    phase_speed_m_s: f64,
    mode: Option<&'static str>,
    other_mode: Option<OtherModeRecord>,
    behaves: Option<BehaviourRecord>,
}

#[derive(Serialize)]
struct EventRecord<'a> {
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
struct PlaceRecord {
    position_m: [f64; 3],
    wall: WallRecord,
}

#[derive(Serialize)]
struct PickRecord<'a> {
    sensor: &'a str,
    time_s: f64,
    sigma_s: f64,
    residual_s: f64,
}

/// The guided wave that explains the data worse, and by how many nats of log likelihood.
#[derive(Serialize)]
struct OtherModeRecord {
    mode: &'static str,
    worse_by_nats: f64,
}

/// What the site says and what the sound says: thickness in metres or speed in metres per second.
#[derive(Serialize)]
#[serde(untagged)]
enum BehaviourRecord {
    Thickness { thickness_m: f64, thickness_sigma_m: f64, stated_m: f64, stated_sigma_m: f64 },
    Speed { speed_m_s: f64, speed_sigma_m_s: f64, stated_m_s: f64, stated_sigma_m_s: f64 },
}

#[derive(Serialize)]
struct CaptureRecord<'a> {
    files: &'a [String],
    sample_rate_hz: u32,
    channels: usize,
    from_s: f64,
    duration_s: f64,
    segment_samples: usize,
    averages: f64,
}

#[derive(Serialize)]
struct SensorRecord<'a> {
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
struct PairRecord<'a> {
    a: &'a str,
    b: &'a str,
    tdoa_s: Option<f64>,
    sigma_s: Option<f64>,
    residual_s: Option<f64>,
    coherence: f64,
    used: bool,
}

#[derive(Serialize)]
struct FitRecord<'a> {
    chi2_per_dof: f64,
    dof: usize,
    worst_sensor: &'a str,
}

#[derive(Serialize)]
struct Software {
    name: &'static str,
    version: &'static str,
}

/// Stages in pipeline order, which a sorted map would lose.
struct Timing<'a>(&'a [(&'static str, f64)]);

impl Serialize for Timing<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (stage, seconds) in self.0 {
            map.serialize_entry(stage, seconds)?;
        }
        map.end()
    }
}

impl<'a> Document<'a> {
    fn new(site: &'a Site, outcome: &'a Outcome) -> Self {
        let sensor = |index: usize| site.sensors.get(index).map_or("", |s| s.id.as_str());
        Self {
            format: "pinhole-result",
            version: 1,
            verdict: match outcome.verdict {
                Verdict::Leak => "leak",
                Verdict::NoLeak => "no-leak",
                Verdict::Inconclusive => "inconclusive",
            },
            map_z: outcome.map_z,
            leaks: outcome.leaks.iter().enumerate().map(|(i, l)| LeakRecord::new(site, i + 1, l)).collect(),
            candidates: outcome.candidates.iter().map(|c| CandidateRecord::new(site, c)).collect(),
            events: outcome.events.iter().map(|e| EventRecord::new(site, e)).collect(),
            band_hz: outcome.band_hz,
            path: (&outcome.path).into(),
            capture: (&outcome.capture).into(),
            sensors: outcome.sensors.iter().map(SensorRecord::from).collect(),
            pairs: outcome.pairs.iter().map(|p| PairRecord::new(p, sensor(p.a), sensor(p.b))).collect(),
            fit: outcome.fit.map(|Fit { chi2_per_dof, dof, worst_sensor }| FitRecord {
                chi2_per_dof,
                dof,
                worst_sensor: sensor(worst_sensor),
            }),
            dropped_bins: &outcome.evidence.dropped,
            reasons: &outcome.reasons,
            warnings: &outcome.warnings,
            notes: &outcome.notes,
            timing_s: Timing(&outcome.timing_s),
            software: Software { name: env!("CARGO_PKG_NAME"), version: env!("CARGO_PKG_VERSION") },
        }
    }
}

impl WallRecord {
    fn new(site: &Site, point: &WallPoint) -> Self {
        let wall = site.walls.get(point.wall);
        Self {
            id: wall.map_or_else(String::new, |w| w.id.clone()),
            u_m: point.u_m,
            v_m: point.v_m,
            angle_deg: wall.and_then(|w| w.angle_deg(point.a)),
        }
    }
}

impl LeakRecord {
    fn new(site: &Site, rank: usize, leak: &Leak) -> Self {
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
    fn new(site: &Site, candidate: &Candidate) -> Self {
        Self {
            position_m: candidate.point.position_m.into(),
            wall: WallRecord::new(site, &candidate.point),
            score: candidate.score,
        }
    }
}

impl<'a> EventRecord<'a> {
    fn new(site: &'a Site, event: &Event) -> Self {
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

impl<'a> From<&'a CaptureSpan> for CaptureRecord<'a> {
    fn from(span: &'a CaptureSpan) -> Self {
        Self {
            files: &span.files,
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
    fn new(pair: &PairReport, a: &'a str, b: &'a str) -> Self {
        let PairReport { tdoa_s, sigma_s, residual_s, coherence, used, .. } = *pair;
        Self { a, b, tdoa_s, sigma_s, residual_s, coherence, used }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::plots::synthetic;
    use serde_json::Value;

    #[test]
    fn keys_stand_as_promised() {
        let (site, outcome) = synthetic::tunnel();
        let json: Value = serde_json::from_str(&result_json(&site, &outcome)).unwrap();
        for key in [
            "/format",
            "/version",
            "/verdict",
            "/leaks/0/rank",
            "/leaks/0/position_m/2",
            "/leaks/0/wall/id",
            "/leaks/0/wall/u_m",
            "/leaks/0/wall/v_m",
            "/leaks/0/wall/angle_deg",
            "/leaks/0/ellipse_95/semi_major_m",
            "/leaks/0/ellipse_95/semi_minor_m",
            "/leaks/0/ellipse_95/angle_deg",
            "/leaks/0/covariance_uv_m2/1/1",
            "/leaks/0/false_alarm_probability",
            "/leaks/0/snr_db",
            "/leaks/0/level_db",
            "/candidates/0/position_m/0",
            "/candidates/0/wall/id",
            "/candidates/0/score",
            "/band_hz/1",
            "/path/kind",
            "/path/speed_m_s",
            "/capture/files/0",
            "/capture/sample_rate_hz",
            "/capture/channels",
            "/capture/from_s",
            "/capture/duration_s",
            "/sensors/0/id",
            "/sensors/0/channel",
            "/sensors/0/used",
            "/sensors/0/faults",
            "/pairs/0/a",
            "/pairs/0/b",
            "/pairs/0/tdoa_s",
            "/pairs/0/sigma_s",
            "/pairs/0/residual_s",
            "/pairs/0/coherence",
            "/pairs/0/used",
            "/warnings",
            "/timing_s/read",
            "/software/name",
            "/software/version",
        ] {
            assert!(json.pointer(key).is_some(), "{key} is missing");
        }
        assert_eq!(json["format"], "pinhole-result");
        assert_eq!(json["version"], 1);
        assert_eq!(json["verdict"], "leak");
        assert_eq!(json["leaks"][0]["rank"], 1);
    }

    #[test]
    fn unknown_numbers_are_null() {
        let (site, mut outcome) = synthetic::plate();
        outcome.leaks[0].snr_db = f64::NAN;
        outcome.leaks[0].false_alarm_probability = None;
        outcome.map_z = f64::INFINITY;
        outcome.pairs[0].tdoa_s = None;
        let text = result_json(&site, &outcome);
        let json: Value = serde_json::from_str(&text).unwrap();
        for key in ["/leaks/0/snr_db", "/leaks/0/false_alarm_probability", "/map_z", "/pairs/0/tdoa_s"] {
            assert_eq!(json.pointer(key), Some(&Value::Null), "{key}");
        }
        assert_eq!(json.pointer("/leaks/0/wall/angle_deg"), Some(&Value::Null), "a plate has no angle");
        assert!(text.ends_with("}\n"));
    }

    #[test]
    fn stages_keep_their_order_and_bytes_repeat() {
        let (site, outcome) = synthetic::tunnel();
        let text = result_json(&site, &outcome);
        let at = |stage: &str| text.find(&format!("\"{stage}\": ")).unwrap();
        assert!(at("read") < at("spectra") && at("spectra") < at("delays") && at("delays") < at("locate"));
        assert_eq!(text, result_json(&site, &outcome));
    }
}
