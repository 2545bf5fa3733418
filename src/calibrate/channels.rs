//! Polarity and gain of each channel: what takes agree on.

use std::collections::BTreeSet;

use nalgebra::DMatrix;

use super::model::Block;

/// How far each sensor's polarity is that of the others of its clock group, −1 to 1, as all takes tell it together: the signs
/// under which sensors agree best, most of a group positive.
pub fn polarity(blocks: &[Block], groups: &[usize]) -> Vec<f64> {
    let count = groups.len();
    let mut agreement = DMatrix::<f64>::zeros(count, count);
    let mut takes = DMatrix::<f64>::zeros(count, count);
    for block in blocks {
        for (i, &m) in block.members.iter().enumerate() {
            for (j, &n) in block.members.iter().enumerate().filter(|(j, n)| *j != i && groups[**n] == groups[m]) {
                agreement[(m, n)] += block.agreement[(i, j)];
                takes[(m, n)] += 1.0;
            }
        }
    }
    let mut sign = vec![1.0; count];
    let others = |sign: &[f64], m: usize| -> f64 { (0..count).map(|n| sign[n] * agreement[(m, n)]).sum() };
    for group in groups.iter().copied().collect::<BTreeSet<_>>() {
        let members: Vec<usize> = (0..count).filter(|&m| groups[m] == group).collect();
        let eigen = agreement.select_rows(&members).select_columns(&members).symmetric_eigen();
        let top = eigen.eigenvalues.imax();
        members.iter().zip(&eigen.eigenvectors.column(top)).for_each(|(&m, x)| sign[m] = f64::copysign(1.0, *x));
        // The leading pattern first, then any sensor that its partners overrule: each turn raises the agreement.
        while let Some(&m) = members.iter().find(|&&m| sign[m] * others(&sign, m) < -1e-9) {
            sign[m] = -sign[m];
        }
        if members.iter().map(|&m| sign[m]).sum::<f64>() < 0.0 {
            members.iter().for_each(|&m| sign[m] = -sign[m]);
        }
    }
    (0..count).map(|m| others(&sign, m) / takes.row(m).sum().max(1.0)).collect()
}

/// Gain of each sensor and one standard deviation of it, decibels: what takes agree on, the mean over a clock group apart.
pub fn gains(blocks: &[Block], groups: &[usize]) -> Vec<(f64, f64)> {
    let of_take = |block: &Block| -> Vec<(usize, f64)> {
        let centred = centred(&block.gain_db, &block.members.iter().map(|&m| groups[m]).collect::<Vec<_>>());
        block.members.iter().copied().zip(centred).collect()
    };
    let all: Vec<(usize, f64)> = blocks.iter().flat_map(of_take).collect();
    let of_sensor = |m: usize| {
        let values: Vec<f64> = all.iter().filter(|(sensor, _)| *sensor == m).map(|(_, db)| *db).collect();
        let count = values.len() as f64;
        let mean = values.iter().sum::<f64>() / count.max(1.0);
        let variance = values.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / (count - 1.0).max(1.0);
        // One take says nothing of scatter: rooms differ by 3 dB from place to place.
        let sigma = if values.len() > 1 { (variance / count).sqrt() } else { 3.0 };
        (mean, sigma)
    };
    let found: Vec<(f64, f64)> = (0..groups.len()).map(of_sensor).collect();
    let means = centred(&found.iter().map(|g| g.0).collect::<Vec<_>>(), groups);
    means.into_iter().zip(found).map(|(mean, (_, sigma))| (mean, sigma)).collect()
}

/// Values less the mean of their group.
pub fn centred(values: &[f64], groups: &[usize]) -> Vec<f64> {
    let mean = |group: usize| {
        let of_group = values.iter().zip(groups).filter(|(_, g)| **g == group);
        let (sum, count) = of_group.fold((0.0, 0.0), |(s, c), (x, _)| (s + x, c + 1.0));
        sum / count
    };
    values.iter().zip(groups).map(|(x, g)| x - mean(*g)).collect()
}
