//! How far a unit of a layer sees: by the sizes of the windows on the way, and by the gradients that really arrive.

use autograd::{Variable, grad_with};
use nn::module::Forward;
use tensor::{DType, Generator, Tensor};

use super::attribution::overlay_with;
use super::inside::{Evaluating, run_to};
use super::{Canvas, Color, Colormap};

/// A window on the way from the photo to a unit, the same along both axes: a convolution or a pooling.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stage {
    /// Taps of the window.
    pub kernel: usize,
    /// Steps from one window to the next.
    pub stride: usize,
    /// What is added at the border.
    pub padding: usize,
    /// Steps from one tap to the next.
    pub dilation: usize,
}

impl Stage {
    /// Windows of `kernel` taps, `stride` apart.
    pub fn new(kernel: usize, stride: usize, padding: usize) -> Stage {
        Stage { kernel, stride, padding, dilation: 1 }
    }
}

/// The first pixel that unit `at` behind these stages sees along one axis (negative in the padding), and how many it
/// sees: `size = 1 + sum_l dilation_l (kernel_l - 1) jump_l` and `start = at jump_L - sum_l padding_l jump_l`, where `jump_l`
/// is the product of the strides before stage `l` (Araujo et al., 2019).
///
/// ```
/// use gradus_vision::draw::{Stage, receptive_span};
/// // Three 3x3 convolutions, the second with stride 2.
/// let stages = [Stage::new(3, 1, 1), Stage::new(3, 2, 1), Stage::new(3, 1, 1)];
/// assert_eq!(receptive_span(&stages, 5), (6, 9));
/// ```
pub fn receptive_span(stages: &[Stage], at: usize) -> (isize, usize) {
    let (mut jump, mut size, mut before) = (1, 1, 0);
    for stage in stages {
        size += stage.dilation * (stage.kernel - 1) * jump;
        before += stage.padding * jump;
        jump *= stage.stride;
    }
    ((at * jump) as isize - before as isize, size)
}

/// What one unit of a layer sees of a picture.
#[derive(Clone, Debug)]
pub struct ReceptiveField {
    /// The first row it sees.
    pub top: usize,
    /// The first column it sees.
    pub left: usize,
    /// Rows that it sees.
    pub height: usize,
    /// Columns that it sees.
    pub width: usize,
    /// How much each pixel counts, `f32 [H, W]`: the mean absolute gradient.
    pub strength: Tensor,
}

/// What the unit at `at` (row, column; the middle if `None`) of the module `name` sees of an input of `shape`
/// `[channels, height, width]`: where its gradients are not 0, over several random inputs, in evaluation mode.
///
/// ```
/// use gradus_vision::draw::receptive_field;
/// use nn::prelude::*;
/// let model = sequential![Conv2d::new(1, 8, 3), MaxPool2d::new(2), Conv2d::new(8, 8, 3)];
/// let field = receptive_field(&model, "2", [1, 32, 32], Some([4, 5]));
/// assert_eq!((field.top, field.left, field.height, field.width), (8, 10, 8, 8));
/// ```
///
/// # Panics
/// If there is no such module, or its output is not `[1, channels, height, width]` with such a unit.
#[track_caller]
pub fn receptive_field(model: &dyn Forward, name: &str, shape: [usize; 3], at: Option<[usize; 2]>) -> ReceptiveField {
    /// So many that every pixel under a max pooling is the largest once, and few units are dead under all.
    const INPUTS: u64 = 24;
    let _mode = Evaluating::new(model);
    let [channels, rows, columns] = shape;
    let dtype = model.parameters().first().map_or(DType::F32, |parameter| parameter.dtype());
    let mut total = vec![0.0f32; rows * columns];
    for seed in 0..INPUTS {
        let mut g = Generator::keyed([seed, 0, 0, 2]);
        let x = Variable::leaf(g.randn([1, channels, rows, columns], dtype));
        let (y, _) = run_to("receptive_field", model, name, &x, false);
        let &[1, outputs, height, width] = y.shape() else {
            tensor::fault!("receptive_field", [output: y.shape()],
                "the output of \"{name}\" is not [1, channels, height, width]")
        };
        let [row, column] = at.unwrap_or([height / 2, width / 2]);
        if row >= height || column >= width {
            tensor::fault!("receptive_field", [output: y.shape()], "no unit at row {row}, column {column}");
        }
        let unit = y.narrow(2, row, 1).narrow(3, column, 1);
        // Weights of both signs, so that the channels do not cancel.
        let weights = Variable::new(g.randn([1, outputs, 1, 1], dtype));
        let slope = grad_with(&[&unit], &[&weights], &[&x], Default::default()).remove(0);
        let Some(slope) = slope else { continue };
        let slope = slope.data().abs().sum(&[0, 1], false).to_dtype(DType::F32).to_vec::<f32>();
        total.iter_mut().zip(slope).for_each(|(total, slope)| *total += slope / INPUTS as f32);
    }
    let seen = |line: &mut dyn Iterator<Item = usize>, length: usize| {
        let (first, last) = line.fold((length, 0), |(first, last), i| (first.min(i), last.max(i + 1)));
        (first.min(last), last.saturating_sub(first))
    };
    let places = || (0..rows * columns).filter(|&i| total[i] != 0.0);
    let (top, height) = seen(&mut places().map(|i| i / columns), rows);
    let (left, width) = seen(&mut places().map(|i| i % columns), columns);
    let strength = Tensor::from_slice(&total, [rows, columns]);
    ReceptiveField { top, left, height, width, strength }
}

impl ReceptiveField {
    /// The field framed on a picture `[1 or 3, H, W]`, with its strength in colours.
    ///
    /// # Panics
    /// If the picture has another size.
    #[track_caller]
    pub fn draw(&self, picture: &Tensor) -> Canvas {
        const FRAME: Color = [240, 228, 66];
        if picture.rank() != 3 || picture.shape()[1..] != *self.strength.shape() {
            tensor::fault!("receptive_field", [picture: picture.shape(), field: self.strength.shape()],
                "the picture has another size");
        }
        // The square root shows the border of a field, which is faint.
        let strength = self.strength.map(|v: f32| v.sqrt());
        let mut canvas = Canvas::from_tensor(&overlay_with(picture, &strength, Colormap::Viridis, 0.7));
        let thickness = (self.strength.shape()[0].min(self.strength.shape()[1]) / 150).max(1);
        canvas.frame((self.top as isize, self.left as isize), (self.height, self.width), thickness, FRAME);
        canvas
    }
}
