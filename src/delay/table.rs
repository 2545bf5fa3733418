//! The correlation of a pair over range difference, by a non-uniform Fourier transform.
//!
//! Wavenumbers of plate waves are not evenly spaced, so the sum over frequency is not an FFT. It becomes one by
//! spreading each bin over its neighbours on an even grid of wavenumbers with a short kernel, transforming, and
//! dividing by the kernel's own transform (Barnett, Magland & af Klinteberg 2019, SIAM J. Sci. Comput. 41:C479). In
//! air the same road costs little more than a plain FFT, and there is one road.

use std::f64::consts::{PI, TAU};
use std::ops::{AddAssign, Mul};
use std::sync::Arc;

use realfft::num_complex::Complex;
use realfft::{ComplexToReal, RealFftPlanner};
use rustfft::{Fft, FftPlanner};

/// Grid points that a bin is spread over. With twofold oversampling the error is about `10^(1 − width)`.
const WIDTH: usize = 7;
/// Shape of the kernel `exp(β(√(1−x²) − 1))`, from the same paper: 2.30 a point of width.
const BETA: f64 = 2.30 * WIDTH as f64;
/// The transform's period over what is kept of it.
const OVERSAMPLING: f64 = 2.0;

/// How closely a table is sampled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Density {
    /// Twelve points to the shortest wavelength: linear interpolation then errs by 3 % at the top of the band.
    Full,
    /// Six of them: enough for maxima over many.
    Half,
}

/// Prepared sums over one set of wavenumbers; shared by all pairs.
#[derive(Clone)]
pub struct RangePlan {
    step_m: f64,
    /// Grid index of the first point each bin is spread to, and its weights.
    spread: Vec<(usize, [f32; WIDTH])>,
    /// One over the kernel's transform at `0, step, 2 step, …`.
    deconvolution: Vec<f32>,
    /// Absent at half density, where nothing but real parts is asked for.
    fft: Option<Arc<dyn Fft<f32>>>,
    /// The same length, real parts only.
    real_fft: Arc<dyn ComplexToReal<f32>>,
}

/// Correlation of one pair over range difference, without its envelope.
#[derive(Debug, Clone)]
pub struct RealTable {
    /// Range difference of the first value, metres.
    pub first_m: f64,
    /// Spacing, metres.
    pub step_m: f64,
    /// Values.
    pub value: Vec<f32>,
}

/// Complex correlation of one pair over range difference `D = d_a − d_b`; the real part is the correlation, the
/// magnitude its envelope. Between points it is linear.
#[derive(Debug, Clone)]
pub struct RangeTable {
    /// Range difference of the first value, metres.
    pub first_m: f64,
    /// Spacing, metres.
    pub step_m: f64,
    /// Values.
    pub value: Vec<Complex<f32>>,
    noise: f64,
}

impl std::fmt::Debug for RangePlan {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (bins, length) = (self.spread.len(), self.real_fft.len());
        write!(f, "RangePlan {{ step_m: {}, bins: {bins}, length: {length}, .. }}", self.step_m)
    }
}

impl RangePlan {
    /// Prepares tables over `-reach_m..=reach_m` for bins of these wavenumbers, rad/m.
    ///
    /// # Panics
    /// Where there is no wavenumber or one is not positive.
    pub fn new(wavenumber_rad_m: &[f64], reach_m: f64, density: Density) -> Self {
        let highest = wavenumber_rad_m.iter().copied().fold(0.0, f64::max);
        assert!(highest > 0.0 && wavenumber_rad_m.iter().all(|k| *k > 0.0));
        let step_m = TAU / highest / if density == Density::Full { 12.0 } else { 6.0 };
        let points = (OVERSAMPLING * 2.0 * (reach_m / step_m + 2.0)).ceil() as usize;
        let length = smooth_length(points.max(64));
        let grid_rad_m = TAU / (length as f64 * step_m);
        let half = WIDTH as f64 / 2.0;
        let spread = wavenumber_rad_m
            .iter()
            .map(|k| {
                let at = k / grid_rad_m;
                let first = (at - half).ceil();
                let weights = std::array::from_fn(|i| kernel((first + i as f64 - at) / half) as f32);
                (first.rem_euclid(length as f64) as usize, weights)
            })
            .collect();
        let kept = (reach_m / step_m).ceil() as usize + 2;
        let transform = kernel_transforms(PI * WIDTH as f64 / length as f64, kept);
        Self {
            step_m,
            spread,
            deconvolution: transform.into_iter().map(|x| (1.0 / (x * half)) as f32).collect(),
            fft: (density == Density::Full).then(|| FftPlanner::new().plan_fft_inverse(length)),
            real_fft: RealFftPlanner::new().plan_fft_inverse(length),
        }
    }

    /// Spacing of the tables, metres.
    pub fn step_m(&self) -> f64 {
        self.step_m
    }

    /// The table of one pair: the mean over bins of `spectrum·exp(+i k D)` for `|D| <= reach_m`.
    ///
    /// # Panics
    /// Where `spectrum` has not one value a wavenumber, `reach_m` exceeds that of the plan, or the density is not full.
    pub fn table(&self, spectrum: impl ExactSizeIterator<Item = Complex<f32>>, reach_m: f64) -> RangeTable {
        assert_eq!(spectrum.len(), self.spread.len());
        let fft = self.fft.as_ref().expect("envelopes are asked for at full density");
        let length = fft.len();
        let mut grid = vec![Complex::default(); length];
        let scale = 1.0 / spectrum.len() as f32;
        for (value, (first, weights)) in spectrum.zip(&self.spread) {
            let value = value * scale;
            // All but the lowest and the highest wavenumbers lie whole within the grid.
            if let Some(points) = grid.get_mut(*first..first + WIDTH) {
                points.iter_mut().zip(weights).for_each(|(point, weight)| *point += value * weight);
                continue;
            }
            for (i, weight) in weights.iter().enumerate() {
                grid[(first + i) % length] += value * weight;
            }
        }
        fft.process(&mut grid);
        let kept = (reach_m / self.step_m).ceil() as usize;
        let value: Vec<Complex<f32>> = self.unfolded(&grid, kept).collect();
        // Real and imaginary part carry the same noise; the crest itself is a handful of thousands of points.
        let power_of = |part: &[Complex<f32>]| f64::from(part.iter().map(Complex::norm_sqr).sum::<f32>());
        let power: f64 = value.chunks(16).map(power_of).sum();
        let noise = (power / 2.0 / value.len() as f64).sqrt();
        RangeTable { first_m: -(kept as f64) * self.step_m, step_m: self.step_m, value, noise }
    }

    /// The transform from `kept` points before its first, which follow its last, to as many after it.
    fn unfolded<'t, T: Copy + Mul<f32, Output = T>>(
        &'t self,
        grid: &'t [T],
        kept: usize,
    ) -> impl Iterator<Item = T> + 't {
        let weights = &self.deconvolution[..=kept];
        let before = grid[grid.len() - kept..].iter().zip(weights[1..].iter().rev());
        before.chain(grid.iter().zip(weights)).map(|(value, weight)| *value * *weight)
    }

    /// The real part of [`Self::table`], in half the time.
    ///
    /// # Panics
    /// As [`Self::table`].
    pub fn real_table(&self, spectrum: impl ExactSizeIterator<Item = Complex<f32>>, reach_m: f64) -> RealTable {
        assert_eq!(spectrum.len(), self.spread.len());
        let length = self.real_fft.len();
        let mut grid = self.real_fft.make_input_vec();
        // Every point but the first stands for itself and its mirror image.
        let scale = 0.5 / spectrum.len() as f32;
        for (value, (first, weights)) in spectrum.zip(&self.spread) {
            let value = value * scale;
            // All but the lowest wavenumbers lie whole between the grid's first point and its middle.
            if let Some(points) = grid.get_mut(*first..first + WIDTH).filter(|_| *first > 0) {
                points.iter_mut().zip(weights).for_each(|(point, weight)| *point += value * weight);
                continue;
            }
            for (i, weight) in weights.iter().enumerate() {
                let (point, value) = match (first + i) % length {
                    0 => (0, Complex::new(2.0 * value.re, 0.0)),
                    point if point < grid.len() => (point, value),
                    point => (length - point, value.conj()),
                };
                grid[point] += value * weight;
            }
        }
        let mut table = self.real_fft.make_output_vec();
        self.real_fft.process(&mut grid, &mut table).expect("lengths are those of the plan");
        let kept = (reach_m / self.step_m).ceil() as usize;
        let value = self.unfolded(&table, kept).collect();
        RealTable { first_m: -(kept as f64) * self.step_m, step_m: self.step_m, value }
    }
}

impl From<&RangeTable> for RealTable {
    fn from(table: &RangeTable) -> Self {
        Self { first_m: table.first_m, step_m: table.step_m, value: table.value.iter().map(|c| c.re).collect() }
    }
}

impl RangeTable {
    /// The value at `range_difference_m` by linear interpolation; that of the nearer end beyond it.
    pub fn at(&self, range_difference_m: f64) -> Complex<f32> {
        let place = ((range_difference_m - self.first_m) / self.step_m).clamp(0.0, (self.value.len() - 1) as f64);
        let index = (place as usize).min(self.value.len() - 2);
        let share = (place - index as f64) as f32;
        self.value[index] * (1.0 - share) + self.value[index + 1] * share
    }

    /// Adds the values at `first_m`, one step of the table on, and so forth to `sum`, each as [`Self::at`] gives it and
    /// `changed` by a function.
    pub fn add_stretch<T: AddAssign>(&self, first_m: f64, sum: &mut [T], changed: impl Fn(Complex<f32>) -> T) {
        let place = (first_m - self.first_m) / self.step_m;
        let (whole, share) = (place.floor(), (place - place.floor()) as f32);
        let last = self.value.len() as i64 - 1;
        let start = whole as i64;
        // Where both neighbours are there they lie side by side; beyond, the nearer end counts.
        let inside = (-start).clamp(0, sum.len() as i64) as usize..(last - start).clamp(0, sum.len() as i64) as usize;
        let (before, rest) = sum.split_at_mut(inside.start);
        let (within, after) = rest.split_at_mut(inside.end.saturating_sub(inside.start));
        before.iter_mut().for_each(|sum| *sum += changed(self.value[0]));
        after.iter_mut().for_each(|sum| *sum += changed(self.value[last as usize]));
        if let Some(values) = self.value.get((start + inside.start as i64).max(0) as usize..) {
            for ((sum, here), next) in within.iter_mut().zip(values).zip(values.iter().skip(1)) {
                *sum += changed(here * (1.0 - share) + next * share);
            }
        }
    }

    /// Index of the value nearest to `range_difference_m`.
    pub fn index(&self, range_difference_m: f64) -> usize {
        (((range_difference_m - self.first_m) / self.step_m).round().max(0.0) as usize).min(self.value.len() - 1)
    }

    /// Range difference of value `index`, metres.
    pub fn range_m(&self, index: usize) -> f64 {
        self.first_m + index as f64 * self.step_m
    }

    /// The highest magnitude of correlation no nearer than `apart_m` to any of these range differences.
    pub fn highest_but(&self, crests_m: [f64; 2], apart_m: f64) -> f64 {
        let is_apart = |i: usize| crests_m.iter().all(|crest_m| (self.range_m(i) - crest_m).abs() > apart_m);
        let apart = self.value.iter().enumerate().filter(|(i, _)| is_apart(*i));
        apart.map(|(_, c)| f64::from(c.re.abs())).fold(0.0, f64::max)
    }

    /// Root mean square of the real part over the table: the noise that a crest must beat.
    pub fn noise(&self) -> f64 {
        self.noise
    }

    /// The crest of the real part that the point `from_m` lies on, by steepest ascent and a parabola: its range
    /// difference in metres and its value. `None` where the ascent leaves `from_m ± reach_m` or the table.
    pub fn crest(&self, from_m: f64, reach_m: f64) -> Option<(f64, f64)> {
        let mut index = self.index(from_m);
        let value = |i: usize| self.value[i].re;
        loop {
            if index == 0 || index + 1 >= self.value.len() || (self.range_m(index) - from_m).abs() > reach_m {
                return None;
            }
            if value(index + 1) > value(index) {
                index += 1;
            } else if value(index - 1) > value(index) {
                index -= 1;
            } else {
                break;
            }
        }
        let (left, middle, right) = (f64::from(value(index - 1)), f64::from(value(index)), f64::from(value(index + 1)));
        let bend = left - 2.0 * middle + right;
        let shift = if bend < 0.0 { 0.5 * (left - right) / bend } else { 0.0 };
        Some((self.range_m(index) + shift * self.step_m, middle - 0.25 * (left - right) * shift))
    }
}

fn kernel(x: f64) -> f64 {
    if x.abs() >= 1.0 { 0.0 } else { (BETA * ((1.0 - x * x).sqrt() - 1.0)).exp() }
}

/// `∫ kernel(x) cos(t x) dx` over `-1..1` for `count` multiples of `step` from `t = 0`, by the rectangle rule after
/// `x = sin θ`, which converges like the kernel's smoothness: 64 points give full precision for the `t` that occur.
fn kernel_transforms(step: f64, count: usize) -> Vec<f64> {
    const POINTS: usize = 64;
    let apart = PI / POINTS as f64;
    // The integrand is even: half of the points count twice.
    let half = (0..POINTS / 2).map(|i| (i as f64 + 0.5) * apart);
    let weights: Vec<f64> = half.clone().map(|o| 2.0 * (BETA * (o.cos() - 1.0)).exp() * o.cos() * apart).collect();
    let turns: Vec<Complex<f64>> = half.map(|o| Complex::cis(step * o.sin())).collect();
    let mut phasors = vec![Complex::new(1.0, 0.0); turns.len()];
    let next = |_| {
        let sum = phasors.iter().zip(&weights).map(|(phasor, weight)| weight * phasor.re).sum();
        phasors.iter_mut().zip(&turns).for_each(|(phasor, turn)| *phasor *= turn);
        sum
    };
    (0..count).map(next).collect()
}

/// The least even length of at least `points` whose only prime factors are 2, 3 and 5: real parts take a transform of half of it.
fn smooth_length(points: usize) -> usize {
    (points.next_multiple_of(2)..)
        .step_by(2)
        .find(|&n| {
            let mut rest = n;
            for prime in [2, 3, 5] {
                while rest % prime == 0 {
                    rest /= prime;
                }
            }
            rest == 1
        })
        .expect("smooth numbers never end")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cross_spectra::wide;

    /// Slow road: the sum as it is written.
    fn direct(k: &[f64], spectrum: &[Complex<f64>], range_m: f64) -> Complex<f64> {
        let sum: Complex<f64> = k.iter().zip(spectrum).map(|(k, s)| s * Complex::from_polar(1.0, k * range_m)).sum();
        sum / k.len() as f64
    }

    #[test]
    fn table_is_the_direct_sum_for_even_and_uneven_wavenumbers() {
        let air: Vec<f64> = (430..1700).map(|i| TAU * f64::from(i) * 46.875 / 345.0).collect();
        let plate: Vec<f64> = (100..400).map(|i| 12.0 * f64::from(i).sqrt()).collect();
        for k in [air, plate] {
            let spectrum: Vec<_> = (0..k.len())
                .map(|i| Complex::from_polar(1.0 + (i as f32 * 0.3).sin(), (i * i) as f32 * 0.01))
                .collect();
            let exact: Vec<_> = spectrum.iter().map(|s| wide(*s)).collect();
            let plan = RangePlan::new(&k, 1.3, Density::Full);
            let table = plan.table(spectrum.iter().copied(), 1.1);
            assert!(table.first_m <= -1.1 && table.range_m(table.value.len() - 1) >= 1.1);
            for i in (0..table.value.len()).step_by(17) {
                let exact = direct(&k, &exact, table.range_m(i));
                let error = (wide(table.value[i]) - exact).norm();
                // Kernel error 10^(1-7) of the largest value (at most 2); the transform adds some 12 roundings.
                assert!(error < 2.0 * (1e-6 + 12.0 * f64::from(f32::EPSILON)), "{error:e} at {}", table.range_m(i));
            }
            let real = plan.real_table(spectrum.iter().copied(), 1.1);
            assert_eq!((real.first_m, real.value.len()), (table.first_m, table.value.len()));
            for (r, c) in real.value.iter().zip(&table.value) {
                // A single-precision transform of 2^15 values adds some 15 roundings.
                assert!((r - c.re).abs() < 15.0 * f32::EPSILON * 2.0, "{r} {c}");
            }
        }
    }

    #[test]
    fn a_delayed_hiss_peaks_at_its_range_difference() {
        let k: Vec<f64> = (200..800).map(|i| TAU * f64::from(i) * 100.0 / 345.0).collect();
        let spectrum: Vec<_> = k.iter().map(|k| Complex::from_polar(0.5, (-k * 0.3217) as f32)).collect();
        let table = RangePlan::new(&k, 0.8, Density::Full).table(spectrum.into_iter(), 0.8);
        let (range_m, value) = table.crest(0.3210, 0.002).unwrap();
        // A parabola through a cosine sampled 12 times a period errs by less than 1 % of the step.
        assert!((range_m - 0.3217).abs() < 0.01 * table.step_m && (value - 0.5).abs() < 1e-3, "{range_m} {value}");
        assert!((table.at(0.3217).re - 0.5).abs() < 0.02);
    }

    #[test]
    fn lengths_are_smooth() {
        assert_eq!([7, 11, 4097, 30_000].map(smooth_length), [8, 12, 4320, 30_000]);
    }
}
