//! What a data set looks like as a whole: counts per class, and mean and deviation per channel for normalisation.

use super::ImageDataset;
use crate::error::{Result, VisionError};

/// The number of samples of every class.
///
/// # Errors
/// If a class cannot be read.
pub fn class_counts(dataset: &dyn ImageDataset) -> Result<Vec<usize>> {
    let mut counts = vec![0; dataset.classes().len()];
    for index in 0..dataset.len() {
        counts[dataset.class(index)?] += 1;
    }
    Ok(counts)
}

/// Weights that make every class count the same: `n / (classes * count)`, 0 for a class without samples.
///
/// ```
/// use gradus_vision::datasets::{Shapes, class_weights};
/// assert_eq!(class_weights(&Shapes::new(12, 8, 0))?, [1.0; 6]);
/// # Ok::<(), gradus_vision::VisionError>(())
/// ```
///
/// # Errors
/// If a class cannot be read.
pub fn class_weights(dataset: &dyn ImageDataset) -> Result<Vec<f64>> {
    let counts = class_counts(dataset)?;
    let share = dataset.len() as f64 / counts.len() as f64;
    Ok(counts.iter().map(|&count| if count == 0 { 0.0 } else { share / count as f64 }).collect())
}

/// Mean and standard deviation of every channel over all pixels, of values in 0..1: what
/// [`Normalize`](crate::transform::Normalize) takes.
///
/// # Errors
/// If a picture cannot be read, or the number of channels changes.
pub fn mean_std(dataset: &dyn ImageDataset) -> Result<(Vec<f64>, Vec<f64>)> {
    mean_std_with(dataset, |_, _| {})
}

/// [`mean_std`], calling `progress(done, all)` now and then.
///
/// # Errors
/// As [`mean_std`].
pub fn mean_std_with(
    dataset: &dyn ImageDataset,
    mut progress: impl FnMut(usize, usize),
) -> Result<(Vec<f64>, Vec<f64>)> {
    /// Pictures in memory at a time.
    const STEP: usize = 256;
    // Sums of bytes are whole numbers: exact, whatever the order.
    let mut sums: Vec<[u128; 2]> = Vec::new();
    let mut pixels = 0u128;
    for start in (0..dataset.len()).step_by(STEP) {
        let count = STEP.min(dataset.len() - start);
        let parts = tensor::parallel::map(count, |i| dataset.image(start + i).map(|(image, _)| channel_sums(&image)));
        for (i, part) in parts.into_iter().enumerate() {
            let (size, part) = part?;
            if sums.is_empty() {
                sums = vec![[0; 2]; part.len()];
            }
            if part.len() != sums.len() {
                let (expected, found) = (format!("{} channels", sums.len()), part.len().to_string());
                return Err(VisionError::malformed(
                    "data set".as_ref(),
                    format!("sample {}", start + i),
                    expected,
                    found,
                ));
            }
            pixels += size;
            for (total, part) in sums.iter_mut().zip(part) {
                total[0] += u128::from(part[0]);
                total[1] += u128::from(part[1]);
            }
        }
        progress(start + count, dataset.len());
    }
    let n = pixels.max(1) as f64;
    let mean: Vec<f64> = sums.iter().map(|s| s[0] as f64 / n / 255.0).collect();
    let of = |s: &[u128; 2]| {
        // n * sum of squares - square of sum, in whole numbers: nothing cancels.
        let spread = pixels * s[1] - s[0] * s[0];
        (spread as f64).sqrt() / n / 255.0
    };
    Ok((mean, sums.iter().map(of).collect()))
}

fn channel_sums(image: &crate::Image) -> (u128, Vec<[u64; 2]>) {
    let pixels = image.pixels();
    let sums = (0..pixels.shape()[0])
        .map(|c| {
            let plane = pixels.select(0, c as isize);
            plane.view_as::<u8>().iter().fold([0, 0], |[s, q], v| [s + u64::from(v), q + u64::from(v) * u64::from(v)])
        })
        .collect();
    ((image.height() * image.width()) as u128, sums)
}
