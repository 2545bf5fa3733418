//! Two clocks: the one on the wall, and that of a thread, which stands still while other programs have its core.

use std::time::Instant;

/// Seconds by the clock on the wall.
pub fn seconds(work: impl FnOnce()) -> f64 {
    let start = Instant::now();
    work();
    start.elapsed().as_secs_f64()
}

/// Seconds for which this thread had a core, the system's work for it included. What it leaves to other threads is not in it.
pub fn thread_seconds(work: impl FnOnce()) -> f64 {
    let start = ThreadClock::start();
    work();
    start.elapsed_s()
}

/// The clock of the thread that reads it; where a system has none, the one on the wall.
#[derive(Debug, Clone, Copy)]
pub struct ThreadClock {
    #[cfg(unix)]
    start_s: f64,
    #[cfg(not(unix))]
    start: Instant,
}

#[cfg(unix)]
impl ThreadClock {
    /// From now on.
    pub fn start() -> Self {
        Self { start_s: Self::now_s() }
    }

    /// Seconds since the start.
    pub fn elapsed_s(self) -> f64 {
        Self::now_s() - self.start_s
    }

    fn now_s() -> f64 {
        let now = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
        now.tv_sec as f64 + 1e-9 * now.tv_nsec as f64
    }
}

#[cfg(not(unix))]
impl ThreadClock {
    /// From now on.
    pub fn start() -> Self {
        Self { start: Instant::now() }
    }

    /// Seconds since the start.
    pub fn elapsed_s(self) -> f64 {
        self.start.elapsed().as_secs_f64()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::hint::black_box;
    use std::time::Duration;

    #[test]
    #[cfg(unix)]
    fn a_thread_that_sleeps_takes_no_time_of_its_core() {
        let nap = Duration::from_millis(50);
        let (mut slept, mut worked) = (0.0, 0.0);
        let taken = seconds(|| {
            slept = thread_seconds(|| std::thread::sleep(nap));
            worked = thread_seconds(|| {
                black_box((0..2_000_000u64).map(black_box).sum::<u64>());
            });
        });
        assert!(slept < 0.5 * nap.as_secs_f64(), "{slept} s asleep");
        // Clocks of the system tick differently, by far less than a nap.
        assert!(worked > 0.0 && slept + worked < taken, "{worked} s at work, {taken} s in all");
    }
}
