//! Numbers that begin where a cache line does, many of them in large pages.

use std::ops::{Deref, DerefMut};

use memmap2::MmapMut;
use pulp::bytemuck::{Pod, cast_slice, cast_slice_mut};

/// Bytes of a cache line, and of the widest register.
const LINE: usize = 64;

/// From so many bytes on, memory is asked for in pages of its own: two megabytes are given at once, where there would be a fault for each four
/// kilobytes, and two for those that are read before they are written.
const LARGE: usize = 4 << 20;

/// Numbers that begin where a cache line does: a register that lies across two lines costs twice.
#[derive(Debug)]
pub struct Aligned<T>(Room<T>);

#[derive(Debug)]
enum Room<T> {
    Heap { values: Vec<T>, start: usize },
    Pages { bytes: MmapMut },
}

impl<T: Pod + Default> Aligned<T> {
    /// So many zeros.
    pub fn zeros(count: usize) -> Self {
        if let Some(bytes) = pages(count * size_of::<T>()) {
            return Self(Room::Pages { bytes });
        }
        let mut values = vec![T::default(); count + LINE / size_of::<T>()];
        let start = values.as_ptr().align_offset(LINE).min(values.len() - count);
        values.truncate(start + count);
        Self(Room::Heap { values, start })
    }
}

/// Zeros in pages of their own where there are to be many, large ones where the system has such.
fn pages(bytes: usize) -> Option<MmapMut> {
    let map = (bytes >= LARGE).then(|| MmapMut::map_anon(bytes).ok()).flatten()?;
    // Refused, it is memory like any other.
    #[cfg(target_os = "linux")]
    let _ = map.advise(memmap2::Advice::HugePage);
    Some(map)
}

impl<T: Pod + Default> Clone for Aligned<T> {
    fn clone(&self) -> Self {
        let mut other = Self::zeros(self.len());
        other.copy_from_slice(self);
        other
    }
}

impl<T: Pod> Deref for Aligned<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        match &self.0 {
            Room::Heap { values, start } => &values[*start..],
            Room::Pages { bytes } => cast_slice(bytes),
        }
    }
}

impl<T: Pod> DerefMut for Aligned<T> {
    fn deref_mut(&mut self) -> &mut [T] {
        match &mut self.0 {
            Room::Heap { values, start } => &mut values[*start..],
            Room::Pages { bytes } => cast_slice_mut(bytes),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_number_of_zeros_begins_at_a_line_and_holds_what_is_written() {
        for count in [0, 1, 1000, LARGE / 4 - 1, LARGE / 4, LARGE / 4 + 13] {
            let mut numbers = Aligned::<f32>::zeros(count);
            assert_eq!((numbers.len(), numbers.as_ptr().align_offset(LINE)), (count, 0));
            assert!(numbers.iter().all(|x| *x == 0.0));
            numbers.iter_mut().zip(1u16..).for_each(|(x, i)| *x = i.into());
            let copy = numbers.clone();
            assert_eq!((&*copy, copy.as_ptr().align_offset(LINE)), (&*numbers, 0));
        }
    }
}
