//! The FFT across channels: as many complex transforms at once as a register has lanes, none of them shuffled.
//!
//! A point of the data is one register of real parts and one of imaginary parts, a lane a transform; so every butterfly
//! works on all lanes with plain arithmetic. In place, by decimation in frequency (Gentleman & Sande 1966) with radices 8, 4, 2, 3
//! and 5: the bins come out in digit-reversed order and are fetched from where they are, which costs nothing when a point fills
//! whole cache lines.

use std::f64::consts::{FRAC_1_SQRT_2, TAU};

use pulp::{Simd, WithSimd};

use crate::simd::dispatch;

/// A planned transform of one length over all lanes.
#[derive(Debug, Clone)]
pub struct LaneFft {
    length: usize,
    stages: Vec<Stage>,
    /// Where each bin lies after the transform, as a point.
    position: Vec<u32>,
}

/// One pass: blocks of `radix` parts become `radix` blocks.
#[derive(Debug, Clone)]
struct Stage {
    radix: usize,
    /// `[point of a part][1..radix]`, cosine and sine.
    twiddles: Vec<[f32; 2]>,
}

type Complex<S> = (<S as Simd>::f32s, <S as Simd>::f32s);

impl LaneFft {
    /// Plans transforms of `length` points; absent where it has prime factors beyond 5.
    pub fn new(length: usize) -> Option<Self> {
        let radices = radices(length)?;
        let mut size = length;
        let stage = |&radix: &usize| {
            let part = size / radix;
            let turn = |j: usize, q: usize| -TAU * ((j * q) % size) as f64 / size as f64;
            let twiddles = (0..part).flat_map(|j| (1..radix).map(move |q| (j, q)));
            let twiddles = twiddles.map(|(j, q)| [turn(j, q).cos() as f32, turn(j, q).sin() as f32]).collect();
            size = part;
            Stage { radix, twiddles }
        };
        let stages: Vec<Stage> = radices.iter().map(stage).collect();
        let place = |bin: usize| {
            let (mut rest, mut size, mut place) = (bin, length, 0);
            for radix in &radices {
                size /= radix;
                place += (rest % radix) * size;
                rest /= radix;
            }
            place as u32
        };
        Some(Self { length, stages, position: (0..length).map(place).collect() })
    }

    /// Points of a transform.
    pub fn length(&self) -> usize {
        self.length
    }

    /// Where bin `bin` lies after the transform, as a point.
    pub fn position(&self, bin: usize) -> usize {
        self.position[bin] as usize
    }

    /// Transforms all lanes in place, sign `exp(-i 2π k t/N)`: `data` holds each point's real parts, then its imaginary
    /// parts, [`crate::simd::lanes`] each.
    ///
    /// # Panics
    /// Where `data` is not that long.
    pub fn forward(&self, data: &mut [f32]) {
        dispatch(Forward { plan: self, data });
    }
}

/// The radices of a length, largest first; absent where it has prime factors beyond 5.
fn radices(length: usize) -> Option<Vec<usize>> {
    if length == 0 {
        return None;
    }
    let mut rest = length;
    let mut radices = Vec::new();
    // A last stage of radix 4 twice is cheaper than one of 8 and one of 2.
    while rest.is_multiple_of(8) && rest.trailing_zeros() != 4 {
        radices.push(8);
        rest /= 8;
    }
    for radix in [4, 2, 3, 5] {
        while rest.is_multiple_of(radix) {
            radices.push(radix);
            rest /= radix;
        }
    }
    (rest == 1).then_some(radices)
}

struct Forward<'t> {
    plan: &'t LaneFft,
    data: &'t mut [f32],
}

impl WithSimd for Forward<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let (registers, rest) = S::as_mut_simd_f32s(self.data);
        let (points, odd) = registers.as_chunks_mut::<2>();
        assert!(points.len() == self.plan.length && rest.is_empty() && odd.is_empty());
        // Two levels of blocks: what the first pass leaves fits the second-level cache, what the second leaves the first.
        let (near, deep) = self.plan.stages.split_at(self.plan.stages.len().min(2));
        let [first, ..] = near else { return };
        first.pass(simd, points);
        let Some(second) = near.get(1) else { return };
        for block in points.chunks_exact_mut(self.plan.length / first.radix) {
            second.pass(simd, block);
            for block in block.chunks_exact_mut(self.plan.length / first.radix / second.radix) {
                let mut size = block.len();
                for stage in deep {
                    for part in block.chunks_exact_mut(size) {
                        stage.pass(simd, part);
                    }
                    size /= stage.radix;
                }
            }
        }
    }
}

impl Stage {
    #[inline(always)]
    fn pass<S: Simd>(&self, simd: S, points: &mut [[S::f32s; 2]]) {
        match self.radix {
            8 => butterflies::<S, Eight, 8>(simd, points, &self.twiddles),
            4 => butterflies::<S, Four, 4>(simd, points, &self.twiddles),
            2 => butterflies::<S, Two, 2>(simd, points, &self.twiddles),
            3 => butterflies::<S, Three, 3>(simd, points, &self.twiddles),
            _ => butterflies::<S, Five, 5>(simd, points, &self.twiddles),
        }
    }
}

/// A small transform. A trait rather than a function handed over, and loops rather than closures below: only what is
/// inlined is compiled for the registers.
trait Radix<const R: usize> {
    fn dft<S: Simd>(simd: S, points: [Complex<S>; R]) -> [Complex<S>; R];
}

/// `R` points, one of each part, through a small transform and their twiddles, for all points of a part.
#[inline(always)]
fn butterflies<S: Simd, D: Radix<R>, const R: usize>(simd: S, points: &mut [[S::f32s; 2]], twiddles: &[[f32; 2]]) {
    let size = points.len() / R;
    let mut parts: [&mut [[S::f32s; 2]]; R] = std::array::from_fn(|_| Default::default());
    for (part, points) in parts.iter_mut().zip(points.chunks_exact_mut(size)) {
        *part = points;
    }
    // One length for all: the loop below needs no bounds.
    for part in &parts {
        assert_eq!(part.len(), size);
    }
    assert_eq!(twiddles.len(), size * (R - 1));
    let zero = simd.splat_f32s(0.0);
    for j in 0..size {
        let mut x = [(zero, zero); R];
        for q in 0..R {
            x[q] = (parts[q][j][0], parts[q][j][1]);
        }
        let y = D::dft(simd, x);
        parts[0][j] = [y[0].0, y[0].1];
        for q in 1..R {
            let z = turned(simd, y[q], twiddles[j * (R - 1) + q - 1]);
            parts[q][j] = [z.0, z.1];
        }
    }
}

#[inline(always)]
fn add<S: Simd>(simd: S, a: Complex<S>, b: Complex<S>) -> Complex<S> {
    (simd.add_f32s(a.0, b.0), simd.add_f32s(a.1, b.1))
}

#[inline(always)]
fn sub<S: Simd>(simd: S, a: Complex<S>, b: Complex<S>) -> Complex<S> {
    (simd.sub_f32s(a.0, b.0), simd.sub_f32s(a.1, b.1))
}

#[inline(always)]
fn scaled<S: Simd>(simd: S, a: Complex<S>, by: f64) -> Complex<S> {
    let by = simd.splat_f32s(by as f32);
    (simd.mul_f32s(a.0, by), simd.mul_f32s(a.1, by))
}

/// `a + b·by`.
#[inline(always)]
fn fused<S: Simd>(simd: S, a: Complex<S>, b: Complex<S>, by: f64) -> Complex<S> {
    let by = simd.splat_f32s(by as f32);
    (simd.mul_add_f32s(b.0, by, a.0), simd.mul_add_f32s(b.1, by, a.1))
}

/// Times `-i`.
#[inline(always)]
fn turned_back<S: Simd>(simd: S, a: Complex<S>) -> Complex<S> {
    (a.1, simd.neg_f32s(a.0))
}

#[inline(always)]
fn turned<S: Simd>(simd: S, a: Complex<S>, [cos, sin]: [f32; 2]) -> Complex<S> {
    let (cos, sin) = (simd.splat_f32s(cos), simd.splat_f32s(sin));
    let re = simd.mul_add_f32s(a.0, cos, simd.neg_f32s(simd.mul_f32s(a.1, sin)));
    (re, simd.mul_add_f32s(a.0, sin, simd.mul_f32s(a.1, cos)))
}

struct Two;

impl Radix<2> for Two {
    #[inline(always)]
    fn dft<S: Simd>(simd: S, [a, b]: [Complex<S>; 2]) -> [Complex<S>; 2] {
        [add(simd, a, b), sub(simd, a, b)]
    }
}

struct Three;

impl Radix<3> for Three {
    #[inline(always)]
    fn dft<S: Simd>(simd: S, [a, b, c]: [Complex<S>; 3]) -> [Complex<S>; 3] {
        let sum = add(simd, b, c);
        let middle = fused(simd, a, sum, -0.5);
        let side = scaled(simd, turned_back(simd, sub(simd, b, c)), 0.75f64.sqrt());
        [add(simd, a, sum), add(simd, middle, side), sub(simd, middle, side)]
    }
}

struct Four;

impl Radix<4> for Four {
    #[inline(always)]
    fn dft<S: Simd>(simd: S, [a, b, c, d]: [Complex<S>; 4]) -> [Complex<S>; 4] {
        let (even, odd) = (add(simd, a, c), sub(simd, a, c));
        let (sum, side) = (add(simd, b, d), turned_back(simd, sub(simd, b, d)));
        [add(simd, even, sum), add(simd, odd, side), sub(simd, even, sum), sub(simd, odd, side)]
    }
}

struct Five;

impl Radix<5> for Five {
    #[inline(always)]
    fn dft<S: Simd>(simd: S, [a, b, c, d, e]: [Complex<S>; 5]) -> [Complex<S>; 5] {
        let (c1, c2) = ((TAU / 5.0).cos(), (2.0 * TAU / 5.0).cos());
        let (s1, s2) = ((TAU / 5.0).sin(), (2.0 * TAU / 5.0).sin());
        let (p, q) = (add(simd, b, e), add(simd, c, d));
        let (r, t) = (turned_back(simd, sub(simd, b, e)), turned_back(simd, sub(simd, c, d)));
        let first = fused(simd, fused(simd, a, p, c1), q, c2);
        let second = fused(simd, fused(simd, a, p, c2), q, c1);
        let (u, v) = (fused(simd, scaled(simd, r, s1), t, s2), fused(simd, scaled(simd, r, s2), t, -s1));
        [
            add(simd, add(simd, a, p), q),
            add(simd, first, u),
            add(simd, second, v),
            sub(simd, second, v),
            sub(simd, first, u),
        ]
    }
}

struct Eight;

impl Radix<8> for Eight {
    #[inline(always)]
    fn dft<S: Simd>(simd: S, x: [Complex<S>; 8]) -> [Complex<S>; 8] {
        let [a, b, c, d, e, f, g, h] = x;
        let sums = [add(simd, a, e), add(simd, b, f), add(simd, c, g), add(simd, d, h)];
        let even = Four::dft(simd, sums);
        let (zero, one, two, three) = (sub(simd, a, e), sub(simd, b, f), sub(simd, c, g), sub(simd, d, h));
        // Times exp(-iπ/4) and exp(-3iπ/4).
        let one = (simd.add_f32s(one.0, one.1), simd.sub_f32s(one.1, one.0));
        let three = (simd.sub_f32s(three.1, three.0), simd.neg_f32s(simd.add_f32s(three.0, three.1)));
        let (one, three) = (scaled(simd, one, FRAC_1_SQRT_2), scaled(simd, three, FRAC_1_SQRT_2));
        let odd = Four::dft(simd, [zero, one, turned_back(simd, two), three]);
        [even[0], odd[0], even[1], odd[1], even[2], odd[2], even[3], odd[3]]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simd::lanes;
    use pulp::Scalar256b;
    use rustfft::FftPlanner;
    use rustfft::num_complex::Complex as Number;

    fn noise(count: usize) -> Vec<f32> {
        let mut state = 1u64;
        let next = |_| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 40) as f32 / (1u64 << 23) as f32 - 1.0
        };
        (0..count).map(next).collect()
    }

    #[test]
    fn every_lane_is_the_transform_of_its_points() {
        let width = lanes();
        for length in [1, 2, 3, 5, 8, 12, 16, 60, 64, 100, 128, 243, 256, 512, 625, 1024, 1500, 4096, 8192] {
            let plan = LaneFft::new(length).unwrap();
            let before = noise(2 * length * width);
            let mut data = before.clone();
            plan.forward(&mut data);
            for lane in [0, 1, width - 1] {
                let point = |data: &[f32], t: usize| {
                    Number::new(f64::from(data[2 * t * width + lane]), f64::from(data[(2 * t + 1) * width + lane]))
                };
                let mut exact: Vec<Number<f64>> = (0..length).map(|t| point(&before, t)).collect();
                FftPlanner::new().plan_fft_forward(length).process(&mut exact);
                let errors = exact.iter().enumerate().map(|(k, x)| (point(&data, plan.position(k)) - x).norm_sqr());
                let error = (errors.sum::<f64>() / exact.iter().map(Number::norm_sqr).sum::<f64>()).sqrt();
                // Half a unit of the last place each for the twiddle, its product and the sum, in at most log2 N stages.
                let stages = (length as f64).log2().max(1.0);
                assert!(error < 1.5 * f64::from(f32::EPSILON / 2.0) * stages.sqrt() * 2.0, "{length}: {error:e}");
            }
        }
        assert!([0, 7, 22, 8191].iter().all(|length| LaneFft::new(*length).is_none()));
    }

    #[test]
    fn registers_of_any_width_give_the_same_bits() {
        let plan = LaneFft::new(480).unwrap();
        let width = lanes();
        let narrow = 8;
        let wide_lane = |data: &[f32], lane: usize, width: usize| -> Vec<u32> {
            (0..2 * 480).map(|row| data[row * width + lane].to_bits()).collect()
        };
        let mut wide = noise(2 * 480 * width);
        let mut arrays: Vec<f32> = (0..2 * 480)
            .flat_map(|row| (0..narrow).map(move |lane| (row, lane % width)))
            .map(|(r, l)| wide[r * width + l])
            .collect();
        plan.forward(&mut wide);
        Forward { plan: &plan, data: &mut arrays }.with_simd(Scalar256b);
        assert_eq!(wide_lane(&wide, 3, width), wide_lane(&arrays, 3, narrow));
    }
}
