//! From a matrix to the strongest place and what chance says of it, machines in the cabin put aside.

use super::alarm::{Alarm, Null, shown};
use super::array::Array;
use super::find::Found;
use super::focus::{self, Answer, answer};
use super::machine::{self, Machine};
use super::outcome::Stretch;
use super::views::{Looks, Material, View};
use crate::propagation::Medium;
use crate::site::Mode;

/// What stands out, and how much chance there is in it.
pub struct Judged<'a> {
    /// The array in the medium that explains the data best.
    pub array: Array<'a>,
    /// The views of the capture.
    pub looks: Vec<View>,
    /// What search and refinement found.
    pub found: Found,
    /// How the wall or the air behaves against what the site says.
    pub stretch: Option<Stretch>,
    /// The other guided wave, and the nats by which it is worse.
    pub rival: Option<(Option<Mode>, f64)>,
    /// Machines that were explained away.
    pub machines: Vec<Machine>,
    /// What chance says.
    pub alarm: Alarm,
    /// The `z` that each view needed.
    pub needed_z: Vec<f64>,
}

/// Machines are known no better than the capture tells them, and what is left of their skirts fills few bins: beside them
/// a probability counts so many times. Without it, six lines 20 dB over the noise made 2 false alarms in 40 at 1 %.
const BESIDE_MACHINES: usize = 10;

/// Searches the walls in every medium that the site allows; `named` is the guided wave that it names.
pub fn judged<'a>(
    array: &Array<'a>,
    media: &[Medium],
    material: Material<'_>,
    named: Option<Mode>,
    allowed: f64,
) -> Judged<'a> {
    let samples_per_bin = material.spectra.samples_per_bin();
    let mut machines = Vec::new();
    loop {
        let material = Material { machines: &machines, ..material };
        let looks = material.looks();
        let answers: Vec<_> =
            media.iter().map(|medium| answer(&array.in_medium(medium.clone()), &looks, samples_per_bin)).collect();
        let modes = answers.len();
        let (Answer { array, looks, found, stretch, tried, .. }, rival) = focus::best_supported(answers, named);
        let wall = found.standings[0].places[0].value;
        let louder = machine::loudest(&array, &looks[0], wall, material, found.separation_m);
        if let Some(louder) = louder.filter(|louder| louder.is_new(&machines, found.separation_m)) {
            machines.push(louder);
            continue;
        }
        let show = |looks_drawn: Looks| {
            let glances: Vec<_> = looks_drawn.iter().map(|(_, drawn)| looks[0].glance_at(drawn)).collect();
            shown(&array, &glances)
        };
        let tried = tried * modes * if machines.is_empty() { 1 } else { BESIDE_MACHINES };
        let seen: Vec<_> = looks.iter().map(|view| view.glance_at(&view.coherence)).collect();
        let alarm = Null::of(material).judge(&shown(&array, &seen), tried, allowed, &show);
        let needed_z = alarm.needed_z(allowed, tried);
        return Judged { array, looks, found, stretch, rival, machines, alarm, needed_z };
    }
}
