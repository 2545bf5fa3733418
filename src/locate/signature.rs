//! How a located leak is heard by every channel: amplitude and phase beside the straight way, over frequency.
//!
//! A channel's coherence with all others, turned back along the ranges, is `N_m = s_m Σ_n R_mn conj(s_n)`: `s` is the
//! signature, `R` what segments leave at the lag of a pair. Solved bin by bin, as CLEAN-SC does, each of `M` channels
//! takes `2/M` of every other source with it, and the chance of each bin. A leak's direct sound changes slowly over
//! frequency, though, and what an echo adds is told from chance by its size. So the signature is found from wide stretches
//! of the band to single bins, and each finer level counts by the share of it that chance does not explain (Wiener's;
//! with the measured energy that of James & Stein 1961): of a strong leak every bin is known, of a faint one the mean.

use nalgebra::{Complex, DVector};
use ndarray::{Array2, ArrayView1, Axis};
use rayon::prelude::*;

use super::explain::turns;
use super::likelihood::{left_at, rank_one};
use crate::channelise::Left;
use crate::cross_spectra::{Coherence, wide};

/// Bins that are worked on by one thread at a time, and over which the lag of a pair is taken as one.
const RUN: usize = 64;

/// Rounds of the fixed-point iteration, at most, and the change of the amplitude at which it has settled.
const ROUNDS: usize = 8;
const SETTLED: f64 = 1e-3;

/// Share of a round's change that is made. The scale of all overshoots by itself, that of one channel does not at all: this
/// leaves a third of both errors, of many channels alike.
const RELAXED: f64 = 2.0 / 3.0;

/// Ratio of the widths of neighbouring levels.
const FINER: usize = 2;

/// What a source sends to every channel.
pub struct Signature {
    /// Amplitude re the channel's own, and phase; `[sensor, bin]`.
    amplitude: Array2<Complex<f64>>,
    /// What segments leave of each pair; `[pair, run of bins]`.
    left: Array2<f64>,
}

impl Signature {
    /// Of the source at these ranges, metres; nothing where a beam at it hears nothing.
    pub fn of(coherence: &Coherence, wavenumber_rad_m: &[f64], ranges_m: &DVector<f64>) -> Self {
        let (sensors, bins) = (ranges_m.len(), wavenumber_rad_m.len());
        let turn = turns(wavenumber_rad_m, ranges_m);
        let edges: Vec<usize> = (0..bins).step_by(RUN).chain([bins]).collect();
        // Where so little is left that a pair counts for nothing, nothing is taken out of it.
        let of_left = |left: Left| if left.samples > 0.0 { left.coherence } else { 0.0 };
        let left = left_at(coherence, wavenumber_rad_m, &edges, ranges_m).mapv(of_left);
        let heard = with_others(coherence, &turn);
        let of_band = rank_one(&coherence.pairs, sensors, &band_mean(coherence, &turn, &left));
        let mut amplitude = Array2::from_shape_fn((sensors, bins), |(m, _)| Complex::from(of_band[m]));
        for _ in 0..ROUNDS {
            let others = Others::new(coherence, &amplitude, &left);
            let next: Vec<Vec<Complex<f64>>> = (0..sensors)
                .into_par_iter()
                .map(|m| {
                    let found = smoothed(heard.row(m), others.of(m), coherence);
                    // No channel holds more of it than its own power.
                    let bounded = found.into_iter().map(|found| found / found.norm().max(1.0));
                    amplitude.row(m).iter().zip(bounded).map(|(now, found)| now + (found - now) * RELAXED).collect()
                })
                .collect();
            let mut next = Array2::from_shape_vec((sensors, bins), next.concat()).expect("a row a sensor");
            turned_to_beam(&mut next, &coherence.groups);
            let square = |x: &Array2<Complex<f64>>| x.iter().map(Complex::norm_sqr).sum::<f64>();
            let change = square(&(&next - &amplitude));
            amplitude = next;
            if change <= SETTLED * SETTLED * square(&amplitude) {
                break;
            }
        }
        amplitude.zip_mut_with(&turn, |s, turn| *s *= turn.conj());
        Self { amplitude, left }
    }

    /// What it adds to a pair's coherence, bin by bin.
    pub fn of_pair(&self, row: usize, (m, n): (usize, usize)) -> impl Iterator<Item = Complex<f64>> + '_ {
        let product = self.amplitude.row(m).into_iter().zip(self.amplitude.row(n));
        product.enumerate().map(move |(bin, (a, b))| a * b.conj() * self.left[[row, bin / RUN]])
    }
}

/// What the source adds to each pair's coherence, over the whole band.
fn band_mean(coherence: &Coherence, turn: &Array2<Complex<f64>>, left: &Array2<f64>) -> Vec<f64> {
    let of_pair = |(row, &(m, n)): (usize, &(usize, usize))| {
        let turns = turn.row(m).into_iter().zip(turn.row(n)).map(|(a, b)| a * b.conj());
        let of_bins = coherence.value.row(row).into_iter().zip(turns).enumerate();
        let (product, square) = of_bins.fold((0.0, 0.0), |(product, square), (bin, (g, turn))| {
            let left = left[[row, bin / RUN]];
            (product + left * (wide(*g) * turn).re, square + left * left)
        });
        if square > 0.0 { product / square } else { 0.0 }
    };
    coherence.pairs.par_iter().enumerate().map(of_pair).collect()
}

/// The coherence of each channel with all others of its clock, turned back along the ranges; `[sensor, bin]`.
fn with_others(coherence: &Coherence, turn: &Array2<Complex<f64>>) -> Array2<Complex<f64>> {
    let mut heard = Array2::zeros(turn.dim());
    let runs: Vec<_> = heard.axis_chunks_iter_mut(Axis(1), RUN).enumerate().collect();
    runs.into_par_iter().for_each(|(run, mut heard)| {
        for (&(m, n), value) in coherence.pairs.iter().zip(coherence.value.rows()) {
            for bin in 0..heard.ncols() {
                let at = run * RUN + bin;
                let g = wide(value[at]) * turn[[m, at]] * turn[[n, at]].conj();
                heard[[m, bin]] += g;
                heard[[n, bin]] += g.conj();
            }
        }
    });
    heard
}

/// What each channel is compared with, `[sensor, bin]`: the others of its clock.
struct Others {
    /// As this source reaches them, and the power of that were they not in phase.
    beam: Array2<(Complex<f64>, f64)>,
    /// Power of a channel that is not this source's.
    own: Array2<f64>,
    /// That of all channels of each clock together; `[clock, bin]`.
    of_clock: Array2<f64>,
    clocks: Vec<usize>,
}

/// What one channel is compared with, bin by bin.
struct Compared {
    beam: Complex<f64>,
    /// What the beam is divided by: channels out of phase with each other add up to next to nothing, which would be most of a quotient.
    weight: f64,
    /// The channel's own power beside the source, and that of as many others.
    own: f64,
    others: f64,
}

impl Others {
    fn new(coherence: &Coherence, amplitude: &Array2<Complex<f64>>, left: &Array2<f64>) -> Self {
        let own = amplitude.mapv(|s| (1.0 - s.norm_sqr()).max(0.0));
        let clocks: Vec<usize> = coherence
            .groups
            .iter()
            .map(|g| coherence.groups.iter().position(|other| other == g).unwrap_or(0))
            .collect();
        let mut of_clock = Array2::zeros(amplitude.dim());
        for (own, &clock) in own.rows().into_iter().zip(&clocks) {
            of_clock.row_mut(clock).zip_mut_with(&own, |sum, own| *sum += own);
        }
        let mut beam = Array2::from_elem(amplitude.dim(), (Complex::default(), 0.0));
        let runs: Vec<_> = beam.axis_chunks_iter_mut(Axis(1), RUN).enumerate().collect();
        runs.into_par_iter().for_each(|(run, mut beam)| {
            for (row, &(m, n)) in coherence.pairs.iter().enumerate() {
                let left = left[[row, run]];
                let mut add = |to: usize, bin: usize, s: Complex<f64>| {
                    let (beam, power) = &mut beam[[to, bin]];
                    *beam += s;
                    *power += s.norm_sqr();
                };
                for bin in 0..amplitude.ncols().min((run + 1) * RUN) - run * RUN {
                    let at = run * RUN + bin;
                    add(m, bin, amplitude[[n, at]] * left);
                    add(n, bin, amplitude[[m, at]] * left);
                }
            }
        });
        Self { beam, own, of_clock, clocks }
    }

    fn of(&self, m: usize) -> Vec<Compared> {
        let clock = self.of_clock.row(self.clocks[m]);
        let rows = self.beam.row(m).into_iter().zip(self.own.row(m)).zip(clock);
        let compared = |((&(beam, power), &own), of_clock): ((&(Complex<f64>, f64), &f64), &f64)| Compared {
            beam,
            weight: beam.norm_sqr().max(power),
            own,
            others: of_clock - own,
        };
        rows.map(compared).collect()
    }
}

/// One channel's signature: from the whole band to single bins, each level as far as chance does not explain it. Bins are taken as neighbours
/// where lines between them were left out, too.
fn smoothed(heard: ArrayView1<'_, Complex<f64>>, compared: Vec<Compared>, coherence: &Coherence) -> Vec<Complex<f64>> {
    let bins = heard.len();
    // What a channel's own sound shares with the source by chance goes with a loud source, of which it would be most of what is left.
    let chance = compared.iter().map(|Compared { beam, own, others, .. }| {
        let loud = beam.norm_sqr();
        loud * own * (others + loud * own) / coherence.averages
    });
    let (weights, chances) = (Sums::of(compared.iter().map(|c| c.weight)), Sums::of(chance));
    let mut found = vec![Complex::default(); bins];
    let mut half = bins;
    loop {
        let bins_of = || heard.iter().zip(&compared).zip(&found);
        let unexplained = bins_of()
            .map(|((heard, c), found): ((&Complex<f64>, &Compared), &Complex<f64>)| heard * c.beam - found * c.weight);
        let sums = Sums::of(unexplained);
        let crowding = coherence.lag_window.crowding((2 * half + 1).min(bins));
        let (mut seen, mut by_chance) = (0.0, 0.0);
        let level: Vec<Complex<f64>> = (0..bins)
            .map(|bin| {
                let of_bins = weights.about(bin, half);
                if of_bins <= 0.0 {
                    return Complex::default();
                }
                let mean = sums.about(bin, half) / of_bins;
                seen += compared[bin].weight * mean.norm_sqr();
                by_chance += compared[bin].weight * crowding * chances.about(bin, half) / (of_bins * of_bins);
                mean
            })
            .collect();
        let share = if seen > by_chance { 1.0 - by_chance / seen } else { 0.0 };
        found.iter_mut().zip(level).for_each(|(found, more)| *found += more * share);
        if half == 0 {
            return found;
        }
        half /= FINER;
    }
}

/// Phases so that the beam at the source, which hears all channels of a clock alike, hears it with none.
fn turned_to_beam(amplitude: &mut Array2<Complex<f64>>, groups: &[usize]) {
    for mut bin in amplitude.columns_mut() {
        for m in 0..groups.len() {
            // Each clock once, at its first channel.
            if groups[..m].contains(&groups[m]) {
                continue;
            }
            let members = || (m..groups.len()).filter(|&n| groups[n] == groups[m]);
            let beam: Complex<f64> = members().map(|n| bin[n]).sum();
            if beam.norm() > 0.0 {
                let turn = beam.conj() / beam.norm();
                members().for_each(|n| bin[n] *= turn);
            }
        }
    }
}

/// Sums over stretches of a row, each in one step.
struct Sums<T>(Vec<T>);

impl<T: Copy + Default + std::ops::Add<Output = T> + std::ops::Sub<Output = T>> Sums<T> {
    fn of(values: impl Iterator<Item = T>) -> Self {
        let running = values.scan(T::default(), |sum, value| {
            *sum = *sum + value;
            Some(*sum)
        });
        Self(std::iter::once(T::default()).chain(running).collect())
    }

    /// From `half` before a place to `half` after it, as far as there are values.
    fn about(&self, place: usize, half: usize) -> T {
        self.0[(place + half + 1).min(self.0.len() - 1)] - self.0[place.saturating_sub(half)]
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;
    use rand_distr::{Distribution, StandardNormal};

    use super::super::explain::without_leak;
    use super::*;
    use crate::channelise::{LagWindow, Segmentation, Taper};
    use crate::cross_spectra::narrow;

    const SENSORS: usize = 8;
    const BINS: usize = 512;

    fn wavenumbers() -> Vec<f64> {
        (0..BINS).map(|bin| 400.0 + bin as f64).collect()
    }

    fn ranges(factor: f64) -> DVector<f64> {
        DVector::from_fn(SENSORS, |m, _| 0.3 + 1.2 * (factor * (m + 1) as f64).sin().abs())
    }

    /// Of several sources of these shares of every channel's power.
    fn coherence_of(sources: &[(f64, DVector<f64>)], averages: f64, lag_window: LagWindow) -> Coherence {
        let k = wavenumbers();
        let pairs: Vec<_> = (0..SENSORS).flat_map(|m| (m + 1..SENSORS).map(move |n| (m, n))).collect();
        let frequency_hz: Vec<f64> = k.iter().map(|k| k * 343.0 / std::f64::consts::TAU).collect();
        let of = |(row, bin): (usize, usize)| {
            let (m, n): (usize, usize) = pairs[row];
            let of_source = |(share, ranges): &(f64, DVector<f64>)| {
                let apart_m = ranges[m] - ranges[n];
                Complex::from_polar(share * lag_window.at(apart_m / 343.0).coherence, -k[bin] * apart_m)
            };
            narrow(sources.iter().map(of_source).sum::<Complex<f64>>())
        };
        let value = Array2::from_shape_fn((pairs.len(), BINS), of);
        let groups = vec![0; SENSORS];
        Coherence { frequency_hz, pairs, groups, averages, lag_window: Arc::new(lag_window), value, emphasis: None }
    }

    fn square(coherence: &Coherence) -> f64 {
        coherence.value.iter().map(|g| f64::from(g.norm_sqr())).sum()
    }

    #[test]
    fn what_segments_leave_of_a_leak_is_taken_as_they_leave_it() {
        let cut = Segmentation { segment_samples: 1024, hop_samples: 512, fft_samples: 1024, taper: Taper::Hann };
        let leak = [(0.5, ranges(1.0))];
        let mut alone = coherence_of(&leak, f64::INFINITY, LagWindow::new(&cut, 192e3));
        // The farthest sensor hears a third of what the nearest does.
        let heard = |m: usize| 1.0 / (1.0 + 0.3 * m as f32);
        for (mut row, &(m, n)) in alone.value.rows_mut().into_iter().zip(&alone.pairs) {
            row.mapv_inplace(|g| g * heard(m) * heard(n));
        }
        let rest = without_leak(&alone, &wavenumbers(), &leak[0].1);
        // The last round changed amplitudes by a thousandth and left half as much; of two in a product that is a thousandth: four are allowed.
        assert!(square(&rest) < (4.0 * SETTLED).powi(2) * square(&alone), "{}", square(&rest) / square(&alone));
    }

    #[test]
    fn of_a_faint_leak_the_second_stays_whole() {
        let [first, second] = [(0.1, ranges(1.0)), (0.01, ranges(2.7))];
        let k = wavenumbers();
        let kept = |averages: f64| {
            let both = coherence_of(&[first.clone(), second.clone()], averages, LagWindow::default());
            let rest = without_leak(&both, &k, &first.1);
            let alone = coherence_of(std::slice::from_ref(&second), averages, LagWindow::default());
            let common =
                rest.value.iter().zip(&alone.value).map(|(rest, g)| f64::from((rest * g.conj()).re)).sum::<f64>();
            common / square(&alone)
        };
        // Twelve averages do not tell it from chance within a bin: it is no part of the first. Were every bin known, a quarter of
        // it, 2/M, would go with the first.
        assert!(kept(12.0) > 0.95, "{}", kept(12.0));
        assert!(kept(f64::INFINITY) < 0.9, "{}", kept(f64::INFINITY));
    }

    #[test]
    fn where_a_leak_is_silent_nothing_is_added() {
        let averages = 180.0;
        let mut rng = ChaCha8Rng::seed_from_u64(5);
        let mut chance = || -> f32 { StandardNormal.sample(&mut rng) };
        let mut alone = coherence_of(&[(0.8, ranges(1.0))], averages, LagWindow::default());
        let silent = BINS / 4..BINS;
        for (bin, mut column) in alone.value.columns_mut().into_iter().enumerate() {
            let there = if silent.contains(&bin) { 0.0 } else { 1.0 };
            let scatter = (0.5 / averages as f32).sqrt();
            column.mapv_inplace(|g| g * there + Complex::new(chance(), chance()) * scatter);
        }
        let rest = without_leak(&alone, &wavenumbers(), &ranges(1.0));
        let square = |of: &Coherence| -> f32 {
            silent.clone().map(|bin| of.value.column(bin).iter().map(Complex::norm_sqr).sum::<f32>()).sum()
        };
        assert!(square(&rest) <= square(&alone), "{}", square(&rest) / square(&alone));
        let most = |of: &Coherence| of.value.iter().map(|g| g.norm()).fold(0.0, f32::max);
        assert!(most(&rest) < most(&alone), "{}", most(&rest));
    }

    #[test]
    fn a_beam_that_hears_nothing_takes_nothing() {
        let mut against = coherence_of(&[(0.2, ranges(1.0))], 12.0, LagWindow::default());
        against.value.mapv_inplace(|g| -g);
        let rest = without_leak(&against, &wavenumbers(), &ranges(1.0));
        assert_eq!(rest.value, against.value);
    }
}
