//! Transposed convolution makes a photo larger: the classic bilinear kernel, and what stride and padding do to sizes.

use gradus::prelude::*;
use gradus::vision::Image;
use gradus::vision::draw::side_by_side;

/// A kernel of size 4 whose taps fall off linearly from the middle: with stride 2 it doubles a picture smoothly.
fn bilinear(channels: usize) -> Tensor {
    let tap = Tensor::from([0.25f32, 0.75, 0.75, 0.25]);
    let kernel = &tap.reshape([4, 1]) * &tap.reshape([1, 4]);
    kernel.expand([channels, 1, 4, 4]).contiguous()
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let photo = Image::open(concat!(env!("CARGO_MANIFEST_DIR"), "/examples/data/photos/astronaut.png"))?;
    // A corner of 96x96 pixels, each channel by itself (groups), so that colours stay apart.
    let face = photo.to_tensor().narrow(1, 60, 96).narrow(2, 180, 96);
    let x = Variable::new(face.unsqueeze(0));

    let up = ConvTranspose2d::builder(3, 3, 4).stride(2).padding(1).groups(3).bias(false).build();
    up.weight.set_data(bilinear(3));
    let twice = no_grad(|| up.call(&x));
    let four_times = no_grad(|| up.call(&twice));
    println!("x                                   {:?}", x.shape());
    println!("stride 2, padding 1, kernel 4       {:?}", twice.shape());
    println!("once more                           {:?}", four_times.shape());

    // (size - 1) stride - 2 padding + dilation (kernel - 1) + output_padding + 1
    for (stride, padding, output_padding) in [(1, 0, 0), (2, 0, 0), (2, 1, 1), (3, 0, 2)] {
        let layer = ConvTranspose2d::builder(3, 3, 4).stride(stride).padding(padding).output_padding(output_padding);
        let y = no_grad(|| layer.build().call(&x));
        println!("stride {stride}, padding {padding}, output_padding {output_padding} {:>9} {:?}", "", y.shape());
    }

    std::fs::create_dir_all("out")?;
    let show = |y: &Variable| y.data().squeeze(0);
    let canvas = side_by_side(&[("x", &show(&x)), ("ConvTranspose2d", &show(&twice)), ("twice", &show(&four_times))]);
    canvas.save("out/conv_transpose.png")?;
    println!("wrote out/conv_transpose.png");
    Ok(())
}
