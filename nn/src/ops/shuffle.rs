//! Moving values between channels and positions, and between groups of channels.

use autograd::Variable;

/// `[.., c r^2, h, w]` to `[.., c, h r, w r]`: sub-pixel convolution (Shi et al., 2016).
/// PyTorch: `torch.nn.functional.pixel_shuffle`.
///
/// # Panics
/// If there are fewer than 3 axes or `factor`² does not divide the channels.
#[track_caller]
pub fn pixel_shuffle(x: &Variable, factor: usize) -> Variable {
    let square = factor * factor;
    if x.rank() < 3 || square == 0 || !x.size(-3).is_multiple_of(square) {
        tensor::fault!("pixel_shuffle", [input: x.shape()], "the channels are no multiple of {square}");
    }
    let (lead, image) = x.shape().split_at(x.rank() - 3);
    let (n, c, h, w) = (lead.iter().product(), image[0] / square, image[1], image[2]);
    let y = x.reshape([n, c, factor, factor, h, w]).permute([0, 1, 4, 2, 5, 3]);
    y.reshape([lead, &[c, h * factor, w * factor]].concat())
}

/// `[.., c, h r, w r]` to `[.., c r^2, h, w]`, the inverse of [`pixel_shuffle`].
/// PyTorch: `torch.nn.functional.pixel_unshuffle`.
///
/// # Panics
/// If there are fewer than 3 axes or `factor` does not divide both sizes.
#[track_caller]
pub fn pixel_unshuffle(x: &Variable, factor: usize) -> Variable {
    if x.rank() < 3 || factor == 0 || !x.size(-1).is_multiple_of(factor) || !x.size(-2).is_multiple_of(factor) {
        tensor::fault!("pixel_unshuffle", [input: x.shape()], "height and width are no multiples of {factor}");
    }
    let (lead, image) = x.shape().split_at(x.rank() - 3);
    let (n, c, h, w) = (lead.iter().product(), image[0], image[1] / factor, image[2] / factor);
    let y = x.reshape([n, c, h, factor, w, factor]).permute([0, 1, 3, 5, 2, 4]);
    y.reshape([lead, &[c * factor * factor, h, w]].concat())
}

/// The channels (axis 1) of `groups` groups, taken in turn (Zhang et al., 2018).
/// PyTorch: `torch.nn.functional.channel_shuffle`.
///
/// # Panics
/// If there are fewer than 3 axes or `groups` does not divide the channels.
#[track_caller]
pub fn channel_shuffle(x: &Variable, groups: usize) -> Variable {
    if x.rank() < 3 || groups == 0 || !x.shape()[1].is_multiple_of(groups) {
        tensor::fault!("channel_shuffle", [input: x.shape()], "the channels do not form {groups} groups");
    }
    let [n, c] = [x.shape()[0], x.shape()[1]];
    let inner: usize = x.shape()[2..].iter().product();
    x.reshape([n, groups, c / groups, inner]).transpose(1, 2).reshape(x.shape())
}
