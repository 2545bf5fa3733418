//! Is pinhole's word to be trusted: what chance makes, what machines make, what lying sensors make of a capture.

mod common;

use common::root;
use pinhole::capture::Captures;
use pinhole::locate::{Options, Outcome, Verdict, Wanted, locate};
use pinhole::simulate::{Fan, Recording, Reflection, Room, Scene, read_scene, simulate, write};
use pinhole::site::{Point3, Recorder, WallPoint};

/// The quiet tunnel: eight microphones, a quarter of a second, one leak 10 dB over the noise.
fn tunnel(change: impl Fn(&mut Scene)) -> Scene {
    let mut scene = read_scene(&root().join("samples/tunnel_quiet.scene.toml")).unwrap();
    change(&mut scene);
    scene
}

fn told(scene: &Scene, options: &Options, wound: impl Fn(&mut Recording)) -> Outcome {
    let mut recorded = simulate(scene).unwrap();
    wound(&mut recorded.recordings[0]);
    let folder = tempfile::tempdir().unwrap();
    write(scene, &recorded, folder.path()).unwrap();
    let name =
        |id: &str| if recorded.recordings.len() == 1 { "capture.wav".into() } else { format!("capture_{id}.wav") };
    let paths: Vec<_> = scene.site.recorders.iter().map(|recorder| folder.path().join(name(&recorder.id))).collect();
    let captures = Captures::open(&paths).unwrap();
    let options = Options { band_hz: Some(scene.band_hz().into()), ..options.clone() };
    locate(&scene.site, captures, None, &options, &|_, _| ()).unwrap()
}

fn off_m(scene: &Scene, outcome: &Outcome) -> f64 {
    (outcome.leaks[0].point.position_m - scene.leaks[0].place.position_m).norm()
}

#[test]
fn noise_is_neither_a_leak_nor_a_machine() {
    for seed in 1..=6 {
        let scene = tunnel(|scene| {
            scene.leaks.clear();
            scene.capture.seed = seed;
        });
        let outcome = told(&scene, &Options::default(), |_| ());
        // A false alarm at 1 % in six captures has a chance of 6 %; these seeds are settled.
        assert_ne!(outcome.verdict, Verdict::Leak, "seed {seed}: {:?}", outcome.chance);
        assert!(!outcome.warnings.iter().any(|w| w.contains("machine")), "seed {seed}: {:?}", outcome.warnings);
        // 28 pairs, 0.25 s, 60 kHz: 10 lg of 4.5/√(28 · 0.25 · 60 000) is -21.6 dB for a place that is known.
        let detectable = outcome.detectable.expect("a leak would have been found").snr_db;
        assert!((-22.5..-17.0).contains(&detectable), "{detectable}");
    }
}

/// Lines of machines were once counted as noise: a leak of -17 dB was said to be at -37 dB at 1 m, 24 dB too loud.
#[test]
fn the_level_that_would_show_is_that_of_a_leak_beside_the_lines() {
    let scene = tunnel(|scene| {
        scene.leaks.clear();
        let position_m = Point3::new(0.35, -0.55, 0.25);
        let fan = Fan { position_m, tones_hz: vec![33_400.0], tone_db: -30.0, jitter_hz: 4.0, hiss_db: None };
        scene.fans = vec![fan];
    });
    let outcome = told(&scene, &Options::default(), |_| ());
    let told = outcome.detectable.expect("a leak would have been found");
    // Noise of -50 dB; from the wall the median microphone is 1.0 to 1.8 m away, and air absorbs 1 to 3 dB.
    let at_one_metre_db = told.level_db - (scene.capture.noise_db + told.snr_db);
    assert!((0.0..9.0).contains(&at_one_metre_db), "{at_one_metre_db}");
}

#[test]
fn a_hissing_machine_in_the_room_is_located_and_no_leak() {
    let place = Point3::new(-0.3, 0.25, 1.1);
    let scene = tunnel(|scene| {
        scene.leaks.clear();
        let hiss_db = Some(scene.capture.noise_db);
        scene.fans = vec![Fan { position_m: place, tones_hz: vec![], tone_db: -100.0, jitter_hz: 1.0, hiss_db }];
    });
    let outcome = told(&scene, &Options::default(), |_| ());
    assert_ne!(outcome.verdict, Verdict::Leak, "{:?}", outcome.chance);
    let warning = outcome.warnings.iter().find(|w| w.contains("machine")).expect("the machine is told");
    assert!(warning.contains("x -0.30 m, y 0.25 m, z 1.10 m"), "{warning}");
}

/// Lines 30 dB over the noise and as wide as the bins, in a room that echoes: told as a leak in 1 of these 4 once, and as no leak in none.
#[test]
fn echoes_of_a_loud_machine_are_no_leak() {
    for seed in [300, 301, 302, 304] {
        let scene = tunnel(|scene| {
            scene.leaks.clear();
            scene.capture.seed = seed;
            let tones_hz = vec![25e3, 33e3, 41e3, 52e3];
            let position_m = Point3::new(0.2, 0.3, 1.0);
            scene.fans = vec![Fan { position_m, tones_hz, tone_db: -20.0, jitter_hz: 200.0, hiss_db: None }];
            let room = Room::Tunnel { base_m: Point3::zeros(), axis: Point3::z(), radius_m: 1.0, length_m: 2.35 };
            scene.reflection = Some(Reflection { coefficient: 0.5, order: 2, room });
        });
        let outcome = told(&scene, &Options::default(), |_| ());
        assert_eq!(outcome.verdict, Verdict::Inconclusive, "seed {seed}: {:?}", outcome.chance);
        assert_eq!(outcome.machines.len(), 1, "seed {seed}: {:?}", outcome.machines);
    }
}

/// A hiss so near to a wall is not looked for in the room, but its delays tell how near.
#[test]
fn a_source_in_front_of_the_wall_is_no_leak_of_it() {
    for front_m in [0.015, 0.05] {
        let scene = tunnel(|scene| {
            scene.leaks.clear();
            let position_m = (1.0 - front_m) * Point3::new(-0.4161, 0.9093, 0.0) + 1.25 * Point3::z();
            let hiss_db = Some(-40.0);
            scene.fans = vec![Fan { position_m, tones_hz: vec![], tone_db: -100.0, jitter_hz: 1.0, hiss_db }];
        });
        let outcome = told(&scene, &Options::default(), |_| ());
        assert_eq!(outcome.verdict, Verdict::Inconclusive, "{front_m} m");
        let place = outcome.fit.unwrap().in_front.expect("no place on the wall fits");
        let (distance_m, sigma_m) = place.distance_m;
        assert!((distance_m - front_m).abs() < 4.0 * sigma_m, "{place:?}");
        assert!(outcome.reasons.iter().any(|why| why.contains("mm in front of the wall")), "{:?}", outcome.reasons);
        assert!(outcome.sensors.iter().all(|sensor| sensor.faults.is_empty()), "{front_m} m");
    }
}

/// The word for it, who bears it, and how it is made.
type Wound = (&'static str, &'static [usize], fn(&mut Recording));

#[test]
fn lying_sensors_are_named_and_cost_nothing() {
    let scene = tunnel(|_| ());
    let clean = told(&scene, &Options::default(), |_| ());
    assert!(clean.sensors.iter().all(|sensor| sensor.faults.is_empty()));
    let wounds: [Wound; 5] = [
        ("swapped", &[1, 4], |channels| channels.swap(1, 4)),
        ("polarity", &[2], |channels| channels[2].iter_mut().for_each(|x| *x = -*x)),
        ("duplicate", &[6, 7], |channels| channels[6] = channels[7].clone()),
        ("crosstalk", &[2, 5], |channels| {
            let other = channels[5].clone();
            channels[2].iter_mut().zip(other).for_each(|(x, y)| *x += 0.5 * y);
        }),
        ("dead", &[3], |channels| channels[3].iter_mut().for_each(|x| *x *= 1e-5)),
    ];
    for (word, bearers, wound) in wounds {
        let outcome = told(&scene, &Options::default(), wound);
        let accused: Vec<usize> = (0..8).filter(|&i| outcome.sensors[i].faults.contains(&word)).collect();
        // Of two copies one is as good as the other.
        let named =
            if word == "duplicate" { accused.len() == 1 && bearers.contains(&accused[0]) } else { accused == bearers };
        assert!(named, "{word}: {accused:?}");
        // Twice what the clean capture promises at 95 %.
        let allowed_m = 2.0 * clean.leaks[0].ellipse_95.semi_major_m;
        assert!(off_m(&scene, &outcome) < allowed_m, "{word}: {:.2} mm", off_m(&scene, &outcome) * 1e3);
    }
}

fn accused(outcome: &Outcome) -> Vec<(&str, &[&'static str])> {
    let accused = outcome.sensors.iter().filter(|sensor| !sensor.faults.is_empty());
    accused.map(|sensor| (sensor.id.as_str(), sensor.faults.as_slice())).collect()
}

/// Of 200 such leaks 28 once had a microphone called misplaced: an echo of hard walls may be louder than the straight way.
#[test]
fn an_echo_louder_than_the_straight_way_accuses_nobody() {
    for step in 0..8 {
        let scene = tunnel(|scene| {
            let leak = &mut scene.leaks[0];
            leak.place = scene.site.moved(&leak.place, 0.41 * f64::from(step), 0.13 * f64::from(step % 3));
            let room = Room::Tunnel { base_m: Point3::zeros(), axis: Point3::z(), radius_m: 1.0, length_m: 2.35 };
            scene.reflection = Some(Reflection { coefficient: 0.9, order: 5, room });
        });
        let outcome = told(&scene, &Options::default(), |_| ());
        assert!(accused(&outcome).is_empty(), "step {step}: {:?}", accused(&outcome));
    }
}

#[test]
fn a_second_leak_as_far_from_two_microphones_is_no_wire() {
    let scene = tunnel(|scene| {
        let mut second = scene.leaks[0].clone();
        // Once round the barrel.
        let [a, b] = [0, 1].map(|i| scene.site.sensors[i].position_m);
        let unlike_m = |p: &WallPoint| ((p.position_m - a).norm() - (p.position_m - b).norm()).abs();
        let places = std::iter::successors(Some(second.place), |place| Some(scene.site.moved(place, 1e-3, 0.0)));
        let places = places.take(6000).skip(200);
        second.place = places.min_by(|p, q| unlike_m(p).total_cmp(&unlike_m(q))).unwrap();
        assert!(unlike_m(&second.place) < 1e-3, "{}", unlike_m(&second.place));
        scene.leaks.push(second);
    });
    let outcome = told(&scene, &Options::default(), |_| ());
    assert!(accused(&outcome).is_empty(), "{:?}", accused(&outcome));
    assert_eq!(outcome.leaks.len(), 2, "{:?}", outcome.notes);
}

#[test]
fn two_leaks_are_told_and_one_is_not_two() {
    let one = told(&tunnel(|_| ()), &Options::default(), |_| ());
    assert_eq!(one.leaks.len(), 1);
    let scene = tunnel(|scene| {
        let mut second = scene.leaks[0].clone();
        second.place = scene.site.moved(&second.place, 0.3, 0.1);
        scene.leaks.push(second);
    });
    let two = told(&scene, &Options::default(), |_| ());
    assert_eq!(two.leaks.len(), 2, "{:?}", two.notes);
    for leak in &scene.leaks {
        let error_m = |found: &pinhole::locate::Leak| (found.point.position_m - leak.place.position_m).norm();
        let nearest = two.leaks.iter().map(error_m).fold(f64::INFINITY, f64::min);
        // Positions are stated to a millimetre and drawn so: three standard deviations of a place.
        assert!(nearest < 5e-3, "{:.2} mm", nearest * 1e3);
    }
    assert_eq!(two.candidates[0].explained_by, Some(1));
}

#[test]
fn the_leak_put_back_is_found_as_often_as_the_ellipse_says() {
    let options = Options { prove: 100, leaks: Wanted::AtMost(1), ..Options::default() };
    let proof = told(&tunnel(|_| ()), &options, |_| ()).proof.expect("asked for");
    assert_eq!((proof.captures, proof.told), (100, 1.0));
    // Binomial, three standard deviations of 100 captures.
    for (region, share) in [0.5f64, 0.9, 0.95].into_iter().zip(proof.coverage) {
        assert!((share - region).abs() < 3.0 * (region * (1.0 - region) / 100.0).sqrt(), "{region}: {share}");
    }
    let ratio = proof.median_error_m / proof.expected_median_m;
    // The median of 100 Rayleigh-like distances scatters by 7 %.
    assert!((ratio - 1.0).abs() < 0.25, "{proof:?}");
}

#[test]
fn patches_to_be_searched_hold_the_leak_and_add_up() {
    let scene = tunnel(|_| ());
    let outcome = told(&scene, &Options::default(), |_| ());
    let last = outcome.search.last().expect("patches");
    assert!((0.97..=1.0).contains(&last.cumulative), "{last:?}");
    let density = |p: &pinhole::locate::Patch| p.probability / (p.size_m[0] * p.size_m[1]);
    assert!(outcome.search.windows(2).all(|pair| density(&pair[0]) >= 0.999 * density(&pair[1])));
    let truth = scene.leaks[0].place.position_m;
    let near = |p: &pinhole::locate::Patch| (p.point.position_m - truth).norm() < p.size_m[0].hypot(p.size_m[1]);
    assert!(outcome.search.iter().any(near));
}

#[test]
fn clocks_of_free_recorders_are_told_by_the_leak() {
    let (offset_s, ppm) = (0.0371, 25.0);
    let scene = tunnel(|scene| {
        let recorder = |id: &str, clock| Recorder { id: id.into(), clock, ..Recorder::default() };
        scene.site.recorders = vec![recorder("A", 0), recorder("B", 1)];
        for sensor in &mut scene.site.sensors[4..] {
            sensor.recorder = 1;
            sensor.channel -= 4;
        }
        scene.deviations.recorder_offset_s = vec![0.0, offset_s];
        scene.deviations.recorder_ppm = vec![0.0, ppm];
    });
    let outcome = told(&scene, &Options::default(), |_| ());
    assert_eq!(outcome.pairs.len(), 12, "no pair across clocks");
    let [clock] = outcome.clocks[..] else { panic!("{:?}", outcome.notes) };
    assert_eq!((clock.recorder, clock.reference), (1, 0));
    let (drift, drift_sigma) = clock.drift_ppm.expect("a quarter of a second tells");
    // A quarter of a second drifts by 6 µs, a third of a wave; sensors a millimetre off hear 3 µs early or late, and a place
    // that they move by a millimetre as much again.
    assert!((drift - ppm).abs() < 4.0 * drift_sigma && drift_sigma < 1.0, "{clock:?}");
    assert!((clock.offset_s.0 - offset_s).abs() < 4.0 * clock.offset_s.1 && clock.offset_s.1 < 4.2e-6, "{clock:?}");
    assert!(clock.joint, "{:?}", outcome.notes);
    // 13.8 is the 99.9 % point of a chi-square with two degrees of freedom.
    let (truth, leak) = (scene.leaks[0].place.position_m, &outcome.leaks[0]);
    let tangents = scene.site.walls[leak.point.wall].tangents(&leak.point);
    let off = tangents.map(|tangent| (leak.point.position_m - truth).dot(&tangent));
    let [[a, b], [_, d]] = leak.covariance_uv_m2;
    assert!(
        (d * off[0] * off[0] - 2.0 * b * off[0] * off[1] + a * off[1] * off[1]) / (a * d - b * b) < 13.8,
        "{leak:?}"
    );
    // What all say together is known no worse than what each says alone: noise by theory, here hidden by the microphones.
    let (_, [[alone_a, alone_b], [_, alone_d]]) = outcome.alone.expect("it was solved for together");
    assert!(a * d - b * b < 1.1 * (alone_a * alone_d - alone_b * alone_b), "{:?} {leak:?}", outcome.alone);
}
