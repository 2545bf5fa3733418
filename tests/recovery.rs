//! Simulate, locate, compare: errors against the Cramér–Rao bound, ellipse coverage, gross errors. A few seeds a row; the
//! table over sixty is `cargo run --release --example recovery`.

#[path = "../examples/recovery/study.rs"]
mod study;

use study::{EXACT, Figures, Setting, Stage, figures, run};

const SEEDS: u64 = 12;

fn checked(setting: Setting) -> Figures {
    let found = figures(&run(setting, SEEDS));
    assert_eq!(found.gross, 0.0, "{}: gross errors: {found:?}", setting.name);
    // With 12 seeds and 95 % ellipses, fewer than 9 hits have a chance of 2e-3; with 90 %, of 2.6 %.
    assert!(found.coverage[2] >= 9.0 / 12.0, "{}: coverage: {found:?}", setting.name);
    found
}

#[test]
fn an_exact_site_reaches_the_cramer_rao_bound() {
    let found = checked(EXACT);
    // The root mean square of 24 coordinates at the bound scatters by 1/sqrt(48): 1 + 3 × 0.144.
    assert!(found.over_bound < 1.43, "{found:?}");
    assert!(found.p90_m < 0.5e-3, "{found:?}");
    assert_eq!(found.found, 1.0);
}

#[test]
fn sixteen_microphones_hear_a_leak_20_db_below_the_noise() {
    checked(Setting { stage: Stage::Cabin(16), snr_db: -20.0, ..EXACT });
}

#[test]
fn misplaced_microphones_cost_millimetres_and_the_ellipse_knows() {
    // The bounds on medians over 60 seeds, widened by the scatter of a median of 12: 1.25/sqrt(12) of a deviation.
    for (sigma, median_m) in [(0.002, 0.0027), (0.005, 0.0065)] {
        let found = checked(Setting { position_sigma_m: sigma, speed_sigma_pct: 0.1, ..EXACT });
        assert!(found.median_m < median_m * 1.36, "{found:?}");
        // What `pinhole plan` promises, with the scatter of the root mean square of 24 coordinates.
        assert!((0.57..1.43).contains(&found.over_plan), "{found:?}");
    }
}

#[test]
fn echoes_of_hard_walls_cost_less_than_a_millimetre() {
    for snr_db in [10.0, -10.0] {
        let found = checked(Setting { reflection: 0.9, snr_db, ..EXACT });
        assert!(found.p90_m < 1e-3, "{found:?}");
    }
}

#[test]
fn a_plate_is_listened_to_at_the_bound_with_edges_that_reflect_and_with_the_other_wave() {
    let plate = Setting { stage: Stage::Plate, snr_db: -10.0, ..EXACT };
    assert!(checked(plate).p90_m < 0.6e-3);
    assert!(checked(Setting { reflection: 0.7, ..plate }).p90_m < 1.1e-3);
    assert!(checked(Setting { s0_db: Some(-10.0), ..plate }).p90_m < 0.6e-3);
}

#[test]
fn a_plate_ten_per_cent_thicker_than_stated_is_told_by_its_sound() {
    let found = checked(Setting { stage: Stage::Plate, snr_db: -10.0, thickness_error_pct: 10.0, ..EXACT });
    assert!(found.p90_m < 1e-3, "{found:?}");
}

#[test]
fn a_tunnels_wall_is_no_flat_plate() {
    let found = checked(Setting { stage: Stage::Shell, snr_db: -5.0, reflection: 0.5, ..EXACT });
    assert!(found.median_m < 1e-3, "{found:?}");
}
