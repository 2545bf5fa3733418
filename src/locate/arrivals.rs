//! What a source at a known place tells of the array: how much further each sensor is than the site says, how loud it is, and
//! which way round it is wired.
//!
//! Nothing is asked of the wall here. As long as little is known, pairs take their envelope's word, which knows no polarity, and
//! vote on one range a sensor; once channels are wired alike, the Gaussian likelihood of the ranges is climbed from the prediction.

use nalgebra::{DMatrix, DVector};
use realfft::num_complex::Complex;

use super::align::{Pick, envelope_top, vote};
use super::likelihood::{BlockScore, Likelihood};
use super::listening::listen_in;
use super::{Options, Progress, Stopwatch};
use crate::capture::Captures;
use crate::cross_spectra::{BinFate, ChannelCorrection, Coherence, CrossSpectra, Weighting, narrow, wide};
use crate::delay::{Density, RangePlan, RangeTable};
use crate::error::Result;
use crate::propagation::Medium;
use crate::site::Site;
use crate::units::{power_db, power_from_db};

/// Steps of the climb at most.
const STEPS: usize = 30;

/// Averages below which the coherence of noise is no longer small: a tap has two or three.
const FEW: f64 = 32.0;

/// The recording of one source at a known place, as cross-spectra.
#[derive(Debug)]
pub struct Take {
    /// The sensors that heard it, as numbers in the site; all else here counts sensors in this order.
    pub sensors: Vec<usize>,
    /// The band, hertz.
    pub band_hz: [f64; 2],
    /// What is odd about the recording.
    pub warnings: Vec<String>,
    spectra: CrossSpectra,
    fates: Vec<BinFate>,
}

/// What a take tells of its sensors.
#[derive(Debug, Clone)]
pub struct Arrivals {
    /// The sound arrives at each sensor as if it were so much further than predicted, metres; only differences within a clock
    /// group mean anything.
    pub excess_m: DVector<f64>,
    /// Information on it, 1/m²; a graph Laplacian over each clock group.
    pub information_per_m2: DMatrix<f64>,
    /// How far each two sensors agree in polarity at the predicted ranges, −1 to 1; zero where they have no clock in common.
    pub agreement: DMatrix<f64>,
    /// Level of the sound at each sensor over what its range explains, decibels; only differences mean anything.
    pub gain_db: Vec<f64>,
    /// What moves these ranges.
    pub slopes: Slopes,
}

/// What is asked of a correlation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mark {
    /// Where its envelope is highest, whatever the polarities. Where waves disperse, a delay turns crests against their envelope:
    /// as long as it is large, the envelope alone has a say.
    Envelopes,
    /// Where the crests are nearest to the prediction, all channels wired alike.
    Crests,
}

/// How ranges told by envelopes, or by crests, follow delay and wavenumber.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Slopes {
    /// Metres of range that a second of delay looks like.
    pub metres_per_second: f64,
    /// Relative change of a range per relative change of the wavenumber in the middle of the band.
    pub per_wavenumber: f64,
}

impl Slopes {
    /// Those of envelopes about a frequency.
    pub fn of_envelopes(medium: &Medium, frequency_hz: f64) -> Self {
        let group_m_s = |by: f64| medium.stretched(by).group_speed(frequency_hz).0;
        let by = 1e-4;
        let of_group = (group_m_s(-by) / group_m_s(by)).ln() / (2.0 * by);
        Self {
            metres_per_second: group_m_s(0.0),
            per_wavenumber: of_group / medium.dispersion.stretch_gain(frequency_hz),
        }
    }
}

impl Take {
    /// Listens to captures of one source.
    ///
    /// # Errors
    /// As [`super::locate`].
    pub fn hear(site: &Site, captures: Captures, options: &Options, progress: Progress<'_>) -> Result<Self> {
        let heard = listen_in(site, captures.into(), None, options, progress, &mut Stopwatch::start())?;
        Ok(Self {
            sensors: heard.array.sensors.clone(),
            band_hz: heard.array.band_hz,
            warnings: [heard.warnings, heard.channels.warnings].concat(),
            spectra: heard.spectra,
            fates: heard.fates,
        })
    }

    /// Clock group of each sensor.
    pub fn groups(&self) -> &[usize] {
        &self.spectra.layout().groups
    }

    /// Undoes delays and polarities, one correction a sensor of the take.
    pub fn correct(&mut self, corrections: &[ChannelCorrection]) {
        self.spectra.correct(corrections);
    }

    /// What the sensors heard, where their ranges are predicted to be `ranges_m` with standard deviations `sigma_m` (what delays
    /// of unknown size look like included); `None` where too few pairs hear anything.
    pub fn arrivals(&self, medium: &Medium, ranges_m: &DVector<f64>, sigma_m: &[f64], mark: Mark) -> Option<Arrivals> {
        let mean = self.spectra.mean();
        let coherence = Weighting::Scot.apply(&mean, &mean, self.spectra.layout(), &self.fates);
        let k: Vec<f64> = coherence.frequency_hz.iter().map(|hz| medium.wavenumber_rad_m(*hz)).collect();
        let middle = (k.iter().map(|k| k * k).sum::<f64>() / k.len() as f64).sqrt();
        let wavelength_m = std::f64::consts::TAU / middle;
        let reach_m = |&(m, n): &(usize, usize)| 3.0 * sigma_m[m].hypot(sigma_m[n]) + 0.5 * wavelength_m;
        // Few averages leave noise as coherent as sound: then loud bins count more.
        let loud = (self.spectra.averages() < FEW)
            .then(|| Weighting::Plain.apply(&mean, &mean, self.spectra.layout(), &self.fates));
        let tables = tables_about(loud.as_ref().unwrap_or(&coherence), &k, ranges_m, &reach_m, wavelength_m);
        let agreement = agreement(&coherence.pairs, &tables, ranges_m);
        if mark == Mark::Envelopes {
            let (excess_m, information_per_m2) =
                envelopes(&coherence.pairs, &tables, ranges_m, sigma_m, wavelength_m, &reach_m)?;
            return Some(Arrivals {
                excess_m,
                information_per_m2,
                agreement,
                gain_db: vec![0.0; ranges_m.len()],
                slopes: Slopes::of_envelopes(medium, middle_hz(self.band_hz)),
            });
        }
        let samples_per_bin = self.spectra.samples_per_bin();
        let ranges = climbed(&coherence, &k, samples_per_bin, ranges_m.clone());
        let likelihood = Likelihood::fit(&coherence, &k, samples_per_bin, &ranges);
        let information = likelihood.information();
        let excess = scatter(&information, &likelihood.scores(&ranges));
        let omega = coherence.frequency_hz.iter().map(|hz| std::f64::consts::TAU * hz);
        Some(Arrivals {
            excess_m: &ranges - ranges_m,
            information_per_m2: information / excess,
            agreement,
            gain_db: self.gains(&coherence, &k, medium, &ranges, ranges_m),
            slopes: Slopes {
                // The delay that best undoes a range in the band: Σ kω over Σ k².
                metres_per_second: omega.zip(&k).map(|(w, k)| w * k).sum::<f64>() / (middle * middle * k.len() as f64),
                per_wavenumber: 1.0,
            },
        })
    }

    /// Level of what is coherent at each sensor over what spreading and absorption leave of it.
    fn gains(
        &self,
        wired: &Coherence,
        k: &[f64],
        medium: &Medium,
        ranges: &DVector<f64>,
        predicted: &DVector<f64>,
    ) -> Vec<f64> {
        let mean = self.spectra.mean();
        let used: Vec<usize> = (0..self.fates.len()).filter(|&bin| self.fates[bin] == BinFate::Used).collect();
        let count = self.sensors.len();
        // ln P_mn = a_m + a_n over all pairs: the coherent power is a product of amplitudes.
        let (mut normal, mut right) = (DMatrix::<f64>::identity(count, count) * 1e-9, DVector::<f64>::zeros(count));
        for (row, &(m, n)) in wired.pairs.iter().enumerate() {
            let power: f64 = used
                .iter()
                .enumerate()
                .map(|(i, &bin)| {
                    let scale = (mean.auto[[m, bin]] * mean.auto[[n, bin]]).sqrt();
                    (wide(wired.value[[row, i]]) * Complex::cis(k[i] * (ranges[m] - ranges[n]))).re * scale
                })
                .sum();
            if power > 0.0 {
                for (a, b) in [(m, n), (n, m)] {
                    normal[(a, a)] += 1.0;
                    normal[(a, b)] += 1.0;
                    right[a] += power.ln();
                }
            }
        }
        let amplitude = normal.lu().solve(&right).unwrap_or_else(|| DVector::zeros(count));
        let weight: Vec<f64> = used.iter().map(|&bin| mean.auto.column(bin).sum()).collect();
        let total: f64 = weight.iter().sum();
        (0..count)
            .map(|m| {
                let arriving = weight.iter().zip(&wired.frequency_hz).map(|(w, hz)| {
                    w * medium.spreading(predicted[m]) * power_from_db(-medium.absorption_db_m(*hz) * predicted[m])
                });
                2.0 * amplitude[m] * 10.0 * std::f64::consts::LOG10_E - power_db(arriving.sum::<f64>() / total)
            })
            .collect()
    }
}

/// The middle of a band, hertz, where phases weigh with the square of frequency.
fn middle_hz([low, high]: [f64; 2]) -> f64 {
    ((low * low + low * high + high * high) / 3.0).sqrt()
}

/// Correlation of each pair about its predicted range difference, and some waves further than it may be off.
fn tables_about(
    coherence: &Coherence,
    k: &[f64],
    ranges_m: &DVector<f64>,
    reach_m: &dyn Fn(&(usize, usize)) -> f64,
    wavelength_m: f64,
) -> Vec<RangeTable> {
    // Noise is told beside the peak: by thirty times the peak's width.
    let (low, high) = k.iter().fold((f64::MAX, 0.0f64), |(low, high), k| (low.min(*k), high.max(*k)));
    let beside_m = (15.0 * std::f64::consts::TAU / (high - low)).max(3.0 * wavelength_m);
    let furthest_m = coherence.pairs.iter().map(reach_m).fold(0.0, f64::max) + beside_m;
    let plan = RangePlan::new(k, furthest_m, Density::Full);
    let table = |(row, &(m, n)): (usize, &(usize, usize))| {
        let middle_m = ranges_m[m] - ranges_m[n];
        let turned = coherence.emphasised(row).zip(k).map(|(g, k)| g * narrow(Complex::cis(k * middle_m)));
        let mut table = plan.table(turned, furthest_m);
        table.first_m += middle_m;
        table
    };
    coherence.pairs.iter().enumerate().map(table).collect()
}

/// How far each two sensors agree in polarity at these ranges.
fn agreement(pairs: &[(usize, usize)], tables: &[RangeTable], ranges_m: &DVector<f64>) -> DMatrix<f64> {
    let mut agreement = DMatrix::zeros(ranges_m.len(), ranges_m.len());
    for (&(m, n), table) in pairs.iter().zip(tables) {
        let at = table.at(ranges_m[m] - ranges_m[n]);
        let agrees = f64::from(at.re) / f64::from(at.norm()).max(3.0 * table.noise());
        (agreement[(m, n)], agreement[(n, m)]) = (agrees, agrees);
    }
    agreement
}

/// One range offset a sensor by the tops of envelopes, and the information on it.
fn envelopes(
    pairs: &[(usize, usize)],
    tables: &[RangeTable],
    ranges_m: &DVector<f64>,
    sigma_m: &[f64],
    wavelength_m: f64,
    reach_m: &dyn Fn(&(usize, usize)) -> f64,
) -> Option<(DVector<f64>, DMatrix<f64>)> {
    let count = sigma_m.len();
    let tops: Vec<Pick> = pairs
        .iter()
        .zip(tables)
        .filter_map(|(pair, table)| {
            let expected = ranges_m[pair.0] - ranges_m[pair.1];
            let top_m = envelope_top(table, expected, reach_m(pair))?;
            // The top of an envelope is flat: a quarter of a wave.
            Some(Pick { pair: *pair, excess_m: top_m - expected, weight_per_m2: (4.0 / wavelength_m).powi(2) })
        })
        .collect();
    if tops.len() + 1 < count {
        return None;
    }
    let variance = DVector::from_iterator(count, sigma_m.iter().map(|s| s * s));
    Some(vote(&variance, &tops, wavelength_m))
}

/// The most probable ranges near `ranges`.
fn climbed(coherence: &Coherence, k: &[f64], samples_per_bin: f64, mut ranges: DVector<f64>) -> DVector<f64> {
    let likelihood = Likelihood::fit(coherence, k, samples_per_bin, &ranges);
    let value = |r: &DVector<f64>| likelihood.scores(r).iter().map(|s| s.value).sum::<f64>();
    let Some(covariance) = pseudo_inverse(&likelihood.information()) else { return ranges };
    let mut height = value(&ranges);
    for _ in 0..STEPS {
        let gradient: DVector<f64> = likelihood.scores(&ranges).iter().map(|s| &s.gradient).sum();
        let step = &covariance * gradient;
        let shares = [1.0, 0.5, 0.25, 0.1, 0.03];
        let better = shares.iter().map(|share| &ranges + &step * *share).find(|next| value(next) > height);
        let Some(next) = better else { break };
        let moved = (&next - &ranges).amax();
        (ranges, height) = (next.clone(), value(&next));
        if moved < 1e-8 {
            break;
        }
    }
    ranges
}

/// How much more the scores of the frequency blocks scatter than their information says, not below 1: echoes.
fn scatter(information: &DMatrix<f64>, scores: &[BlockScore]) -> f64 {
    let Some(covariance) = pseudo_inverse(information) else { return 1.0 };
    let (count, sensors) = (scores.len() as f64, information.nrows() as f64);
    if count < 6.0 {
        return 1.0;
    }
    let mean = scores.iter().map(|s| &s.gradient).sum::<DVector<f64>>() / count;
    let off = scores.iter().map(|s| &s.gradient - &mean);
    let squares: f64 = off.map(|off| off.dot(&(&covariance * &off))).sum();
    (squares * count / (count - 1.0) / (sensors - 1.0).max(1.0)).max(1.0)
}

fn pseudo_inverse(information: &DMatrix<f64>) -> Option<DMatrix<f64>> {
    let largest = information.diagonal().amax();
    (largest.is_finite() && largest > 0.0).then(|| information.clone().pseudo_inverse(1e-9 * largest).ok()).flatten()
}
