//! Every format beside hound, beside itself in another container, and cut.

use std::fs::File;
use std::path::{Path, PathBuf};

use hound::{SampleFormat, WavSpec, WavWriter};
use ndarray::Array2;

use super::sound_file::SoundFile;
use crate::error::Error;

fn written(
    bits: u16,
    format: SampleFormat,
    write: impl Fn(&mut WavWriter<std::io::BufWriter<File>>),
) -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("x.wav");
    let spec = WavSpec { channels: 2, sample_rate: 192_000, bits_per_sample: bits, sample_format: format };
    let mut writer = WavWriter::create(&path, spec).unwrap();
    write(&mut writer);
    writer.finalize().unwrap();
    (dir, path)
}

fn all(path: &Path) -> Array2<f32> {
    let file = SoundFile::open(path).unwrap();
    let mut block = Array2::zeros((file.frames() as usize, 2));
    file.read(0, &[(0, 0), (1, 1)], block.as_slice_mut().unwrap(), 2).unwrap();
    let mut turned = Array2::zeros((file.frames() as usize, 2));
    file.read(0, &[(0, 1), (1, 0)], turned.as_slice_mut().unwrap(), 2).unwrap();
    assert!(block.rows().into_iter().zip(turned.rows()).all(|(a, b)| a[0] == b[1] && a[1] == b[0]));
    if file.holds_integers() {
        let mut integers = vec![0; block.len()];
        for (channels, decoded) in [([(0, 0), (1, 1)], &block), ([(0, 1), (1, 0)], &turned)] {
            file.read_integers(0, &channels, &mut integers, 2).unwrap();
            assert!(integers.iter().zip(decoded).all(|(x, y)| f32::from(*x) / 32_768.0 == *y));
        }
    }
    block
}

#[test]
fn every_integer_width_decodes_to_full_scale_one() {
    for bits in [8u16, 16, 24, 32] {
        let top = (1i64 << (bits - 1)) as f64;
        let values: Vec<i32> = vec![0, 1, -1, (top as i64 - 1) as i32, (-top) as i64 as i32, (top / 2.0) as i32];
        let (_dir, path) = written(bits, SampleFormat::Int, |w| {
            for &v in &values {
                w.write_sample(v).unwrap();
            }
        });
        let block = all(&path);
        for (i, &v) in values.iter().enumerate() {
            assert_eq!(block[[i / 2, i % 2]], (f64::from(v) / top) as f32, "{bits} bits, value {v}");
        }
    }
}

#[test]
fn floats_come_through_and_nan_is_refused_with_channel_and_time() {
    let (_dir, path) = written(32, SampleFormat::Float, |w| {
        for v in [0.5f32, -0.25, f32::NAN, 1.0] {
            w.write_sample(v).unwrap();
        }
    });
    let file = SoundFile::open(&path).unwrap();
    let mut block = Array2::zeros((1, 1));
    let block = block.as_slice_mut().unwrap();
    file.read(0, &[(0, 0)], block, 1).unwrap();
    assert_eq!(block[0], 0.5);
    let error = file.read(1, &[(0, 0)], block, 1).unwrap_err().to_string();
    assert!(error.contains("channel 1: sample at 0.000005 s is not a finite number"), "{error}");
}

#[test]
fn a_float_that_no_sound_can_be_is_refused_with_its_value() {
    let (_dir, path) = written(32, SampleFormat::Float, |w| {
        for v in [2.0f32.powi(31), -3e38] {
            w.write_sample(v).unwrap();
        }
    });
    let file = SoundFile::open(&path).unwrap();
    let mut block = [0.0];
    file.read(0, &[(0, 0)], &mut block, 1).unwrap();
    let error = file.read(0, &[(0, 1)], &mut block, 1).unwrap_err().to_string();
    assert!(error.contains("channel 2: sample at 0.000000 s is -3e38, where full scale is 1"), "{error}");
}

#[test]
fn a_cut_file_gives_what_is_there_and_says_so() {
    let (_dir, path) = written(16, SampleFormat::Int, |w| (0..2000).for_each(|i| w.write_sample(i as i16).unwrap()));
    let file = File::options().write(true).open(&path).unwrap();
    file.set_len(44 + 401).unwrap();
    let file = SoundFile::open(&path).unwrap();
    assert_eq!(file.frames(), 100);
    assert!(file.warnings()[0].contains("ends after 0.001 s"), "{:?}", file.warnings());
}

#[test]
fn nonsense_is_refused_by_name() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("notes.wav");
    std::fs::write(&path, b"not a wav file at all, only words").unwrap();
    let error = SoundFile::open(&path).unwrap_err();
    assert!(matches!(error, Error::Broken { .. }), "{error}");
    std::fs::write(&path, b"RIFF").unwrap();
    assert!(matches!(SoundFile::open(&path).unwrap_err(), Error::Broken { .. }));
    assert_eq!(SoundFile::open(dir.path().join("absent.wav")).unwrap_err().exit_code(), 1);
}
