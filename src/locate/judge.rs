//! From a matrix to the strongest place and what chance says of it, machines in the cabin put aside.

use std::sync::Arc;

use super::alarm::{Alarm, Extremes, Gumbel, Null, shown};
use super::array::Array;
use super::explain::without_leak;
use super::find::Found;
use super::focus::{self, Answer, answer};
use super::further::BEYOND_ECHOES_Z;
use super::machine::{self, Machine};
use super::outcome::Stretch;
use super::views::{Looks, Material, View};
use crate::cross_spectra::Coherence;
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
    /// What chance makes off the walls.
    pub chance_in_room: machine::Chance,
    /// What chance says.
    pub alarm: Alarm,
    /// The `z` that each view needed.
    pub needed_z: Vec<f64>,
    /// Probability by which chance makes pairs correlate as they do beyond machines and the place, where one stands out beside machines.
    pub echoes: Option<f64>,
}

/// Machines are known no better than the capture tells them, and what is left of their skirts fills few bins: beside them
/// a probability counts so many times. Without it, six lines 20 dB over the noise made 2 false alarms in 40 at 1 %.
pub const BESIDE_MACHINES: usize = 10;

/// Captures drawn to tell what pairs correlate by chance: their law is known to 0.4 nats at one in a thousand (28 pairs), where the rule
/// of [`Alarm`] draws on for the map alone.
const DRAWS: u64 = 32;

/// Searches the walls in every medium that the site allows; `named` is the guided wave that it names.
pub fn judged<'a>(
    array: &Array<'a>,
    media: &[Medium],
    material: Material<'_>,
    named: Option<Mode>,
    allowed: f64,
) -> Judged<'a> {
    let samples_per_bin = material.spectra.samples_per_bin();
    let (mut machines, mut chance_in_room) = (Vec::new(), machine::Chance::default());
    let mut looks = Material { machines: &[], ..material }.looks();
    loop {
        let material = Material { machines: &machines, ..material };
        let answers: Vec<_> =
            media.iter().map(|medium| answer(&array.in_medium(medium.clone()), &looks, samples_per_bin)).collect();
        let modes = answers.len();
        let (Answer { array, looks: views, found, stretch, tried, .. }, rival) = focus::best_supported(answers, named);
        let (view, wall) = (&views[0], found.standings[0].places[0].value);
        let heard = (&view.response(&array), wall);
        let louder = machine::loudest(&array, view, heard, material, found.separation_m, &mut chance_in_room);
        let louder = louder.map(|louder| Machine::at(&array, view, louder));
        if let Some(louder) = louder.filter(|louder| louder.is_new(&machines, found.separation_m)) {
            looks[0].1 = Arc::new(louder.explained_away(&looks[0].1));
            machines.push(louder);
            continue;
        }
        let show =
            |looks_drawn: Looks| shown(&array, looks_drawn.iter().map(|(_, drawn)| view.glance_at(drawn)).collect());
        let tried = tried * modes * if machines.is_empty() { 1 } else { BESIDE_MACHINES };
        let seen = shown(&array, views.iter().map(|view| view.glance_at(&view.coherence)).collect());
        let null = Null::of(material);
        let alarm = null.judge(&seen, tried, allowed, &show);
        let needed_z = alarm.needed_z(allowed, tried);
        let faint = !machines.is_empty() && alarm.probability <= allowed && found.standings[0].z < BEYOND_ECHOES_Z;
        let source = found.source.as_ref().filter(|_| faint);
        let echoes = source.map(|source| {
            let without = without_leak(&view.coherence, &view.wavenumber_rad_m, &source.ranges_m);
            let pair_z = |coherence: &Coherence| Extremes::of_each(view.glance_at(coherence).pair_z());
            let drawn = null.drawn(0..DRAWS, &|looks| pair_z(&looks[0].1));
            Gumbel::of_parts(drawn.iter()).exceeding(pair_z(&without).top())
        });
        return Judged {
            array,
            looks: views,
            found,
            stretch,
            rival,
            machines,
            chance_in_room,
            alarm,
            needed_z,
            echoes,
        };
    }
}
