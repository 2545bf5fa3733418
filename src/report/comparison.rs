//! Two results side by side: which leaks are the same, which are in one alone, and what that means.

use nalgebra::{Matrix2, Vector2};
use ndarray::Array2;
use serde::{Deserialize, Serialize};

use super::words;
use crate::error::{Error, Result};
use crate::locate::{Outcome, WallMap};
use crate::site::{Point3, Site, WallPoint, parse_site};

/// Leaks farther apart than chance makes in one of so many comparisons are different ones.
const SAME: f64 = 1e-3;

/// Nearer than this, metres, leaks are the same whatever their ellipses say: nothing on a wall is measured better.
const ALWAYS_SAME_M: f64 = 2e-3;

/// `map.json`: the steered response on all walls and the site's text, all that a comparison needs beside `result.json`.
///
/// Responses are in decibels re `level_db`, in the order of rows of the wall's chart.
pub fn map_json(site_text: &str, outcome: &Outcome) -> String {
    let wall = |map: &WallMap| MapWall {
        wall: map.wall,
        rows: map.response_db.nrows(),
        columns: map.response_db.ncols(),
        response_db: map.response_db.iter().map(|db| (db * 100.0).round() / 100.0).collect(),
    };
    let document = MapDocument {
        format: MAP_FORMAT.into(),
        version: 1,
        level_db: outcome.evidence.map_level_db,
        walls: outcome.evidence.maps.iter().map(wall).collect(),
        site: site_text.into(),
    };
    let mut text = serde_json::to_string(&document).expect("only string keys are used");
    text.push('\n');
    text
}

const MAP_FORMAT: &str = "pinhole-map";

#[derive(Serialize, Deserialize)]
struct MapDocument {
    format: String,
    version: u32,
    level_db: f64,
    walls: Vec<MapWall>,
    site: String,
}

#[derive(Serialize, Deserialize)]
struct MapWall {
    wall: usize,
    rows: usize,
    columns: usize,
    response_db: Vec<f32>,
}

#[derive(Deserialize)]
struct ResultDocument {
    format: String,
    verdict: String,
    leaks: Vec<LeakDocument>,
    detectable: Option<DetectableDocument>,
    chance: Option<ChanceDocument>,
}

#[derive(Deserialize)]
struct LeakDocument {
    position_m: [f64; 3],
    covariance_uv_m2: [[f64; 2]; 2],
    level_db: Option<f64>,
    false_alarm_probability: Option<f64>,
}

#[derive(Deserialize)]
struct DetectableDocument {
    level_db: f64,
}

#[derive(Deserialize)]
struct ChanceDocument {
    false_alarm_probability: f64,
}

/// One result, read back.
#[derive(Debug, Clone)]
pub struct Finding {
    /// How it is called in what is told.
    pub name: String,
    /// `leak`, `no-leak` or `inconclusive`.
    pub verdict: String,
    /// The site that it was made with.
    pub site: Site,
    /// The response on the walls, decibels re full scale.
    pub maps: Vec<WallMap>,
    leaks: Vec<Found>,
    detectable_db: Option<f64>,
    chance: Option<f64>,
}

#[derive(Debug, Clone)]
struct Found {
    point: WallPoint,
    covariance_m2: Matrix2<f64>,
    level_db: Option<f64>,
    chance: Option<f64>,
}

impl Finding {
    /// From the texts of `result.json`, named `file`, and of the `map.json` beside it.
    ///
    /// # Errors
    /// [`Error::Request`] where a text is not what its name says, with the file.
    pub fn parse(name: &str, file: &str, result: &str, map: &str) -> Result<Self> {
        let wrong = |what: String| Error::request(format!("{file}: {what}; make it anew with pinhole locate"));
        let result: ResultDocument = serde_json::from_str(result).map_err(|e| wrong(format!("no result.json: {e}")))?;
        let map: MapDocument =
            serde_json::from_str(map).map_err(|e| wrong(format!("the map.json beside it cannot be read: {e}")))?;
        if result.format != "pinhole-result" || map.format != MAP_FORMAT {
            return Err(wrong(format!("its format is '{}', that of its map '{}'", result.format, map.format)));
        }
        let site = parse_site(&map.site, file)?;
        let wall_map = |wall: MapWall| {
            let level_db = if map.level_db.is_finite() { map.level_db as f32 } else { 0.0 };
            let values = wall.response_db.iter().map(|db| db + level_db).collect();
            let response_db = Array2::from_shape_vec((wall.rows, wall.columns), values).ok()?;
            (wall.wall < site.walls.len()).then_some(WallMap { wall: wall.wall, response_db })
        };
        let maps: Option<Vec<WallMap>> = map.walls.into_iter().map(wall_map).collect();
        let maps = maps.ok_or_else(|| wrong("its map does not fit its site".into()))?;
        let leak = |leak: LeakDocument| {
            let [[a, b], [c, d]] = leak.covariance_uv_m2;
            Found {
                point: site.nearest(&Point3::from(leak.position_m)),
                covariance_m2: Matrix2::new(a, b, c, d),
                level_db: leak.level_db,
                chance: leak.false_alarm_probability,
            }
        };
        Ok(Self {
            name: name.into(),
            verdict: result.verdict,
            leaks: result.leaks.into_iter().map(leak).collect(),
            detectable_db: result.detectable.map(|d| d.level_db),
            chance: result.chance.map(|c| c.false_alarm_probability),
            site,
            maps,
        })
    }

    /// The places of its leaks, strongest first.
    pub fn places(&self) -> impl Iterator<Item = &WallPoint> {
        self.leaks.iter().map(|leak| &leak.point)
    }
}

/// What became of a leak between two results; leaks are counted from 1.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "what", rename_all = "kebab-case")]
pub enum Change {
    /// Both have it.
    Same {
        /// Its rank in A.
        a: usize,
        /// Its rank in B.
        b: usize,
        /// How far apart its two places are, metres.
        apart_m: f64,
        /// How often chance alone puts them as far apart.
        probability: f64,
        /// Its level in B less that in A, decibels.
        louder_db: Option<f64>,
    },
    /// Only A has it.
    OnlyA {
        /// Its rank in A.
        a: usize,
        /// Probability that chance made it.
        chance: Option<f64>,
        /// How far B would have shown it under its level, decibels: negative where B was too deaf for it.
        margin_db: Option<f64>,
    },
    /// Only B has it.
    OnlyB {
        /// Its rank in B.
        b: usize,
        /// Probability that chance made it.
        chance: Option<f64>,
        /// How far A would have shown it under its level, decibels: negative where A was too deaf for it.
        margin_db: Option<f64>,
    },
}

/// Two results on one scale.
#[derive(Debug, Clone)]
pub struct Comparison {
    /// What came first.
    pub a: Finding,
    /// What came then.
    pub b: Finding,
    /// What became of each leak.
    pub changes: Vec<Change>,
    /// What was decided and why.
    pub notes: Vec<String>,
}

impl Comparison {
    /// Compares.
    ///
    /// # Errors
    /// [`Error::Request`] where they are not of the same walls.
    pub fn of(a: Finding, b: Finding) -> Result<Self> {
        if a.site.walls != b.site.walls {
            return Err(Error::request(format!(
                "{} and {} are of different walls; locate both with sites that describe the same walls",
                a.name, b.name
            )));
        }
        let mut free: Vec<usize> = (0..b.leaks.len()).collect();
        let mut changes = Vec::new();
        let mut notes = vec![format!(
            "a leak of A is matched with the nearest of B that is free: the same where chance sets them as far apart in more than {}, or \
             within {:.0} mm; A has {}, B has {}",
            words::probability(SAME),
            ALWAYS_SAME_M * 1e3,
            a.leaks.len(),
            b.leaks.len()
        )];
        for (i, leak) in a.leaks.iter().enumerate() {
            let apart = |j: &usize| (leak.point.position_m - b.leaks[*j].point.position_m).norm();
            let nearest = free.iter().copied().min_by(|x, y| apart(x).total_cmp(&apart(y)));
            let same = nearest.map(|j| (j, apart(&j), as_far_by_chance(&a.site, leak, &b.leaks[j])));
            let matched = same.filter(|(_, apart_m, probability)| *probability > SAME || *apart_m < ALWAYS_SAME_M);
            notes.push(match same {
                Some((j, apart_m, probability)) => format!(
                    "leak {} of A: leak {} of B is the nearest, {:.1} mm apart, as chance sets them in {}: {}",
                    i + 1,
                    j + 1,
                    apart_m * 1e3,
                    words::probability(probability),
                    if matched.is_some() { "the same" } else { "another" }
                ),
                None => format!("leak {} of A: no leak of B is free", i + 1),
            });
            match matched {
                Some((j, apart_m, probability)) => {
                    free.retain(|other| *other != j);
                    let louder_db = leak.level_db.zip(b.leaks[j].level_db).map(|(x, y)| y - x);
                    changes.push(Change::Same { a: i + 1, b: j + 1, apart_m, probability, louder_db });
                }
                None => {
                    let margin_db = leak.level_db.zip(b.detectable_db).map(|(level, weakest)| level - weakest);
                    changes.push(Change::OnlyA { a: i + 1, chance: leak.chance, margin_db });
                }
            }
        }
        for j in free {
            let leak = &b.leaks[j];
            let margin_db = leak.level_db.zip(a.detectable_db).map(|(level, weakest)| level - weakest);
            changes.push(Change::OnlyB { b: j + 1, chance: leak.chance, margin_db });
        }
        Ok(Self { a, b, changes, notes })
    }

    /// The conclusion in one line.
    pub fn headline(&self) -> String {
        let count = |wanted: fn(&Change) -> bool| self.changes.iter().filter(|change| wanted(change)).count();
        let new = count(|change| matches!(change, Change::OnlyB { .. }));
        let gone = count(|change| matches!(change, Change::OnlyA { .. }));
        let same = count(|change| matches!(change, Change::Same { .. }));
        let leaks = |n: usize| if n == 1 { "1 leak".to_owned() } else { format!("{n} leaks") };
        match (new, gone, same) {
            (0, 0, 0) => "No leak in either".into(),
            (0, 0, same) => format!("{} in both, none new, none gone", leaks(same)),
            (new, gone, same) => {
                let parts = [(new, "new in B"), (gone, "gone in B"), (same, "in both")];
                let told: Vec<String> =
                    parts.iter().filter(|(n, _)| *n > 0).map(|(n, what)| format!("{} {what}", leaks(*n))).collect();
                told.join(", ")
            }
        }
    }

    /// In words, for a terminal.
    pub fn summary(&self) -> String {
        let mut lines = vec![self.headline()];
        for (letter, finding) in [("A", &self.a), ("B", &self.b)] {
            let chance = finding.chance.map_or(String::new(), |p| format!(", chance {}", words::probability(p)));
            lines.push(format!("  {letter:<11} {}: {}{chance}", words::printable(&finding.name), finding.verdict));
        }
        lines.extend(self.changes.iter().map(|change| format!("  {}", self.told(change))));
        lines.push(String::new());
        lines.join("\n")
    }

    fn told(&self, change: &Change) -> String {
        let place = |finding: &Finding, rank: usize| words::place(&finding.site, &finding.leaks[rank - 1].point);
        let by_chance =
            |chance: Option<f64>| chance.map_or(String::new(), |p| format!(", chance {}", words::probability(p)));
        let margin = |margin_db: Option<f64>, other: &str| match margin_db {
            Some(db) if db > 0.0 => format!("; {other} would have shown it even {db:.0} dB weaker"),
            Some(db) => format!("; {other} would have shown it only from {:.0} dB louder on: not told", -db),
            None => format!("; whether {other} would have shown it is not known"),
        };
        match *change {
            Change::Same { a, b, apart_m, probability, louder_db } => {
                let level = louder_db.map_or(String::new(), |db| {
                    format!(", {:.1} dB {} in B", db.abs(), if db < 0.0 { "weaker" } else { "louder" })
                });
                format!(
                    "{:<11} leak {a} of A and leak {b} of B, {}: {:.1} mm apart (chance makes as much in {}){level}",
                    "the same",
                    place(&self.a, a),
                    apart_m * 1e3,
                    words::probability(probability)
                )
            }
            Change::OnlyA { a, chance, margin_db } => {
                format!(
                    "{:<11} leak {a} of A, {}{}{}",
                    "gone",
                    place(&self.a, a),
                    by_chance(chance),
                    margin(margin_db, "B")
                )
            }
            Change::OnlyB { b, chance, margin_db } => {
                format!(
                    "{:<11} leak {b} of B, {}{}{}",
                    "new",
                    place(&self.b, b),
                    by_chance(chance),
                    margin(margin_db, "A")
                )
            }
        }
    }

    /// `compare.json`: pretty-printed, ending in a newline.
    pub fn json(&self) -> String {
        let document = serde_json::json!({
            "format": "pinhole-comparison",
            "version": 1,
            "a": { "name": self.a.name, "verdict": self.a.verdict },
            "b": { "name": self.b.name, "verdict": self.b.verdict },
            "changes": self.changes,
        });
        let mut text = serde_json::to_string_pretty(&document).expect("only string keys are used");
        text.push('\n');
        text
    }
}

/// How often chance alone puts two places of one leak as far apart: chi-square with two degrees of freedom.
fn as_far_by_chance(site: &Site, x: &Found, y: &Found) -> f64 {
    if x.point.wall != y.point.wall {
        return 0.0;
    }
    let [along_u, along_v] = site.walls[x.point.wall].tangents(&x.point);
    let offset = y.point.position_m - x.point.position_m;
    let off = Vector2::new(offset.dot(&along_u), offset.dot(&along_v));
    let inverse = (x.covariance_m2 + y.covariance_m2).try_inverse();
    inverse.map_or(0.0, |inverse| (-0.5 * (off.transpose() * inverse * off)[0]).exp())
}
