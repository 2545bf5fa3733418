//! `pinhole plan`: what is foreseen against what is found, and against what must follow from the formulas.

mod common;

use common::{sample, say};
use nalgebra::Matrix2;
use pinhole::capture::Captures;
use pinhole::locate::{Array, Foreseen, Options, locate};
use pinhole::plan::{self, plan};
use pinhole::propagation::Medium;
use pinhole::site::{Point3, Site, read_site};
use serde_json::Value;

fn options() -> plan::Options {
    plan::Options {
        band_hz: None,
        sample_rate_hz: 192e3,
        duration_s: 0.5,
        snr_db: -10.0,
        alarm: 0.01,
        add: 0,
        rail: Vec::new(),
    }
}

fn planned(site: &Site, options: &plan::Options) -> plan::Plan {
    plan(site, options, &|_, _| ()).unwrap()
}

#[test]
fn the_ellipse_that_is_foreseen_is_the_one_that_is_found() {
    let folder = sample("tunnel_quiet");
    let site = read_site(&folder.join("site.toml")).unwrap();
    let captures = Captures::open(&[folder.join("capture.wav")]).unwrap();
    let band_hz = [20e3, 80e3];
    let asked = Options { band_hz: Some(band_hz.into()), ..Options::default() };
    let found = locate(&site, captures, None, &asked, &|_, _| ()).unwrap();
    let leak = &found.leaks[0];
    let array = Array::new(&site, Medium::of(&site), band_hz, (0..site.sensors.len()).collect()).unwrap();
    let foreseen = Foreseen::new(&array, found.capture.duration_s);
    let level = 10f64.powf(leak.snr_db / 10.0) / foreseen.at_median_sensor(&leak.point);
    let expected = foreseen.expected(&leak.point, level).unwrap().covariance_m2;
    let [[a, b], [c, d]] = leak.covariance_uv_m2;
    let told = Matrix2::new(a, b, c, d);
    // Positions make nearly all of it, and are the same; noise is estimated and the jet's spectrum is not white.
    assert!((told.determinant() / expected.determinant()).sqrt() > 0.9, "{told} {expected}");
    assert!((told.determinant() / expected.determinant()).sqrt() < 1.3, "{told} {expected}");
}

#[test]
fn ten_times_the_time_finds_leaks_five_decibels_weaker_and_noise_falls_with_its_root() {
    let mut site = read_site(&sample("tunnel_quiet").join("site.toml")).unwrap();
    site.sensors.iter_mut().for_each(|sensor| sensor.position_sigma_m = 0.0);
    let array = Array::new(&site, Medium::of(&site), [20e3, 80e3], (0..8).collect()).unwrap();
    let place = site.walls[0].at(0, 1.0, 1.1);
    let [short, long] = [5.0, 50.0].map(|duration_s| Foreseen::new(&array, duration_s));
    // At such levels the share of a leak in the power is its ratio to the noise, to one part in a hundred.
    let gain_db = 10.0 * (short.weakest(&place, 0.01) / long.weakest(&place, 0.01)).log10();
    assert!((gain_db - 5.0).abs() < 0.05, "{gain_db}");
    let ratio = short.bound_m2(&place, 0.1).unwrap().trace() / long.bound_m2(&place, 0.1).unwrap().trace();
    assert!((ratio - 10.0).abs() < 1e-9, "{ratio}");
    // A false alarm that is allowed less needs more.
    assert!(long.weakest(&place, 1e-6) > long.weakest(&place, 0.01));
}

#[test]
fn sensors_in_one_plane_have_mirror_images_and_one_more_off_it_takes_them_away() {
    let mut site = read_site(&sample("tunnel_quiet").join("site.toml")).unwrap();
    site.sensors.iter_mut().for_each(|sensor| sensor.position_m.z = 1.175);
    let flat = planned(&site, &options());
    assert!(flat.mirrored > 0.9 && flat.ambiguities[0].is_mirror(), "{}", flat.mirrored);
    assert!(flat.warnings.iter().any(|w| w.contains("mirror image")), "{:?}", flat.warnings);
    let [place, other] = [flat.ambiguities[0].place, flat.ambiguities[0].other];
    assert!((place.position_m.z + other.position_m.z - 2.35).abs() < 0.02, "mirrored at the plane of the sensors");
    site.sensors[0].position_m.z = 0.4;
    site.sensors[4].position_m.z = 2.0;
    let lifted = planned(&site, &options());
    assert!(lifted.mirrored == 0.0, "{}", lifted.mirrored);
}

#[test]
fn sensors_are_added_where_they_may_stand_and_each_helps() {
    let mut site = read_site(&sample("tunnel_quiet").join("site.toml")).unwrap();
    site.sensors.truncate(4);
    let rail: Vec<Point3> =
        (0..6).map(|i| Point3::new(0.8 * f64::from(i).cos(), 0.8 * f64::from(i).sin(), 0.4 * f64::from(i))).collect();
    let plan = planned(&site, &plan::Options { add: 3, rail: rail.clone(), ..options() });
    assert_eq!(plan.added.len(), 3);
    for (i, added) in plan.added.iter().enumerate() {
        assert!(rail.contains(&added.position_m));
        assert!(plan.added[..i].iter().all(|other| other.position_m != added.position_m), "a place is taken once");
        assert!(added.rms_m[0] < added.rms_m[1], "{:?}", added.rms_m);
    }
    let errors: Vec<f64> = plan.added.iter().map(|a| a.rms_m[0]).collect();
    assert!(errors.is_sorted_by(|x, y| x >= y), "{errors:?}");
}

#[test]
fn the_command_writes_what_it_says() {
    let folder = tempfile::tempdir().unwrap();
    let site = sample("tunnel_quiet").join("site.toml");
    let site = site.display();
    let out = say(folder.path(), &format!("plan --site {site} --out planned --json --add 1")).done();
    let told: Value = serde_json::from_str(&out.stdout).unwrap();
    assert_eq!(told["format"], "pinhole-plan");
    assert!(told["error_m"]["median"].as_f64().unwrap() < told["error_m"]["worst"].as_f64().unwrap());
    assert_eq!(told["added"].as_array().unwrap().len(), 1);
    for name in ["plan.json", "plan.csv", "plan.png", "plan.svg"] {
        assert!(folder.path().join("planned").join(name).is_file(), "{name}");
    }
    let csv = std::fs::read_to_string(folder.path().join("planned/plan.csv")).unwrap();
    assert!(csv.starts_with("wall,u_m,v_m,") && csv.lines().count() > 10_000);
    for (wrong, why) in [
        ("--at 0,0,0", "--add N"),
        ("--band 20..120kHz", "does not fit a recorder of 192.0 kHz"),
        ("--duration 0s", "--duration"),
        ("--snr 3", "dB"),
    ] {
        let refused = say(folder.path(), &format!("plan --site {site} {wrong}"));
        assert_eq!(refused.code, 2, "{wrong}");
        assert!(refused.stderr.contains(why), "{wrong}: {}", refused.stderr);
    }
}
