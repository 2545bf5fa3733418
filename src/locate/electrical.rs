//! Channels that lie whatever sounds: copies of each other, crosstalk between cables, one that only hisses.
//!
//! Sound reaches two sensors at different times; what two channels share at no delay at all came through a wire. And a
//! channel far louder than the others that has nothing in common with them hears itself.

use std::sync::Arc;

use super::array::Array;
use super::fault::Fault;
use super::views::{Material, View};
use crate::cross_spectra::Coherence;
use crate::units::power_db;

/// Zero-lag coherence from which channels are copies: no two preamplifiers are 30 dB quieter than all sound in a cabin.
const COPY: f64 = 0.999;

/// Zero-lag coherence from which a pair may suffer crosstalk (-16 dB), and how far it must stand over the noise.
const CROSSTALK: f64 = 0.15;
const SIGNIFICANT: f64 = 8.0;

/// Crosstalk stands so far over whatever either channel shares with a third.
const OVER_OTHERS: f64 = 3.0;

/// A channel so much louder than the median, decibels, is noisy where it shares next to nothing with the others.
const NOISY_DB: f64 = 12.0;

/// Share of the others' highest correlation that is next to nothing.
const LITTLE: f64 = 0.35;

/// What is wrong with channels by the matrix alone, before any place is known.
pub fn electrical(array: &Array<'_>, material: Material<'_>) -> Vec<Fault> {
    let looks = Material { background: None, ..material }.weighed_by_powers().looks();
    let coherence = &looks[0].1;
    let pairs = &coherence.pairs;
    let at_zero: Vec<f64> = pairs.iter().enumerate().map(|(row, _)| zero_lag(coherence, row)).collect();
    let copies: Vec<Fault> = (pairs.iter().zip(&at_zero))
        .filter(|(_, c)| c.abs() > COPY)
        .map(|(&(m, n), _)| better_kept(array, material, m, n))
        .collect();
    if !copies.is_empty() {
        return copies;
    }
    let powers: Vec<f64> = material.mean.auto.rows().into_iter().map(|row| row.sum()).collect();
    let mut sorted = powers.clone();
    sorted.sort_by(f64::total_cmp);
    let median = sorted[sorted.len() / 2];
    let louder_db: Vec<f64> = powers.iter().map(|power| power_db(power / median)).collect();
    // Mostly that settles it, and no table is made.
    if at_zero.iter().all(|c| c.abs() <= CROSSTALK) && louder_db.iter().all(|louder_db| *louder_db <= NOISY_DB) {
        return Vec::new();
    }
    let view = View::new("zero lag", array, Arc::clone(coherence));
    let peaks: Vec<f64> = view
        .tables
        .iter()
        .map(|table| table.value.iter().map(|c| f64::from(c.norm_sqr())).fold(0.0, f64::max).sqrt())
        .collect();
    let highest = |concerns: &dyn Fn((usize, usize)) -> bool| {
        pairs.iter().zip(&peaks).filter(|(pair, _)| concerns(**pair)).map(|(_, peak)| *peak).fold(0.0, f64::max)
    };
    let crosstalk = |(row, &(m, n)): (usize, &(usize, usize))| {
        let others = highest(&|(a, b)| (a, b) != (m, n) && [m, n].iter().any(|c| [a, b].contains(c)));
        let c = at_zero[row].abs();
        (c > CROSSTALK && c > SIGNIFICANT * view.tables[row].noise() && c > OVER_OTHERS * others)
            .then_some(Fault::Crosstalk(m, n))
    };
    let mut faults: Vec<Fault> = pairs.iter().enumerate().filter_map(crosstalk).collect();
    for (m, louder_db) in louder_db.into_iter().enumerate() {
        let (own, rest) = (highest(&|(a, b)| a == m || b == m), highest(&|(a, b)| a != m && b != m));
        let noise = view.tables.iter().map(|t| t.noise()).fold(0.0, f64::max);
        // The largest of thousands of values of noise reaches five of its root mean square.
        if louder_db > NOISY_DB && (own < LITTLE * rest || own < 6.0 * noise) {
            faults.push(Fault::Noisy(m, louder_db));
        }
    }
    faults
}

/// Mean over bins of the in-phase coherence of a pair: what arrives at no delay.
pub fn zero_lag(coherence: &Coherence, row: usize) -> f64 {
    let row = coherence.value.row(row);
    row.iter().map(|g| f64::from(g.re)).sum::<f64>() / row.len() as f64
}

/// Of two copies, the one is kept whose place fits what the others hear.
fn better_kept(array: &Array<'_>, material: Material<'_>, m: usize, n: usize) -> Fault {
    let fits = |dropped: usize| {
        let kept: Vec<usize> = (0..array.len()).filter(|&c| c != dropped).collect();
        let spectra = material.spectra.keeping(&kept);
        let looks = Material { spectra: &spectra, mean: &spectra.mean(), background: None, ..material }.looks();
        let few = array.keeping(&kept);
        View::new("one of two copies", &few, looks[0].1.clone()).survey(&few, 0.1).places[0].value
    };
    if fits(n) >= fits(m) { Fault::Copy { kept: m, dropped: n } } else { Fault::Copy { kept: n, dropped: m } }
}
