//! The one road to the machine's widest registers: AVX-512, AVX2, NEON, or plain arrays of eight.
//!
//! Code handed to [`dispatch`] is compiled for each of them and chosen when the program runs. Every lane sees the same
//! operations, fused alike, so the width changes no bit of a result.

use pulp::bytemuck::{Pod, cast_slice_mut};
use pulp::{Arch, Scalar256b, Simd, WithSimd};

/// Runs `work` with the widest registers that this machine has.
pub fn dispatch<W: WithSimd>(work: W) -> W::Output {
    match Arch::new() {
        Arch::Scalar => work.with_simd(Scalar256b),
        arch => arch.dispatch(work),
    }
}

/// What those registers are called.
pub fn registers() -> &'static str {
    match (Arch::new(), lanes()) {
        (Arch::Scalar, _) => "plain arrays of eight",
        (_, 16) => "AVX-512",
        (_, 8) => "AVX2",
        _ => "NEON",
    }
}

/// Single-precision numbers that one register holds.
pub fn lanes() -> usize {
    struct Lanes;
    impl WithSimd for Lanes {
        type Output = usize;
        #[inline(always)]
        fn with_simd<S: Simd>(self, _: S) -> usize {
            S::F32_LANES
        }
    }
    dispatch(Lanes)
}

/// Samples as they lie in memory.
pub trait Sample: Pod + Default + PartialOrd + Send + Sync {
    /// What one is of full scale.
    const UNIT: f32;
    /// The least and the most that there is.
    const RANGE: [Self; 2];

    /// As a number, in its own unit.
    fn number(self) -> f32;

    /// As many as a register has lanes.
    #[inline(always)]
    fn load<S: Simd>(simd: S, samples: &[Self]) -> S::f32s {
        let mut register = simd.splat_f32s(0.0);
        let lanes: &mut [f32] = cast_slice_mut(std::slice::from_mut(&mut register));
        for (lane, sample) in lanes.iter_mut().zip(&samples[..S::F32_LANES]) {
            *lane = sample.number();
        }
        register
    }
}

impl Sample for f32 {
    const UNIT: f32 = 1.0;
    const RANGE: [f32; 2] = [f32::NEG_INFINITY, f32::INFINITY];

    #[inline(always)]
    fn number(self) -> f32 {
        self
    }
}

impl Sample for i16 {
    const UNIT: f32 = 1.0 / 32_768.0;
    const RANGE: [i16; 2] = [i16::MIN, i16::MAX];

    #[inline(always)]
    fn number(self) -> f32 {
        f32::from(self)
    }
}
