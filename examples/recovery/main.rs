//! How well leaks are recovered: simulated tunnels, 0.25 s, 20–80 kHz, a leak anywhere on the wall.
//!
//!     cargo run --release --example recovery [SEEDS] [ROW]
//!
//! Prints one row a setting over 60 seeds (or as many as asked), all rows or the one named by its number.

mod study;

use study::{Setting, figures, run};

const EXACT: Setting =
    Setting { name: "", microphones: 8, snr_db: -12.0, position_sigma_m: 0.0, speed_sigma_pct: 0.0, reflection: 0.0 };

const ROWS: &[Setting] = &[
    Setting { name: "exact site", ..EXACT },
    Setting { name: "exact site", snr_db: 0.0, ..EXACT },
    Setting { name: "microphones 2 mm off", position_sigma_m: 0.002, speed_sigma_pct: 0.1, ..EXACT },
    Setting { name: "microphones 2 mm off", position_sigma_m: 0.002, speed_sigma_pct: 0.1, snr_db: 10.0, ..EXACT },
    Setting { name: "microphones 5 mm off", position_sigma_m: 0.005, speed_sigma_pct: 0.1, ..EXACT },
    Setting { name: "microphones 5 mm off", position_sigma_m: 0.005, speed_sigma_pct: 0.1, snr_db: 10.0, ..EXACT },
    Setting { name: "walls reflect 0.9", reflection: 0.9, snr_db: 10.0, ..EXACT },
    Setting { name: "walls reflect 0.9", reflection: 0.9, snr_db: -10.0, ..EXACT },
    Setting { name: "exact site", snr_db: -18.0, ..EXACT },
    Setting { name: "16 microphones", microphones: 16, snr_db: -20.0, ..EXACT },
];

fn main() {
    let mut arguments = std::env::args().skip(1).map(|a| a.parse::<u64>().expect("a number of seeds, then of a row"));
    let seeds = arguments.next().unwrap_or(60).max(1);
    let only = arguments.next();
    println!(
        "|   | setting | mics | SNR dB | median mm | p90 mm | > 20 mm | RMS/bound | in 95 % ellipse | verdict leak |"
    );
    println!("| - | --- | --- | --- | --- | --- | --- | --- | --- | --- |");
    for (number, setting) in (1..).zip(ROWS).filter(|(number, _)| only.is_none_or(|o| o == *number)) {
        let f = figures(&run(*setting, seeds));
        println!(
            "| {number} | {} | {} | {:.0} | {:.2} | {:.2} | {:.0} % | {:.2} | {:.0} % | {:.0} % |",
            setting.name,
            setting.microphones,
            setting.snr_db,
            f.median_m * 1e3,
            f.p90_m * 1e3,
            f.gross * 1e2,
            f.over_bound,
            f.coverage * 1e2,
            f.found * 1e2
        );
    }
}
