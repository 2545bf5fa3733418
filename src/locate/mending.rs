//! What stands out once sensors that lie are put right or left out.
//!
//! One fault may hide another, so the capture is judged and its sensors are asked again, a few times. Nothing is believed of
//! a place that only a minority of the sensors hears.

use super::electrical::electrical;
use super::fault::Fault;
use super::faults::examined;
use super::focus::answer;
use super::judge::{self, Judged};
use super::listening::Listened;
use super::machine::OVER_WALL;
use super::views::Material;
use super::{Options, Progress, misfit, tell};

/// Rounds of mending.
const MENDINGS: usize = 3;

/// Share of the sensors that may be out of place before the place is in doubt rather than they.
const MOST_OUT_OF_PLACE: f64 = 1.0 / 3.0;

/// As many beside a machine: some sensors always make a place of its echoes when others may be left out.
const MOST_BESIDE_MACHINES: f64 = 1.0;

/// What stands out of the capture, and a doubt where too many sensors had to be left out for it.
pub fn judged<'a>(heard: &mut Listened<'a>, options: &Options, progress: Progress<'_>) -> (Judged<'a>, Option<String>) {
    let electrical = electrical(&heard.array, heard.material(options));
    heard.warnings.extend(electrical.iter().map(|fault| fault.told(&heard.array, f64::NAN)));
    heard.mend(&electrical);
    let asked = heard.array.len();
    let mut out_of_place = 0;
    let (mut judged, mut faults) = with_faults(heard, options);
    for _ in 0..MENDINGS {
        if faults.is_empty() {
            break;
        }
        progress("mending sensors", 0.0);
        out_of_place += faults.iter().filter(|fault| matches!(fault, Fault::Misplaced(..))).count();
        let array = heard.array.clone();
        heard.mend(&faults);
        let (again, further) = with_faults(heard, options);
        for fault in faults {
            let told = fault.told(&array, tell::residual_s(&again));
            // Crosstalk is taken out a little more in each round, and told once.
            if !matches!(fault, Fault::Crosstalk(..)) || !heard.warnings.contains(&told) {
                heard.warnings.push(told);
            }
        }
        (judged, faults) = (again, further);
    }
    let most = MOST_OUT_OF_PLACE * asked as f64;
    let most = if judged.machines.is_empty() { most } else { most.min(MOST_BESIDE_MACHINES) };
    let doubt = (out_of_place as f64 > most).then(|| {
        format!(
            "{out_of_place} of {asked} sensors hear nothing at this place: their positions, cables and channel numbers must be checked \
             before it is believed"
        )
    });
    (judged, doubt)
}

/// What stands out, and what is wrong with the sensors by what they hear of it.
fn with_faults<'a>(heard: &Listened<'a>, options: &Options) -> (Judged<'a>, Vec<Fault>) {
    let material = heard.material(options);
    let judged = judge(heard, material, options);
    if options.transient {
        return (judged, Vec::new());
    }
    let fit = judged.found.source.as_ref().and_then(|source| misfit::fit(&judged.array, source));
    let faults = if fit.is_some_and(|fit| fit.in_front.is_some()) {
        // What is not on the wall accuses sensors that are in their places.
        Vec::new()
    } else if judged.alarm.probability <= options.alarm {
        examined(&judged.array, &judged.looks[0], &judged.found, material)
    } else if judged.machines.is_empty() {
        Vec::new()
    } else {
        in_place_of_machines(heard, &judged, options)
    };
    (judged, faults)
}

fn judge<'a>(heard: &Listened<'a>, material: Material<'_>, options: &Options) -> Judged<'a> {
    let array = &heard.array;
    judge::judged(array, &heard.preparation.media, material, array.site.path_mode(), options.alarm)
}

/// Crossed cables that explain the sound better than a machine in the room does.
///
/// Two swapped channels make a leak on the wall sound like something off it, which is then explained away. Only what
/// leaves no machine, with every sensor in its place, is believed; and since there are many ways to cross two cables, of which
/// one makes any machine sound a little like a leak, it must stand out more than the machine did, and further beyond chance.
fn in_place_of_machines(heard: &Listened<'_>, judged: &Judged<'_>, options: &Options) -> Vec<Fault> {
    let material = heard.material(options);
    let answer = answer(&judged.array, &material.looks(), heard.spectra.samples_per_bin());
    let faults = examined(&answer.array, &answer.looks[0], &answer.found, material);
    let cables = |fault: &Fault| matches!(fault, Fault::Swapped(..) | Fault::Polarity(_));
    if faults.is_empty() || !faults.iter().all(cables) {
        return Vec::new();
    }
    let (mut spectra, mut background) = (heard.spectra.clone(), heard.background.clone());
    for matrix in std::iter::once(&mut spectra).chain(&mut background) {
        faults.iter().for_each(|fault| fault.undo(matrix));
    }
    let mean = spectra.mean();
    let mended = Material { spectra: &spectra, mean: &mean, background: background.as_ref(), ..material };
    let again = judge(heard, mended, options);
    let count = judged.array.len();
    let ways = (count * (count + 1) / 2) as f64;
    let machine = judged.machines.iter().map(|machine| machine.response).fold(0.0, f32::max);
    let better = again.machines.is_empty()
        && again.found.standings[0].places[0].value > OVER_WALL * machine
        && again.alarm.probability * ways <= options.alarm;
    if better { faults } else { Vec::new() }
}
