//! Lesson: one convolution in one, two and three dimensions, and what its options do to shapes.
//!
//! Run: `cargo run --release --example conv_dims`

use gradus::prelude::*;

fn show(what: &str, layer: &impl Forward, shape: &[usize]) {
    let x = Variable::new(Tensor::randn(shape, DType::F32));
    let y = layer.call(&x);
    println!("{what:<34} {:<22} -> {:?}", format!("{:?}", x.shape()), y.shape());
}

fn main() {
    manual_seed(1);
    println!("A window moves along every axis behind [batch, channels].\n");
    show("Conv1d: a heartbeat", &Conv1d::new(1, 8, 5), &[2, 1, 200]);
    show("Conv2d: a photo", &Conv2d::new(3, 8, 5), &[2, 3, 64, 64]);
    show("Conv3d: a scan", &Conv3d::new(1, 8, 3), &[2, 1, 16, 32, 32]);
    show("Conv2d, a single photo", &Conv2d::new(3, 8, 5), &[3, 64, 64]);

    println!("\nOptions, each number for all axes or one per axis:\n");
    let conv = |kernel| Conv2d::builder(4, 8, kernel);
    show("kernel_size 3", &conv(3).build(), &[1, 4, 32, 32]);
    show("stride 2", &conv(3).stride(2).build(), &[1, 4, 32, 32]);
    show("padding 1", &conv(3).padding(1).build(), &[1, 4, 32, 32]);
    show("padding \"same\"", &conv(5).padding(Padding::Same).build(), &[1, 4, 32, 32]);
    show("dilation (1, 4)", &conv(3).dilation((1, 4)).build(), &[1, 4, 32, 32]);
    show("groups 4", &conv(3).groups(4).build(), &[1, 4, 32, 32]);

    println!("\nWeights are [out_channels, in_channels / groups, *kernel_size]:\n");
    for groups in [1, 2, 4] {
        let layer = conv(3).groups(groups).build();
        println!("groups {groups}: {:?}, {} parameters", layer.weight.shape(), layer.parameter_count());
    }

    println!("\nWhat the window sees past the border of 1 2 3 4, padding 2, sum of three:\n");
    for mode in [PaddingMode::Zeros, PaddingMode::Reflect, PaddingMode::Replicate, PaddingMode::Circular] {
        let sum = Conv1d::builder(1, 1, 3).padding(2).padding_mode(mode).bias(false).build();
        sum.weight.set_data(Tensor::ones([1, 1, 3], DType::F32));
        let y = sum.call(&Variable::new(Tensor::from([[[1.0f32, 2.0, 3.0, 4.0]]])));
        println!("{:<10} {:?}", mode.name(), y.to_vec::<f32>());
    }

    println!("\nA transposed convolution goes the other way:\n");
    let up = ConvTranspose2d::builder(8, 4, 3).stride(2).padding(1);
    show("ConvTranspose2d, stride 2", &up.clone().build(), &[1, 8, 16, 16]);
    show("output_padding 1", &up.output_padding(1).build(), &[1, 8, 16, 16]);

    println!("\nA fault says where it is:\n");
    let model = sequential!["stem" => Conv2d::new(3, 8, 3), "body" => Conv2d::new(16, 8, 3)];
    println!("{}", model.summary(&[1, 3, 32, 32]).unwrap_err().message);
}
