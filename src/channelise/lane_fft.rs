//! The FFT across channels: as many complex transforms at once as a register has lanes, none of them shuffled.
//!
//! A point of the data is one register of real parts and one of imaginary parts, a lane a transform; so every butterfly
//! works on all lanes with plain arithmetic. The first pass takes the points from where they are, as the recorder wrote them; the
//! others run in place, depth first, so that what one leaves is still in the nearest cache for the next. The bins come out in
//! digit-reversed order and are fetched from where they are, which costs nothing when a point fills whole cache lines.

use pulp::{Simd, WithSimd};

use super::radix::{Complex, Eight, Five, Four, Radix, Three, Two};
use crate::simd::dispatch;

/// A node no longer than this stays in the first-level cache from pass to pass, bytes.
const NEAR: usize = 32 * 1024;

/// A planned transform of one length over all lanes.
#[derive(Debug, Clone)]
pub struct LaneFft {
    length: usize,
    stages: Vec<Stage>,
    /// Where each bin lies after the transform, as a point.
    position: Vec<u32>,
}

/// One pass: nodes become `radix` nodes each.
#[derive(Debug, Clone)]
struct Stage {
    radix: usize,
    /// A set for each node.
    twiddles: Vec<[f32; 2]>,
}

/// Where the points of a transform come from.
pub(super) trait Source: Copy {
    /// So many points from the first one on.
    fn part<S: Simd>(self, first: usize, count: usize) -> Self;

    /// Point `t`.
    fn point<S: Simd>(self, simd: S, t: usize) -> Complex<S>;
}

impl LaneFft {
    /// Plans transforms of `length` points; absent where it has prime factors beyond 5.
    pub fn new(length: usize) -> Option<Self> {
        let mut angles = vec![0.0];
        let stage = |radix: usize| {
            let stage = Stage::new(radix, &angles);
            let split = |angle: &f64| {
                let angle = *angle;
                (0..radix).map(move |d| (angle + d as f64) / radix as f64)
            };
            angles = angles.iter().flat_map(split).collect();
            stage
        };
        let stages = radices(length)?.into_iter().map(stage).collect();
        let mut position = vec![0; length];
        for (place, angle) in angles.iter().enumerate() {
            position[(angle * length as f64).round() as usize] = place as u32;
        }
        Some(Self { length, stages, position })
    }

    /// Points of a transform.
    pub fn length(&self) -> usize {
        self.length
    }

    /// Where bin `bin` lies after the transform, as a point.
    pub fn position(&self, bin: usize) -> usize {
        self.position[bin] as usize
    }

    /// Bins that lie side by side: bin `k` below `length/run`, and after it `k + length/run`, `k + 2 length/run` and so on.
    pub fn run(&self) -> usize {
        self.stages.last().map_or(1, |stage| stage.radix)
    }

    /// Transforms all lanes, sign `exp(-i 2π k t/N)`: `points` then holds each bin's real parts, then its imaginary
    /// parts, [`crate::simd::lanes`] each.
    ///
    /// # Panics
    /// Where `points` is not that long.
    pub(super) fn forward(&self, source: impl Source, points: &mut [f32]) {
        dispatch(Forward { plan: self, source, points });
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

struct Forward<'t, T> {
    plan: &'t LaneFft,
    source: T,
    points: &'t mut [f32],
}

impl<T: Source> WithSimd for Forward<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let points = points_of::<S>(self.points);
        assert_eq!(points.len(), self.plan.length);
        let Some((first, deeper)) = self.plan.stages.split_first() else {
            let only = self.source.point(simd, 0);
            return points[0] = [only.0, only.1];
        };
        first.begin(simd, self.source, points);
        let size = self.points.len() / first.radix;
        for (node, points) in self.points.chunks_exact_mut(size).enumerate() {
            simd.vectorize(Deeper { stages: deeper, node, points });
        }
    }
}

/// What is left to do for one node: number `node` of the first of these stages.
struct Deeper<'t> {
    stages: &'t [Stage],
    node: usize,
    points: &'t mut [f32],
}

impl WithSimd for Deeper<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { stages, node, points } = self;
        let Some((first, deeper)) = stages.split_first() else { return };
        if size_of_val(points) > NEAR {
            let size = points.len() / first.radix;
            first.split(simd, points_of::<S>(points), 1, node);
            for (i, points) in points.chunks_exact_mut(size).enumerate() {
                simd.vectorize(Deeper { stages: deeper, node: node * first.radix + i, points });
            }
            return;
        }
        let (mut nodes, mut node) = (1, node);
        for stage in stages {
            stage.split(simd, points_of::<S>(points), nodes, node);
            (nodes, node) = (nodes * stage.radix, node * stage.radix);
        }
    }
}

/// Registers of real and imaginary parts.
#[inline(always)]
fn points_of<S: Simd>(values: &mut [f32]) -> &mut [[S::f32s; 2]] {
    S::as_mut_simd_f32s(values).0.as_chunks_mut().0
}

impl Stage {
    fn new(radix: usize, angles: &[f64]) -> Self {
        let of = |angle: &f64| match radix {
            8 => Eight::twiddles(*angle).to_vec(),
            4 => Four::twiddles(*angle).to_vec(),
            2 => Two::twiddles(*angle).to_vec(),
            3 => Three::twiddles(*angle).to_vec(),
            _ => Five::twiddles(*angle).to_vec(),
        };
        Self { radix, twiddles: angles.iter().flat_map(of).collect() }
    }

    /// The first pass, from the source.
    #[inline(always)]
    fn begin<S: Simd>(&self, simd: S, source: impl Source, points: &mut [[S::f32s; 2]]) {
        match self.radix {
            8 => begin::<S, Eight, 8, 5>(simd, source, points),
            4 => begin::<S, Four, 4, 2>(simd, source, points),
            2 => begin::<S, Two, 2, 1>(simd, source, points),
            3 => begin::<S, Three, 3, 2>(simd, source, points),
            _ => begin::<S, Five, 5, 4>(simd, source, points),
        }
    }

    /// A further pass: so many nodes lie in the points, the first is number `node` of the stage.
    #[inline(always)]
    fn split<S: Simd>(&self, simd: S, points: &mut [[S::f32s; 2]], nodes: usize, node: usize) {
        match self.radix {
            8 => split::<S, Eight, 8, 5>(simd, points, nodes, &self.twiddles, node),
            4 => split::<S, Four, 4, 2>(simd, points, nodes, &self.twiddles, node),
            2 => split::<S, Two, 2, 1>(simd, points, nodes, &self.twiddles, node),
            3 => split::<S, Three, 3, 2>(simd, points, nodes, &self.twiddles, node),
            _ => split::<S, Five, 5, 4>(simd, points, nodes, &self.twiddles, node),
        }
    }
}

/// `R` parts of equal length, cut so that the compiler knows it: loops over them need no bounds.
#[inline(always)]
fn parts<T, const R: usize>(mut points: &mut [T], size: usize) -> [&mut [T]; R] {
    std::array::from_fn(|_| {
        let (part, rest) = std::mem::take(&mut points).split_at_mut(size);
        points = rest;
        part
    })
}

#[inline(always)]
fn begin<S: Simd, D: Radix<R, W>, const R: usize, const W: usize>(
    simd: S,
    source: impl Source,
    points: &mut [[S::f32s; 2]],
) {
    let size = points.len() / R;
    let mut parts: [&mut [[S::f32s; 2]]; R] = parts(points, size);
    let mut sources = [source; R];
    for (q, source) in sources.iter_mut().enumerate() {
        *source = source.part::<S>(q * size, size);
    }
    let zero = simd.splat_f32s(0.0);
    for j in 0..size {
        let mut x = [(zero, zero); R];
        for (x, source) in x.iter_mut().zip(sources) {
            *x = source.point(simd, j);
        }
        let y = D::whole(simd, x);
        for (part, y) in parts.iter_mut().zip(y) {
            part[j] = [y.0, y.1];
        }
    }
}

#[inline(always)]
fn split<S: Simd, D: Radix<R, W>, const R: usize, const W: usize>(
    simd: S,
    points: &mut [[S::f32s; 2]],
    nodes: usize,
    twiddles: &[[f32; 2]],
    node: usize,
) {
    let (twiddles, _) = twiddles.as_chunks::<W>();
    let zero = simd.splat_f32s(0.0);
    let size = points.len() / nodes / R;
    if size == 1 {
        // Bins: each node lies in one stretch.
        for (points, twiddles) in points.as_chunks_mut::<R>().0.iter_mut().zip(&twiddles[node..]) {
            let mut x = [(zero, zero); R];
            for (x, point) in x.iter_mut().zip(&*points) {
                *x = (point[0], point[1]);
            }
            for (point, y) in points.iter_mut().zip(D::split(simd, x, twiddles)) {
                *point = [y.0, y.1];
            }
        }
        return;
    }
    for (points, twiddles) in points.chunks_exact_mut(size * R).zip(&twiddles[node..]) {
        let mut parts: [&mut [[S::f32s; 2]]; R] = parts(points, size);
        for j in 0..size {
            let mut x = [(zero, zero); R];
            for (x, part) in x.iter_mut().zip(&parts) {
                *x = (part[j][0], part[j][1]);
            }
            let y = D::split(simd, x, twiddles);
            for (part, y) in parts.iter_mut().zip(y) {
                part[j] = [y.0, y.1];
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simd::lanes;
    use pulp::Scalar256b;
    use rustfft::FftPlanner;
    use rustfft::num_complex::Complex as Number;

    #[derive(Clone, Copy)]
    struct Points<'t>(&'t [f32]);

    impl Source for Points<'_> {
        fn part<S: Simd>(self, first: usize, count: usize) -> Self {
            Points(&self.0[2 * first * S::F32_LANES..][..2 * count * S::F32_LANES])
        }

        #[inline(always)]
        fn point<S: Simd>(self, _: S, t: usize) -> Complex<S> {
            let (points, _) = S::as_simd_f32s(self.0);
            (points[2 * t], points[2 * t + 1])
        }
    }

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
            let mut data = vec![0.0; before.len()];
            plan.forward(Points(&before), &mut data);
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
        let before = noise(2 * 480 * width);
        let few: Vec<f32> = (0..2 * 480)
            .flat_map(|row| (0..narrow).map(move |lane| (row, lane % width)))
            .map(|(r, l)| before[r * width + l])
            .collect();
        let (mut wide, mut arrays) = (vec![0.0; before.len()], vec![0.0; few.len()]);
        plan.forward(Points(&before), &mut wide);
        Forward { plan: &plan, source: Points(&few), points: &mut arrays }.with_simd(Scalar256b);
        assert_eq!(wide_lane(&wide, 3, width), wide_lane(&arrays, 3, narrow));
    }
}
