//! Sound that is no file reads as the file would, to the last bit.

use std::io::{self, Cursor, Read, Seek, SeekFrom};
use std::path::Path;
use std::sync::Arc;

use ndarray::{Array2, Axis, Slice};

use super::{Captures, InMemory, Samples, SoundFile, Source};

/// A file's bytes in memory.
#[derive(Debug)]
struct Bytes(Cursor<Vec<u8>>);

impl Read for Bytes {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        self.0.read(bytes)
    }
}

impl Seek for Bytes {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.0.seek(to)
    }
}

impl Source for Bytes {
    fn again(&self) -> io::Result<Box<dyn Source>> {
        Ok(Box::new(Self(Cursor::new(self.0.get_ref().clone()))))
    }
}

/// Channel after channel, as arrays of other programs lie.
#[derive(Debug)]
struct ByChannel(Array2<i16>);

impl InMemory for ByChannel {
    fn show(&self, look: &mut (dyn FnMut(Samples<'_>) + Send)) {
        look(self.0.t().into());
    }
}

fn sample() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("samples/tunnel/capture.wav")
}

fn block(file: SoundFile) -> Array2<f32> {
    let mut captures = Captures::of(vec![file]).unwrap();
    captures.select(vec![(0, 2), (0, 0), (0, 7)]);
    let mut block = Array2::zeros((5000, 3));
    captures.read(1234, &mut block, 7).unwrap();
    block.slice_axis(Axis(0), Slice::from(7..)).to_owned()
}

#[test]
fn bytes_and_arrays_read_as_the_file_does() {
    let mut file = SoundFile::open(sample()).unwrap();
    let digest = file.digest().unwrap();
    assert_eq!(digest, super::digest(&sample()).unwrap());
    let channels = file.channels();
    let (rate_hz, frames) = (file.sample_rate_hz(), file.frames() as usize);
    let expected = block(file);
    let bytes = std::fs::read(sample()).unwrap();
    let mut read = SoundFile::from_source("sound", Box::new(Bytes(Cursor::new(bytes.clone())))).unwrap();
    assert_eq!(read.digest().unwrap(), digest);
    assert_eq!(block(read.again().unwrap()), expected);
    assert_eq!(block(read), expected);
    let of_samples = &bytes[bytes.len() - 2 * channels * frames..];
    let samples: Vec<i16> = of_samples.as_chunks().0.iter().map(|pair| i16::from_le_bytes(*pair)).collect();
    let samples = Array2::from_shape_vec((frames, channels), samples).unwrap();
    let by_channel = ByChannel(samples.t().as_standard_layout().to_owned());
    let mut own = SoundFile::from_memory("array", rate_hz, Arc::new(samples)).unwrap();
    let mut lent = SoundFile::from_memory("array", rate_hz, Arc::new(by_channel)).unwrap();
    assert_eq!(own.digest().unwrap(), lent.digest().unwrap());
    assert_eq!(own.digest().unwrap(), blake3::hash(of_samples));
    assert_eq!(own.resolution(), SoundFile::open(sample()).unwrap().resolution());
    let integers = |file: &SoundFile, channels: &[(usize, usize)], columns| {
        assert!(file.holds_integers());
        let mut part = vec![0; 500 * columns];
        file.read_integers(1234, channels, &mut part, columns).unwrap();
        part
    };
    let all: Vec<(usize, usize)> = (0..channels).map(|i| (i, i)).collect();
    for (chosen, columns) in [(&all[..], channels), (&[(0, 2), (1, 0), (3, 7)], 4)] {
        let expected = integers(&SoundFile::open(sample()).unwrap(), chosen, columns);
        assert!(expected.iter().any(|x| *x != 0));
        assert_eq!(integers(&own, chosen, columns), expected);
        assert_eq!(integers(&lent, chosen, columns), expected);
    }
    assert_eq!(block(own), expected);
    assert_eq!(block(lent), expected);
}

#[test]
fn what_is_no_sound_is_refused_with_channel_and_time() {
    let mut samples = Array2::<f32>::zeros((9000, 8));
    samples[[2000, 7]] = f32::NAN;
    let file = SoundFile::from_memory("array", 1000, Arc::new(samples)).unwrap();
    let mut captures = Captures::of(vec![file]).unwrap();
    captures.select(vec![(0, 1), (0, 7)]);
    let told = captures.read(0, &mut Array2::zeros((9000, 2)), 0).unwrap_err().to_string();
    assert!(told.contains("array: channel 8: sample at 2.000000 s is not a finite number"), "{told}");
    let nothing = SoundFile::from_memory("array", 1000, Arc::new(Array2::<f32>::zeros((0, 8))));
    assert!(nothing.unwrap_err().to_string().contains("no samples"));
}
