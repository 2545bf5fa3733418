//! One place from all recorders though their clocks run free, with how late each clock is and how it drifts.
//!
//! Once a leak tells how clocks lie to each other, cross-spectra can be formed across them ([`across`]). Nothing is taken for
//! known by that: how late each clock is stays an unknown of the solve, so that no range across clocks is measured. What is
//! gained is a better ear: the phase of each sensor is compared with the sound as *all* others hear it, and noise counts
//! less. With `Σ_g` the summed signal-to-noise ratio of a group and `Σ` that of all, information on ranges within it grows by
//! `(Σ/Σ_g)·(1+Σ_g)/(1+Σ)`: twice for two like groups of a faint leak, nothing for a loud one.
//!
//! What each group says by itself is the judge of it. Where clocks do not stand still to a straight line, fringes are
//! ambiguous, or the place moves by more than the gain in knowledge allows, the groups' own place stays.

use nalgebra::{DMatrix, DVector, Vector2};
use realfft::num_complex::Complex;

use super::across::{Across, Laid, across};
use super::array::Array;
use super::clocks::Clock;
use super::gls::{RangeError, covariance_with};
use super::lateness::{Clocks, Joint};
use super::likelihood::Likelihood;
use super::listening::Listened;
use super::rates::at_one_rate;
use super::refine::{Data, Refined, chi2_point, refine_along};
use super::views::View;
use crate::capture::Captures;
use crate::cross_spectra::{Coherence, CrossSpectra, Layout, Means, Sums, Weighting, narrow, wide};
use crate::error::Result;

/// Nats by which the crest on which two recorders are laid must be better than any other: 1 to 10 000.
const UNAMBIGUOUS_NATS: f64 = 9.2;

/// Crests that are looked at, in wavelengths of the band's middle to either side.
const CRESTS: f64 = 3.0;

/// Recorders must be as coherent with each other as each is in itself, but for this share: a clock that wanders off its
/// straight line by a radian at the band's middle, root mean square, keeps 0.6.
const LEAST_COHERENCE: f64 = 0.9;

/// 99.9 % point of a chi-square with two degrees of freedom, and of the normal law.
const CHI2_999: f64 = 13.815_510_557_964;
const NORMAL_999: f64 = 3.090;

/// Share of its own covariance by which a place may move for what linear steps leave out.
const SLACK: f64 = 0.01;

/// What is known before.
pub struct Scene<'t, 'a> {
    /// What was heard.
    pub heard: &'t Listened<'a>,
    /// The array.
    pub array: &'t Array<'a>,
    /// What was refined.
    pub view: &'t View,
    /// The place by each group's own delays.
    pub leak: &'t Refined,
    /// How much faster the clock of each sensor runs, as a ratio.
    pub drift: &'t DVector<f64>,
    /// Ranges to the leak by those, metres, as the geometry has what is common to a group.
    pub ranges_m: &'t DVector<f64>,
}

/// A recorder and how its clock was found to lie to that of the first.
#[derive(Debug, Clone)]
pub struct Told {
    /// The stand at which it was.
    pub stand: usize,
    /// Sensors of the array on its clock.
    pub members: Vec<usize>,
    /// File and channel of each.
    pub selection: Vec<(usize, usize)>,
    /// What it hears is so much later than in the first, seconds at time 0 and more for each second.
    pub behind: [f64; 2],
    /// What is told of it so far; nothing of the first.
    pub clock: Option<Clock>,
}

/// What all recorders say together.
pub struct Together {
    /// The place.
    pub refined: Refined,
    /// The clocks, in the order of the recorders.
    pub clocks: Vec<Clock>,
}

/// Solves for place, offsets and drifts together, `recorders` of one stand, the reference first; a sentence where what each
/// group says by itself has to do.
///
/// # Errors
/// Those of reading.
pub fn together(
    scene: &Scene<'_, '_>,
    captures: &mut Captures,
    recorders: Vec<Told>,
) -> Result<std::result::Result<Together, String>> {
    let layout = scene.layout(&recorders);
    let span = scene.heard.preparation.span;
    let part = (span.first_frame, layout.segmentation.segments_in(span.frames));
    let laid: Vec<Laid> = recorders.iter().map(|told| told.laid(layout.sample_rate_hz)).collect();
    let Some(across) = across(captures, &scene.heard.preparation.stft, &layout, part, &laid)? else {
        return Ok(Err("they were not recording at the same time".to_owned()));
    };
    let mut joined = Joined::of(scene, &layout, &recorders, &across);
    if let Err(why) = joined.settle_crests(scene, &recorders) {
        return Ok(Err(why));
    }
    let Some(solved) = joined.solve(scene) else {
        return Ok(Err("all together they do not fix a place".to_owned()));
    };
    Ok(solved.judged(scene, &recorders, &across))
}

impl Scene<'_, '_> {
    /// The layout with all pairs of these recorders.
    fn layout(&self, recorders: &[Told]) -> Layout {
        let own = self.heard.spectra.layout();
        let mut groups = own.groups.clone();
        let first = groups[recorders[0].members[0]];
        recorders.iter().flat_map(|told| &told.members).for_each(|&m| groups[m] = first);
        Layout::new(own.segmentation, own.sample_rate_hz, own.first_bin..own.first_bin + own.bins, groups)
    }

    fn middle_rad_m(&self) -> f64 {
        let k = &self.view.wavenumber_rad_m;
        (k.iter().map(|k| k * k).sum::<f64>() / k.len() as f64).sqrt()
    }

    fn samples_per_bin(&self) -> f64 {
        self.heard.spectra.samples_per_bin()
    }
}

impl Told {
    fn laid(&self, rate_hz: f64) -> Laid {
        let behind = [self.behind[0] * rate_hz, self.behind[1]];
        Laid { selection: self.selection.clone(), channels: self.members.clone(), behind }
    }
}

/// Cross-spectra of all pairs, within recorders and across.
struct Joined<'t> {
    coherence: Coherence,
    /// Those across, by time from the middle of the capture over its variance, 1/s.
    tilted: Coherence,
    clocks: Clocks<'t>,
    /// Each recorder but the first was found to be so much later still, metres of sound.
    later_m: DVector<f64>,
}

/// A place and clocks.
struct Solved {
    refined: Refined,
    /// Each recorder but the first is so much later than it was laid, metres of sound, at the middle of the capture.
    late_m: DVector<f64>,
    /// It falls behind by so much, m/s.
    drift_m_s: DVector<f64>,
    /// Covariance of the drifts, (m/s)².
    drift_covariance: DMatrix<f64>,
    /// Of place and lateness, metres².
    covariance_m2: DMatrix<f64>,
}

impl<'t> Joined<'t> {
    fn of(scene: &Scene<'t, '_>, layout: &Layout, recorders: &[Told], across: &Across) -> Self {
        let heard = scene.heard;
        let own = heard.spectra.layout();
        let corrections: Vec<_> = heard.channels.kept.iter().map(|&row| heard.preparation.corrections[row]).collect();
        let corrected = |sums: &Sums| {
            let mut spectra = CrossSpectra::new(layout.clone(), vec![sums.clone()]);
            spectra.correct(&corrections);
            spectra.mean()
        };
        let weighted = |means: &Means| {
            let coherence = Weighting::Scot.apply(means, &heard.mean, layout, &heard.fates);
            at_one_rate(&coherence, &scene.array.medium, scene.drift, scene.ranges_m)
        };
        let mut whole = corrected(&across.sums);
        for (row, pair) in layout.pairs.iter().enumerate() {
            if let Some(of_own) = own.pairs.iter().position(|p| p == pair) {
                whole.cross.row_mut(row).assign(&heard.mean.cross.row(of_own));
            }
        }
        let mut tilted = corrected(&across.tilted);
        let per_s2 = 1.0 / across.time_s.1;
        tilted.cross.mapv_inplace(|g| narrow(wide(g) * per_s2));
        Self {
            coherence: weighted(&whole),
            tilted: weighted(&tilted),
            clocks: Clocks { of: scene.array.groups(), shared: across.shared },
            later_m: DVector::zeros(recorders.len() - 1),
        }
    }

    /// Lays each recorder on the crest that it and those before it prefer, or says why there is none.
    fn settle_crests(&mut self, scene: &Scene<'_, '_>, recorders: &[Told]) -> std::result::Result<(), String> {
        let k = &scene.view.wavenumber_rad_m;
        let wavelength_m = std::f64::consts::TAU / scene.middle_rad_m();
        let step_m = wavelength_m / 32.0;
        let reach = (CRESTS * wavelength_m / step_m) as i64;
        for (i, told) in recorders.iter().enumerate().skip(1) {
            let before: Vec<usize> = recorders[..i].iter().flat_map(|told| told.members.iter().copied()).collect();
            let likelihood = Likelihood::at(&self.coherence, self.clocks, k, scene.samples_per_bin(), scene.ranges_m);
            let likelihood = likelihood.sharing(&scene.leak.leak_share);
            let Joint { products, expected: (expected, scatter) } =
                likelihood.joint(&told.members, &before, scene.ranges_m);
            let value =
                |late_m: f64| products.iter().zip(k).map(|(z, k)| (z * Complex::cis(k * late_m)).re).sum::<f64>();
            let values: Vec<(f64, f64)> =
                (-reach..=reach).map(|j| j as f64 * step_m).map(|late_m| (late_m, value(late_m))).collect();
            let best = |far_m: f64, from_m: f64| {
                let far = values.iter().filter(move |v| (v.0 - from_m).abs() >= far_m);
                far.copied().max_by(|x, y| x.1.total_cmp(&y.1)).expect("six wavelengths")
            };
            let (late_m, top) = best(0.0, 0.0);
            let id = &scene.array.site.recorders[told.clock.map_or(0, |clock| clock.recorder)].id;
            if top - best(0.6 * wavelength_m, late_m).1 < UNAMBIGUOUS_NATS {
                return Err(format!("which crest of recorder '{id}' belongs to which is ambiguous"));
            }
            let (kept, slack) = (top / expected, 4.0 * scatter / expected);
            if kept + slack < LEAST_COHERENCE {
                return Err(format!(
                    "recorder '{id}' keeps {kept:.2} of the coherence that it should have: its clock does not run straight, or \
                     the leak is too faint to tell"
                ));
            }
            if kept - slack > 1.0 / LEAST_COHERENCE {
                return Err(format!(
                    "recorder '{id}' has {kept:.2} times the coherence that the leak gives it: more than the leak is common to                      the recorders"
                ));
            }
            self.later_m[i - 1] = late_m;
            for coherence in [&mut self.coherence, &mut self.tilted] {
                for (mut row, &(m, n)) in coherence.value.rows_mut().into_iter().zip(&coherence.pairs) {
                    let turned = f64::from(told.members.contains(&m)) - f64::from(told.members.contains(&n));
                    if turned != 0.0 {
                        row.iter_mut().zip(k).for_each(|(g, k)| *g *= narrow(Complex::cis(k * late_m * turned)));
                    }
                }
            }
        }
        Ok(())
    }

    fn solve(&self, scene: &Scene<'_, '_>) -> Option<Solved> {
        let data =
            Data { coherence: &self.coherence, clocks: Some(self.clocks), ..scene.view.data(scene.samples_per_bin()) };
        let array = scene.array;
        let refined = refine_along(array, data, scene.leak.point, scene.ranges_m.clone())?;
        let likelihood = data.likelihood(&self.coherence, &refined.ranges_m);
        let late = likelihood.late_m(&refined.ranges_m);
        let (drift_m_s, covariance) = likelihood.clocks_by(&self.tilted, &(&refined.ranges_m + &late))?;
        let free = &likelihood.free;
        let together = array.on_clocks(&self.coherence.groups);
        let stated = array.ranges_m(&refined.point);
        let whole = likelihood.with_clocks_known();
        let error = RangeError::of(&together, &refined.point, &stated, &whole, refined.widened.0);
        let of_clock = |column: usize| (0..array.len()).find(|&m| free[(m, column)] > 0.0).map_or(0.0, |m| late[m]);
        Some(Solved {
            covariance_m2: covariance_with(&error, free)? * refined.widened.1,
            late_m: &self.later_m + DVector::from_fn(free.ncols(), |column, _| of_clock(column)),
            drift_m_s,
            drift_covariance: covariance,
            refined,
        })
    }
}

impl Solved {
    /// The answer, or why it is not believed.
    fn judged(
        self,
        scene: &Scene<'_, '_>,
        recorders: &[Told],
        across: &Across,
    ) -> std::result::Result<Together, String> {
        let (alone, place) = (scene.leak, &self.refined);
        let tangents = scene.array.site.walls[alone.point.wall].tangents(&alone.point);
        let way = place.point.position_m - alone.point.position_m;
        let moved = Vector2::new(way.dot(&tangents[0]), way.dot(&tangents[1]));
        // Hausman (1978): two estimates of which one uses all that the other does differ by the difference of covariances.
        let gained = alone.covariance_m2 * (1.0 + SLACK) - place.covariance_m2;
        let allowed = Some(gained).filter(|d| d.trace() > 0.0 && d.determinant() > 0.0).unwrap_or(alone.covariance_m2);
        let distance2 = allowed.try_inverse().map_or(f64::INFINITY, |inverse| (moved.transpose() * inverse * moved)[0]);
        if distance2 > CHI2_999 {
            return Err(format!(
                "together they move the place by {:.2} mm, {:.1} standard deviations",
                way.norm() * 1e3,
                distance2.sqrt()
            ));
        }
        let (chi2, dof) = place.chi2;
        if chi2 > chi2_point(dof, NORMAL_999) && chi2 > alone.chi2.0 {
            return Err(format!("together they contradict the stated geometry, chi-square {chi2:.1} of {dof}"));
        }
        let speed_m_s = scene.array.group_speed().0;
        let (middle_s, variance_s2) = across.time_s;
        let clock = |(i, told): (usize, &Told)| {
            let before = told.clock?;
            let drift = self.drift_m_s[i] / speed_m_s;
            let slope = told.behind[1] + drift;
            let at_zero = told.behind[0] + self.late_m[i] / speed_m_s - drift * middle_s;
            let drift_variance = self.drift_covariance[(i, i)] / variance_s2 / speed_m_s.powi(2);
            let late_m2 = self.covariance_m2[(2 + i, 2 + i)];
            let offset_s2 = late_m2 / speed_m_s.powi(2) + middle_s.powi(2) * drift_variance;
            Some(Clock {
                offset_s: (-at_zero / (1.0 + slope), offset_s2.sqrt()),
                drift_ppm: Some((slope * 1e6, drift_variance.sqrt() * 1e6)),
                joint: true,
                ..before
            })
        };
        let clocks = recorders[1..].iter().enumerate().filter_map(clock).collect();
        Ok(Together { clocks, refined: self.refined })
    }
}
