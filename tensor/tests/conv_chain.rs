//! Chains of convolutions against the same convolutions one after the other, by every method that may come last.

use gradus_tensor::kernels::conv::{ConvAlgorithm, ConvGeometry, Epilogue, Link, conv, conv_chain};
use gradus_tensor::kernels::norm::Activation;
use gradus_tensor::{DType, Tensor, parallel, with_seed};

const BATCH: usize = 13;

/// From `c` to `k` channels by filters of `size`x`size` that keep the size of `side`x`side` pixels.
fn link([c, k, size, side]: [usize; 4], algorithm: ConvAlgorithm, addend: bool) -> Link {
    let groups = if c == k && k == 20 { k } else { 1 };
    let padding = [size / 2, size / 2].into_iter().collect();
    Link {
        w: Tensor::randn([k, c / groups, size, size], DType::F32),
        bias: Some(Tensor::randn([k], DType::F32)),
        addend: addend.then(|| Tensor::randn([BATCH, k, side, side], DType::F32)),
        activation: Activation::Relu,
        geometry: ConvGeometry { padding, groups, algorithm, ..ConvGeometry::unit(2) },
    }
}

#[test]
fn chains_have_the_bits_of_their_links() {
    with_seed(5, || {
        let side = 64;
        let auto = ConvAlgorithm::Auto;
        // Images of 24 channels are large enough to be cut into several parts.
        let before = [link([16, 24, 3, side], auto, true), link([24, 20, 1, side], auto, false)];
        let lasts = [
            ("winograd", link([20, 16, 3, side], auto, true)),
            ("direct", link([20, 32, 1, side], auto, true)),
            ("depthwise", link([20, 20, 3, side], auto, true)),
            ("planar", link([20, 2, 5, side], auto, false)),
            ("planar, and an addend", link([20, 2, 5, side], auto, true)),
            ("general", link([20, 3, 1, side], ConvAlgorithm::General, false)),
            ("general, and an addend", link([20, 3, 1, side], ConvAlgorithm::General, true)),
        ];
        let x = Tensor::randn([BATCH, 16, side, side], DType::F32);
        for (name, last) in lasts {
            let links = [&before[..], &[last]].concat();
            let one_by_one = links.iter().fold(x.clone(), |x, link| {
                let epilogue =
                    Epilogue { bias: link.bias.as_ref(), addend: link.addend.as_ref(), activation: link.activation };
                conv(&x, &link.w, &link.geometry, epilogue)
            });
            for threads in 1..=3 {
                parallel::set_num_threads(threads);
                let together = conv_chain(&x, &links);
                assert_eq!(together.shape(), one_by_one.shape(), "{name}");
                assert_eq!(together.to_vec::<f32>(), one_by_one.to_vec::<f32>(), "{name}, {threads} threads");
            }
        }
    });
}

#[test]
fn chains_say_what_does_not_fit() {
    with_seed(6, || {
        let auto = ConvAlgorithm::Auto;
        let x = Tensor::randn([BATCH, 16, 64, 64], DType::F32);
        let first = link([16, 24, 3, 64], auto, false);
        let large = Link { geometry: ConvGeometry::unit(2), ..link([24, 8, 65, 64], auto, false) };
        let message = message_of(|| conv_chain(&x, &[first.clone(), large]));
        assert!(message.starts_with("conv: ") && message.contains("65"), "{message}");

        let mut short = link([24, 8, 3, 64], auto, true);
        short.addend = short.addend.map(|addend| addend.narrow(0, 0, BATCH - 1));
        let message = message_of(|| conv_chain(&x, &[first, short]));
        assert!(message.starts_with("conv: ") && message.contains("[12, 8, 64, 64]"), "{message}");
    });
}

fn message_of(f: impl FnOnce() -> Tensor) -> String {
    let payload = std::panic::catch_unwind(std::panic::AssertUnwindSafe(f)).expect_err("nothing was said");
    payload.downcast_ref::<String>().cloned().unwrap_or_else(|| payload.downcast_ref::<&str>().unwrap().to_string())
}
