//! Which classes a network takes for which.

use tensor::Tensor;

use super::{BLACK, Canvas, Colormap, WHITE};

/// How often each true class (row) was given each predicted class (column).
///
/// ```
/// use gradus_vision::draw::confusion_counts;
/// use tensor::Tensor;
/// let counts = confusion_counts(&Tensor::from([0i64, 1, 1]), &Tensor::from([0i64, 0, 1]), 2);
/// assert_eq!(counts.to_vec::<i64>(), [1, 0, 1, 1]);
/// ```
///
/// # Panics
/// If the labels are not two `i64` tensors of one length, or a label is not below `classes`.
#[track_caller]
pub fn confusion_counts(truth: &Tensor, predicted: &Tensor, classes: usize) -> Tensor {
    if truth.len() != predicted.len() {
        tensor::fault!("confusion_counts", [truth: truth.shape(), predicted: predicted.shape()], "lengths differ");
    }
    let mut counts = vec![0i64; classes * classes];
    for (&t, &p) in truth.to_vec::<i64>().iter().zip(&predicted.to_vec::<i64>()) {
        if t < 0 || p < 0 || t as usize >= classes || p as usize >= classes {
            tensor::fault!("confusion_counts", [truth: truth.shape()], "label {t} or {p} is not below {classes}");
        }
        counts[t as usize * classes + p as usize] += 1;
    }
    Tensor::from_vec(counts, [classes, classes])
}

/// A picture of [`confusion_counts`]: shares of each row in colour, counts in numbers.
///
/// # Panics
/// If the counts are no square matrix of as many classes as names.
#[track_caller]
pub fn confusion_matrix(counts: &Tensor, names: &[impl AsRef<str>]) -> Canvas {
    const CELL: usize = 44;
    const TEXT: f32 = 15.0;
    let names: Vec<&str> = names.iter().map(AsRef::as_ref).collect();
    let classes = names.len();
    if counts.shape() != [classes, classes] {
        tensor::fault!("confusion_matrix", [counts: counts.shape()], "expected [{classes}, {classes}] for {classes} names");
    }
    let values = counts.to_vec::<i64>();
    let label = names.iter().map(|name| Canvas::text_width(name, TEXT)).max().unwrap_or(0) + 12;
    // Every column is as wide as the widest name above it.
    let wide = label.max(CELL);
    let (top, left) = (52, label + 24);
    let mut canvas = Canvas::new(top + classes * CELL + 16, left + classes * wide + 16, WHITE);
    canvas.text("predicted", (6, (left + classes * wide / 2) as isize - 32), 17.0, BLACK);
    canvas.text("true", (6, 8), 17.0, BLACK);
    for (row, line) in values.chunks(classes).enumerate() {
        let total = line.iter().sum::<i64>().max(1) as f64;
        let y = (top + row * CELL) as isize;
        canvas.text(names[row], (y + 14, 12), TEXT, BLACK);
        let x = (left + row * wide) as isize;
        let shift = (wide as isize - Canvas::text_width(names[row], TEXT) as isize) / 2;
        canvas.text(names[row], (top as isize - 20, x + shift), TEXT, BLACK);
        for (column, &count) in line.iter().enumerate() {
            let share = count as f64 / total;
            let x = (left + column * wide) as isize;
            // The square root shows rare mistakes that a linear scale would hide.
            canvas.fill((y, x), (CELL - 1, wide - 1), Colormap::Viridis.color(share.sqrt()));
            if count > 0 {
                let text = count.to_string();
                let ink = if share.sqrt() > 0.6 { BLACK } else { WHITE };
                let shift = (wide as isize - Canvas::text_width(&text, TEXT) as isize) / 2;
                canvas.text(&text, (y + 14, x + shift), TEXT, ink);
            }
        }
    }
    canvas
}
