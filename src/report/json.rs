//! `result.json`: the outcome for programs. Names and units are a promise (format version 1): add keys, never change one.

use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};

use super::listening_records::{CaptureRecord, ClockRecord, FitRecord, PairRecord, PathRecord, SensorRecord};
use super::records::{
    CandidateRecord, ChanceRecord, DetectableRecord, EventRecord, LeakRecord, MachineRecord, PatchRecord, ProofRecord,
};
use crate::locate::{Fit, Outcome, Verdict};
use crate::site::Site;

/// The outcome as `result.json`: pretty-printed, ending in a newline, the same bytes for the same outcome.
///
/// Numbers that are unknown or not finite are `null`.
pub fn result_json(site: &Site, outcome: &Outcome) -> String {
    // `serde_json` itself writes NaN and the infinities as null.
    let mut text = serde_json::to_string_pretty(&Document::new(site, outcome)).expect("only string keys are used");
    text.push('\n');
    text
}

/// The verdict in one word.
pub(super) fn word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Leak => "leak",
        Verdict::NoLeak => "no-leak",
        Verdict::Inconclusive => "inconclusive",
    }
}

#[derive(Serialize)]
struct Document<'a> {
    format: &'static str,
    version: u32,
    verdict: &'static str,
    map_z: f64,
    chance: ChanceRecord,
    detectable: Option<DetectableRecord>,
    proof: Option<ProofRecord>,
    clocks: Vec<ClockRecord<'a>>,
    leaks: Vec<LeakRecord>,
    candidates: Vec<CandidateRecord>,
    search: Vec<PatchRecord>,
    machines: Vec<MachineRecord>,
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
            verdict: word(outcome.verdict),
            map_z: outcome.map_z,
            chance: outcome.chance.into(),
            detectable: outcome.detectable.map(DetectableRecord::from),
            proof: outcome.proof.map(ProofRecord::from),
            clocks: outcome.clocks.iter().map(|c| ClockRecord::new(site, c)).collect(),
            leaks: outcome.leaks.iter().enumerate().map(|(i, l)| LeakRecord::new(site, i + 1, l)).collect(),
            candidates: outcome.candidates.iter().map(|c| CandidateRecord::new(site, c)).collect(),
            search: outcome.search.iter().map(|p| PatchRecord::new(site, p)).collect(),
            machines: outcome.machines.iter().map(MachineRecord::from).collect(),
            events: outcome.events.iter().map(|e| EventRecord::new(site, e)).collect(),
            band_hz: outcome.band_hz,
            path: (&outcome.path).into(),
            capture: (&outcome.capture).into(),
            sensors: outcome.sensors.iter().map(SensorRecord::from).collect(),
            pairs: outcome.pairs.iter().map(|p| PairRecord::new(p, sensor(p.a), sensor(p.b))).collect(),
            fit: outcome.fit.map(|Fit { chi2_per_dof, dof, worst_sensor, .. }| FitRecord {
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
            "/candidates/0/weight",
            "/candidates/0/explained_by",
            "/search/0/position_m/0",
            "/search/0/wall/id",
            "/search/0/size_m/1",
            "/search/0/probability",
            "/search/0/cumulative",
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
