//! A bilinear form per output.

use autograd::Variable;

/// `y[.., o] = a W[o] b + bias[o]`, `W` being `[out, in1, in2]`. PyTorch: `torch.nn.functional.bilinear`.
///
/// # Panics
/// If the last axes do not fit the weight or the others differ.
#[track_caller]
pub fn bilinear(a: &Variable, b: &Variable, weight: &Variable, bias: Option<&Variable>) -> Variable {
    let fits = weight.rank() == 3
        && a.rank() > 0
        && a.rank() == b.rank()
        && a.shape()[..a.rank() - 1] == b.shape()[..b.rank() - 1]
        && (a.size(-1), b.size(-1)) == (weight.shape()[1], weight.shape()[2]);
    if !fits {
        tensor::fault!("bilinear", [a: a.shape(), b: b.shape(), weight: weight.shape()], "shapes do not fit");
    }
    let &[out, in1, in2] = weight.shape() else { unreachable!("checked above") };
    let lead = &a.shape()[..a.rank() - 1];
    let rows: usize = lead.iter().product();
    // [rows, in1] [in1, out in2] gives, per row and output, the form with one place left open.
    let half = a.reshape([rows, in1]).matmul(&weight.permute([1, 0, 2]).reshape([in1, out * in2]));
    let y = (half.reshape([rows, out, in2]) * b.reshape([rows, 1, in2])).sum(&[-1], false);
    let y = y.reshape([lead, &[out]].concat());
    match bias {
        Some(bias) => y + bias,
        None => y,
    }
}
