//! How well leaks are recovered: simulated tunnels and plates, a leak anywhere on the wall.
//!
//!     cargo run --release --example recovery [places|alarms|leaks|faults|clocks] [SEEDS] [ROW]
//!     cargo run --release --example recovery figure < docs/honest.md > docs/honest.svg
//!
//! Prints one row a setting over 60 seeds (or as many as asked), all rows or the one named by its number: how exact places
//! are, how often alarms are false and leaks missed, how well leaks are told apart, what lying
//! sensors are called, or what recorders of other clocks add to a place.

mod alarms;
mod clocks;
mod faults;
mod figure;
mod leaks;
mod study;

use study::{EXACT, Setting, Stage, figures, run};

const PLATE: Setting = Setting { stage: Stage::Plate, snr_db: -10.0, ..EXACT };
const SHELL: Setting = Setting { stage: Stage::Shell, snr_db: -5.0, reflection: 0.5, ..EXACT };

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
    Setting { name: "16 microphones", stage: Stage::Cabin(16), snr_db: -20.0, ..EXACT },
    Setting { name: "exact site", ..PLATE },
    Setting { name: "exact site, one speed", fixed_speed: true, speed_sigma_pct: 1.0, ..PLATE },
    Setting { name: "edges reflect 0.7", reflection: 0.7, ..PLATE },
    Setting { name: "edges reflect 0.7, one speed", reflection: 0.7, fixed_speed: true, speed_sigma_pct: 1.0, ..PLATE },
    Setting { name: "10 % thicker than stated", thickness_error_pct: 10.0, ..PLATE },
    Setting { name: "10 % thinner, edges reflect 0.7", thickness_error_pct: -10.0, reflection: 0.7, ..PLATE },
    Setting { name: "S0 at -20 dB", s0_db: Some(-20.0), ..PLATE },
    Setting { name: "S0 at -10 dB", s0_db: Some(-10.0), snr_db: 10.0, ..PLATE },
    Setting { name: "S0 at 0 dB", s0_db: Some(0.0), snr_db: 10.0, ..PLATE },
    Setting { name: "sensors 1 mm off, 2 % thicker", position_sigma_m: 0.001, thickness_error_pct: 2.0, ..PLATE },
    Setting { name: "wrap-around, ends reflect 0.5", ..SHELL },
    Setting { name: "the same, S0 at -10 dB", s0_db: Some(-10.0), ..SHELL },
    Setting { name: "sensors 1 mm off", position_sigma_m: 0.001, ..PLATE },
];

fn main() {
    let mut arguments = std::env::args().skip(1).peekable();
    let table = arguments.next_if(|a| a.parse::<u64>().is_err()).unwrap_or_else(|| "places".into());
    let mut numbers = arguments.map(|a| a.parse::<u64>().expect("a number of seeds, then of a row"));
    let seeds = numbers.next().unwrap_or(60).max(1);
    let only = numbers.next();
    match table.as_str() {
        "places" => places(seeds, only),
        "alarms" => alarms::print(seeds, only),
        "leaks" => leaks::print(seeds, only),
        "faults" => faults::print(seeds, only),
        "clocks" => clocks::print(seeds, only),
        "figure" => print!("{}", figure::figure(&std::io::read_to_string(std::io::stdin()).expect("tables"))),
        other => eprintln!("no table '{other}': places, alarms, leaks, faults or clocks; figure draws them"),
    }
}

fn places(seeds: u64, only: Option<u64>) {
    println!(
        "|   | stage | setting | SNR dB | median mm | p90 mm | > 20 mm | RMS/bound | RMS/plan | in 50 / 90 / 95 % ellipse | verdict leak |"
    );
    println!("| - | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |");
    for (number, setting) in (1..).zip(ROWS).filter(|(number, _)| only.is_none_or(|o| o == *number)) {
        let f = figures(&run(*setting, seeds));
        println!(
            "| {number} | {} | {} | {:.0} | {:.2} | {:.2} | {:.0} % | {:.2} | {:.2} | {:.0} / {:.0} / {:.0} % | {:.0} % |",
            stage(setting.stage),
            setting.name,
            setting.snr_db,
            f.median_m * 1e3,
            f.p90_m * 1e3,
            f.gross * 1e2,
            f.over_bound,
            f.over_plan,
            f.coverage[0] * 1e2,
            f.coverage[1] * 1e2,
            f.coverage[2] * 1e2,
            f.found * 1e2
        );
    }
}

fn stage(stage: Stage) -> String {
    match stage {
        Stage::Cabin(microphones) => format!("cabin, {microphones} microphones"),
        Stage::Plate => "plate, 6 contacts".into(),
        Stage::Shell => "tunnel wall, 8 contacts".into(),
    }
}
