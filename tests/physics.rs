//! Closed forms and slow roads for what unit tests cannot see from inside one module: geometry by triangles and by brute
//! force, and measured delays and levels against what the scene says.

mod common;

use std::f64::consts::{PI, TAU};

use common::{located_in, panel, recorded};
use pinhole::propagation::Medium;
use pinhole::simulate::simulate;
use pinhole::site::{Chart, Point3, Wall};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

fn walls() -> Vec<Wall> {
    let axis = Point3::new(0.0, 0.6, 0.8);
    let seam = Point3::x();
    let base = Point3::new(0.3, -0.2, 1.0);
    vec![
        Wall::plate("plate", base, seam, axis, [2.0, 1.5]),
        Wall::disc("disc", base, axis, seam, [0.2, 1.0], [0.0, TAU]),
        Wall::disc("sector", base, axis, seam, [0.2, 1.0], [-0.5, 1.9]),
        Wall::cylinder("cylinder", base, axis, seam, [1.0, 2.35], [0.0, TAU]),
        Wall::cylinder("shell", base, axis, seam, [1.0, 2.35], [0.3, 2.0]),
        Wall::cone("cone", base, axis, seam, [0.3, 1.0, 1.45], [0.0, TAU]),
        Wall::sphere("sphere", base, axis, seam, 1.1, [0.0, PI], [0.0, TAU]),
        Wall::sphere("cap", base, axis, seam, 1.1, [0.2, 1.3], [0.5, 4.0]),
    ]
}

/// A point of the wall's chart, by its shares of the two sides.
fn at(wall: &Wall, share_a: f64, share_v: f64) -> Point3 {
    let Chart { a, v_m, .. } = wall.chart().unwrap();
    wall.at(0, a[0] + share_a * (a[1] - a[0]), v_m[0] + share_v * (v_m[1] - v_m[0])).position_m
}

#[test]
fn areas_agree_with_many_small_triangles() {
    let steps = 400;
    for wall in walls() {
        let place = |i: usize, j: usize| at(&wall, i as f64 / steps as f64, j as f64 / steps as f64);
        let mut area_m2 = 0.0;
        for i in 0..steps {
            for j in 0..steps {
                let [p, q, r, s] = [place(i, j), place(i + 1, j), place(i, j + 1), place(i + 1, j + 1)];
                area_m2 += 0.5 * ((q - p).cross(&(r - p)).norm() + (q - s).cross(&(r - s)).norm());
            }
        }
        // A chord over the angle x cuts x²/6 off its sector: 4e-5 for a 400th of the circle, less off everything else.
        assert!((area_m2 / wall.area_m2() - 1.0).abs() < 4.2e-5, "{}: {area_m2} {}", wall.id, wall.area_m2());
    }
}

#[test]
fn the_nearest_point_is_nearest_of_all_over_the_middle_of_a_wall() {
    let steps = 300;
    let mut rng = ChaCha8Rng::seed_from_u64(8);
    for wall in walls() {
        let spacing_m = {
            let Chart { a, v_m, .. } = wall.chart().unwrap();
            ((a[1] - a[0]) * wall.widest(v_m)).hypot(v_m[1] - v_m[0]) / f64::from(steps)
        };
        for _ in 0..20 {
            // Up to 10 cm off the wall, above a point well inside the patch.
            let foot = at(&wall, rng.random_range(0.2..0.8), rng.random_range(0.2..0.8));
            let place = foot + Point3::from_fn(|_, _| rng.random_range(-0.05..0.05));
            let claimed_m = (wall.nearest(0, &place).position_m - place).norm();
            let shares = |i: i32| f64::from(i) / f64::from(steps);
            let best_m = (0..=steps)
                .flat_map(|i| (0..=steps).map(move |j| (i, j)))
                .map(|(i, j)| (at(&wall, shares(i), shares(j)) - place).norm())
                .fold(f64::MAX, f64::min);
            // The grid cannot be nearer, and misses the true foot by at most half its spacing sideways.
            assert!(claimed_m <= best_m + 1e-12, "{}: {claimed_m} {best_m}", wall.id);
            assert!(best_m <= claimed_m + 0.5 * spacing_m + 1e-12, "{}: {claimed_m} {best_m}", wall.id);
        }
    }
}

#[test]
fn measured_delays_agree_with_straight_lines_and_close_triangles() {
    let scene = panel(&[]);
    let outcome = located_in(recorded(&scene).path(), &scene.site);
    let leak_m = scene.leaks[0].place.position_m;
    let speed_m_s = Medium::of(&scene.site).group_speed(50e3).0;
    let arrival_s = |i: usize| (scene.site.sensors[i].position_m - leak_m).norm() / speed_m_s;
    let mut measured = std::collections::HashMap::new();
    for pair in &outcome.pairs {
        let (tdoa_s, sigma_s) = (pair.tdoa_s.unwrap(), pair.sigma_s.unwrap());
        let off_s = tdoa_s - (arrival_s(pair.a) - arrival_s(pair.b));
        assert!(off_s.abs() < 5.0 * sigma_s, "{}-{}: {off_s:e} of {sigma_s:e} s", pair.a, pair.b);
        measured.insert((pair.a, pair.b), (tdoa_s, sigma_s));
    }
    assert_eq!(measured.len(), 10);
    for (a, b, c) in [(0, 1, 2), (0, 2, 4), (1, 3, 4), (2, 3, 4)] {
        let [ab, bc, ac] = [(a, b), (b, c), (a, c)].map(|pair| measured[&pair]);
        let (open_s, sigma_s) = (ab.0 + bc.0 - ac.0, ab.1.hypot(bc.1).hypot(ac.1));
        assert!(open_s.abs() < 5.0 * sigma_s, "{a}{b}{c}: {open_s:e} of {sigma_s:e} s");
    }
}

#[test]
fn the_leaks_level_and_loudness_are_those_of_the_scene() {
    for snr_db in [0.0, 10.0] {
        let scene = panel(&[("snr_db = 10", &format!("snr_db = {snr_db:.1}"))]);
        let truth = simulate(&scene).unwrap().truth;
        let outcome = located_in(recorded(&scene).path(), &scene.site);
        let leak = &outcome.leaks[0];
        let expected_db = truth.leak_levels_db[0];
        // 6000 independent samples know a power to 2 %, 0.1 dB; the fit of the leak's share at the median of five
        // sensors is granted ten times that.
        assert!((leak.level_db - expected_db).abs() < 1.0, "{} {expected_db}", leak.level_db);
        assert!((leak.snr_db - truth.snr_db_median_channel.unwrap()).abs() < 1.0, "{} {:?}", leak.snr_db, truth);
    }
}
