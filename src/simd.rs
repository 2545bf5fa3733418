//! The one road to the machine's widest registers: AVX-512, AVX2, NEON, or plain arrays of eight.
//!
//! Code handed to [`dispatch`] is compiled for each of them and chosen when the program runs. Every lane sees the same
//! operations, fused alike, so the width changes no bit of a result.

use pulp::{Arch, Scalar256b, Simd, WithSimd};

/// Runs `work` with the widest registers that this machine has.
pub fn dispatch<W: WithSimd>(work: W) -> W::Output {
    match Arch::new() {
        Arch::Scalar => work.with_simd(Scalar256b),
        arch => arch.dispatch(work),
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
