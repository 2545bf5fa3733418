//! Clocks of free recorders, told by the leak itself once its place is known.
//!
//! Each recorder's channels, steered to the leak, give the sound as it left the wall, on that recorder's own clock. Where
//! two such beams line up tells how their clocks stand to each other; blocks all along the capture tell how one drifts
//! against the other. The place does not need this, but where it can be solved for anew with all of them, it is
//! ([`together`]).

use nalgebra::{DVector, Matrix2, Vector2};

use super::array::Array;
use super::beams::{Beam, Correlator};
use super::listening::Listened;
use super::rates::at_one_rate;
use super::refine::{Data, Refined, refine_along};
use super::tell::median;
use super::together::{Scene, Told, together};
use super::views::View;
use crate::error::Result;

/// How the clock of one recorder stands to that of the first.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Clock {
    /// The recorder, as a number in the site.
    pub recorder: usize,
    /// The recorder that it is compared with.
    pub reference: usize,
    /// Its first sample was taken so much later than that of the other, seconds, and one standard deviation.
    pub offset_s: (f64, f64),
    /// It runs so much faster, parts per million, and one standard deviation; absent for captures too short to tell.
    pub drift_ppm: Option<(f64, f64)>,
    /// Blocks that agreed.
    pub blocks: usize,
    /// Whether it was solved for together with the place.
    pub joint: bool,
}

/// What the leak tells of clocks, and they of it.
#[derive(Debug, Default)]
pub struct Heeded {
    /// One a recorder that does not run by the first one's clock.
    pub clocks: Vec<Clock>,
    /// The place by the delays of each clock alone, each at its own rate.
    pub alone: Option<Refined>,
    /// The place from all recorders together, where they were laid over each other.
    pub together: Option<Refined>,
    /// Why a clock could not be told, or the place not be solved for with it.
    pub notes: Vec<String>,
}

/// The clock of every group against that of the first one of its stand, and the place by them: together unless there is a
/// reason why each is `alone`, and left as it is where there are `further` leaks beside it.
///
/// # Errors
/// Those of reading.
pub fn clocks(
    heard: &mut Listened<'_>,
    (array, view, leak): (&Array<'_>, &View, &Refined),
    alone: Option<&str>,
    further: bool,
) -> Result<Heeded> {
    let mut heeded = Heeded::default();
    let mut groups = array.groups().to_vec();
    groups.sort_unstable();
    groups.dedup();
    if groups.len() < 2 {
        return Ok(heeded);
    }
    let Some(mut captures) = heard.captures.take() else {
        heeded.notes.push("spectra hold no samples, by which clocks could be compared".to_owned());
        return Ok(heeded);
    };
    let ranges_m = on_geometry(array, leak);
    let beam = |&group: &usize| Beam::of((heard, &captures), array, (leak, &ranges_m), group);
    let beams: Vec<Beam<'_>> = groups.iter().map(beam).collect::<Result<_>>()?;
    let mut teams: Vec<Vec<Told>> = Vec::new();
    let mut drift = DVector::zeros(array.len());
    let mut correlator = Correlator::new(heard, array, &mut captures);
    for (i, other) in beams.iter().enumerate() {
        let reference = beams.iter().position(|beam| beam.stand == other.stand).expect("at least itself");
        if reference == i {
            teams.push(vec![other.told([0.0; 2], None)]);
            continue;
        }
        let reference = &beams[reference];
        let id = &array.site.recorders[other.recorder].id;
        let points = correlator.delays(reference, other)?;
        let line = Line::through(&points, 0.25 / array.middle_hz());
        let Some(line) = line else {
            heeded.notes.push(format!("recorder '{id}': how its clock stands is not told: the leak is too faint, or it recorded at another time"));
            continue;
        };
        let apart = other.gradient - reference.gradient;
        let speed_m_s = array.group_speed().0;
        let place_s2 = (apart.transpose() * leak.covariance_m2 * apart)[0] / speed_m_s.powi(2);
        let variance = line.variance[0] + place_s2 + reference.variance_s2 + other.variance_s2;
        // Blocks share a stretch whose middle is half a way off theirs (see `rates`).
        let apart_s = (other.mean_range_m - reference.mean_range_m) / speed_m_s;
        let behind = [line.at_zero - line.slope * 0.5 * apart_s, line.slope];
        let clock = Clock {
            recorder: other.recorder,
            reference: reference.recorder,
            offset_s: (-behind[0] / (1.0 + behind[1]), variance.sqrt()),
            drift_ppm: (line.points > 2).then(|| (line.slope * 1e6, line.variance[1].sqrt() * 1e6)),
            blocks: line.points,
            joint: false,
        };
        heeded.clocks.push(clock);
        if clock.drift_ppm.is_none() {
            heeded.notes.push(format!("recorder '{id}': too short a capture to tell how its clock drifts"));
            continue;
        }
        other.channels.iter().for_each(|&m| drift[m] = line.slope);
        let team = teams.iter_mut().find(|team| team[0].stand == other.stand).expect("its first recorder was there");
        team.push(other.told(behind, Some(clock)));
    }
    teams.retain(|team| team.len() > 1);
    if further || teams.is_empty() {
        heeded.notes.extend(alone.map(by_itself));
        return Ok(heeded);
    }
    let coherence = at_one_rate(&view.coherence, &array.medium, &drift, &ranges_m);
    let data = Data { coherence: &coherence, ..view.data(heard.spectra.samples_per_bin()) };
    let Some(leak) = refine_along(array, data, leak.point, ranges_m) else { return Ok(heeded) };
    let why = alone.or((teams.len() > 1).then_some("there are several stands of several recorders each"));
    let solved = match (why, teams.pop()) {
        (None, Some(team)) => {
            let ranges_m = on_geometry(array, &leak);
            let scene = Scene { heard, array, view, leak: &leak, drift: &drift, ranges_m: &ranges_m };
            together(&scene, &mut captures, team)?
        }
        (why, _) => Err(why.unwrap_or_default().to_owned()),
    };
    match solved {
        Ok(solved) => {
            let share = (solved.refined.covariance_m2.determinant() / leak.covariance_m2.determinant()).sqrt();
            heeded.notes.push(format!(
                "place and clocks solved for together: the ellipse has {share:.2} of the area of that by each clock alone"
            ));
            heeded.clocks = solved.clocks;
            heeded.together = Some(solved.refined);
        }
        Err(why) => heeded.notes.push(by_itself(&why)),
    }
    heeded.alone = Some(leak);
    Ok(heeded)
}

fn by_itself(why: &str) -> String {
    format!("each recorder located by itself: {why}")
}

/// The leak's ranges, metres. Within a group the sound tells them up to one common part, which the geometry has.
fn on_geometry(array: &Array<'_>, leak: &Refined) -> DVector<f64> {
    let missing = array.ranges_m(&leak.point) - &leak.ranges_m;
    let common = |m: usize| {
        let members = (0..array.len()).filter(|&n| array.groups()[n] == array.groups()[m]);
        let (sum, count) = members.fold((0.0, 0.0), |(sum, count), n| (sum + missing[n], count + 1.0));
        sum / count
    };
    DVector::from_fn(array.len(), |m, _| leak.ranges_m[m] + common(m))
}

/// A straight line through points, outliers left out.
struct Line {
    at_zero: f64,
    slope: f64,
    /// Of both.
    variance: [f64; 2],
    points: usize,
}

impl Line {
    /// Points that lie further than `reach` from the line that most agree on are left out.
    fn through(points: &[Vector2<f64>], reach: f64) -> Option<Self> {
        let first = points.first()?;
        if points.len() < 3 {
            return Some(Self { at_zero: first.y, slope: 0.0, variance: [reach * reach, 0.0], points: 1 });
        }
        let slopes = points.iter().enumerate().flat_map(|(i, a)| {
            points[i + 1..].iter().map(move |b| (b.y - a.y) / (b.x - a.x)).filter(|slope| slope.is_finite())
        });
        let slope = median(slopes.collect());
        let at_zero = median(points.iter().map(|p| p.y - slope * p.x).collect());
        let agree = |p: &&Vector2<f64>| (p.y - at_zero - slope * p.x).abs() <= reach;
        let kept: Vec<&Vector2<f64>> = points.iter().filter(agree).collect();
        let count = kept.len() as f64;
        if kept.len() < 3 {
            return None;
        }
        let normal = kept.iter().map(|p| Matrix2::new(1.0, p.x, p.x, p.x * p.x)).sum::<Matrix2<f64>>();
        let right = kept.iter().map(|p| Vector2::new(p.y, p.x * p.y)).sum::<Vector2<f64>>();
        let inverse = normal.try_inverse()?;
        let solution = inverse * right;
        let squares = kept.iter().map(|p| (p.y - solution.x - solution.y * p.x).powi(2)).sum::<f64>();
        let variance = squares / (count - 2.0);
        Some(Self {
            at_zero: solution.x,
            slope: solution.y,
            variance: [variance * inverse[(0, 0)], variance * inverse[(1, 1)]],
            points: kept.len(),
        })
    }
}
