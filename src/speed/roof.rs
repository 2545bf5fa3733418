//! What this machine can do at most: how fast bytes come from each level of memory, and how many operations a second.
//!
//! Plain loops over registers, as the stages have them. A limit is the best of all rounds: what was slower was disturbed.

use std::hint::black_box;
use std::io::{self, Read};
use std::sync::Barrier;

use pulp::{Simd, WithSimd};

use super::ROUNDS;
use super::clock::ThreadClock;
use crate::simd::dispatch;

/// Bytes that fit the first-level cache of any machine that has one.
const FIRST_LEVEL: usize = 16 << 10;

/// Bytes that leave the first level and fit the second.
const SECOND_LEVEL: usize = 192 << 10;

/// Bytes of each thread that leave the second level; a last cache that holds as much is what is measured then.
const FAR: usize = 64 << 20;

/// Bytes of a file taken at a time: they stay in the second-level cache.
const FILE_BLOCK: usize = 256 << 10;

/// Bytes that one thread moves in a round, and registers' worth of fused operations that it makes.
const BYTES: usize = 128 << 20;
const FUSED: usize = 1 << 24;

/// Independent sums: enough to hide that each waits for its last operation, few enough for sixteen registers.
const CHAINS: usize = 12;

/// A limit per second: of one thread alone, and of all at once together.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Limit {
    /// One thread.
    pub one: f64,
    /// All threads.
    pub all: f64,
}

/// The limits of a machine.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Roof {
    /// Threads that `all` stands for.
    pub threads: usize,
    /// Bytes read from the first-level cache.
    pub first_level: Limit,
    /// Bytes read from the second-level cache.
    pub second_level: Limit,
    /// Bytes in the second-level cache changed in place: those read and those written, both counted.
    pub in_place: Limit,
    /// Bytes read from memory, or from a last cache that holds 64 MiB a thread.
    pub memory: Limit,
    /// Bytes of a file that is in the page cache, copied to the program.
    pub page_cache: Limit,
    /// Operations in single precision where all are fused: a multiplication and an addition are two.
    pub fused: Limit,
}

/// Opens the file that the page cache is asked for.
pub type Open<'t> = &'t (dyn Fn() -> io::Result<Box<dyn Read>> + Sync);

/// What a round measures, with the bytes that it works on.
#[derive(Debug, Clone, Copy)]
enum Kind {
    Read(usize),
    InPlace(usize),
    File,
    Fused,
}

/// In the order of [`Roof`].
const KINDS: [Kind; 6] = [
    Kind::Read(FIRST_LEVEL),
    Kind::Read(SECOND_LEVEL),
    Kind::InPlace(SECOND_LEVEL),
    Kind::Read(FAR),
    Kind::File,
    Kind::Fused,
];

/// Measures all limits; the file that `open` opens should be large, and have been read before.
///
/// # Errors
/// Those of opening and reading it.
pub fn roof(open: Open<'_>, progress: &dyn Fn(f64)) -> io::Result<Roof> {
    let threads = rayon::current_num_threads();
    let mut best = [Limit { one: 0.0, all: 0.0 }; KINDS.len()];
    for round in 0..ROUNDS {
        progress(round as f64 / ROUNDS as f64);
        for (kind, best) in KINDS.into_iter().zip(&mut best) {
            best.one = best.one.max(together(kind, 1, open)?);
            best.all = best.all.max(together(kind, threads, open)?);
        }
    }
    let [first_level, second_level, in_place, memory, page_cache, fused] = best;
    Ok(Roof { threads, first_level, second_level, in_place, memory, page_cache, fused })
}

/// What so many threads do per second together.
fn together(kind: Kind, threads: usize, open: Open<'_>) -> io::Result<f64> {
    let start = Barrier::new(threads);
    std::thread::scope(|scope| {
        let running: Vec<_> = (0..threads).map(|_| scope.spawn(|| rate(kind, open, &start))).collect();
        running.into_iter().map(|thread| thread.join().expect("no measurement panics")).sum()
    })
}

/// What one thread does per second, from when all are ready.
fn rate(kind: Kind, open: Open<'_>, start: &Barrier) -> io::Result<f64> {
    // Pages that were never written to are one and the same page of zeros.
    let numbers = |bytes: usize| vec![1.0f32; bytes / size_of::<f32>()];
    let (done, taken_s) = match kind {
        Kind::Read(bytes) => {
            let data = numbers(bytes);
            let passes = BYTES / bytes;
            start.wait();
            let begun = ThreadClock::start();
            for _ in 0..passes {
                black_box(dispatch(Sum { data: black_box(&data) }));
            }
            (passes * bytes, begun.elapsed_s())
        }
        Kind::InPlace(bytes) => {
            let mut data = numbers(bytes);
            let passes = BYTES / 2 / bytes;
            start.wait();
            let begun = ThreadClock::start();
            for _ in 0..passes {
                dispatch(Scale { data: black_box(&mut data) });
            }
            (passes * 2 * bytes, begun.elapsed_s())
        }
        Kind::File => {
            let mut block = vec![0; FILE_BLOCK];
            // A thread that cannot open it must not keep the others waiting.
            let file = open();
            start.wait();
            let (mut file, mut done) = (file?, 0);
            let begun = ThreadClock::start();
            while done < BYTES {
                match file.read(&mut block)? {
                    0 => break,
                    count => done += count,
                }
            }
            (done, begun.elapsed_s())
        }
        Kind::Fused => {
            start.wait();
            let begun = ThreadClock::start();
            let operations = dispatch(Fuse { count: black_box(FUSED) });
            (operations, begun.elapsed_s())
        }
    };
    Ok(done as f64 / taken_s)
}

/// Reads numbers, and adds them up lest the reading be left out.
struct Sum<'t> {
    data: &'t [f32],
}

impl WithSimd for Sum<'_> {
    type Output = f32;

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> f32 {
        let (registers, _) = S::as_simd_f32s(self.data);
        let (rows, _) = registers.as_chunks::<CHAINS>();
        let mut sums = [simd.splat_f32s(0.0); CHAINS];
        for row in rows {
            for (sum, x) in sums.iter_mut().zip(row) {
                *sum = simd.add_f32s(*sum, *x);
            }
        }
        total(simd, sums)
    }
}

/// Reads and writes numbers.
struct Scale<'t> {
    data: &'t mut [f32],
}

impl WithSimd for Scale<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let by = simd.splat_f32s(black_box(1.0));
        let (registers, _) = S::as_mut_simd_f32s(self.data);
        for x in registers {
            *x = simd.mul_f32s(*x, by);
        }
    }
}

/// Fused operations upon registers alone; gives how many operations that were.
struct Fuse {
    count: usize,
}

impl WithSimd for Fuse {
    type Output = usize;

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> usize {
        let (by, and) = (simd.splat_f32s(black_box(0.5)), simd.splat_f32s(black_box(1.0)));
        let mut sums = [by; CHAINS];
        let turns = self.count / CHAINS;
        for _ in 0..turns {
            for sum in &mut sums {
                *sum = simd.mul_add_f32s(*sum, by, and);
            }
        }
        black_box(total(simd, sums));
        turns * CHAINS * S::F32_LANES * 2
    }
}

#[inline(always)]
fn total<S: Simd>(simd: S, sums: [S::f32s; CHAINS]) -> f32 {
    let mut sum = simd.splat_f32s(0.0);
    for x in sums {
        sum = simd.add_f32s(sum, x);
    }
    simd.reduce_sum_f32s(sum)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_told_and_a_file_that_is_gone_is_an_error() {
        let start = Barrier::new(1);
        let zeros = || -> io::Result<Box<dyn Read>> { Ok(Box::new(io::repeat(0))) };
        for kind in KINDS {
            assert!(rate(kind, &zeros, &start).unwrap() > 0.0, "{kind:?}");
        }
        let gone = || -> io::Result<Box<dyn Read>> { Err(io::ErrorKind::NotFound.into()) };
        assert!(together(Kind::File, 2, &gone).is_err());
    }

    #[test]
    fn loops_do_what_they_say() {
        let mut data = vec![0.5; 1000 * CHAINS * 16];
        dispatch(Scale { data: &mut data });
        assert_eq!(dispatch(Sum { data: &data }), 500.0 * 16.0 * CHAINS as f32);
        let operations = dispatch(Fuse { count: 1000 });
        assert!(operations.is_multiple_of(2) && operations >= 990 * 2, "{operations}");
    }
}
