//! Printed models have the very text of PyTorch's `print(model)`; dtypes have our names.

use gradus_nn::ops::window::{Padding, PaddingMode};
use gradus_nn::prelude::*;
use tensor::{DType, Tensor};

#[derive(Module)]
struct Everything {
    features: Sequential,
    blocks: ModuleList,
    heads: ModuleDict,
    scales: ParameterList,
    up: ConvTranspose1d,
    empty: Sequential,
    list: ModuleList,
    flat: Flatten,
    unflat: Unflatten,
    volume: Conv3d,
    state: ModuleState,
}

fn everything() -> Everything {
    let mut blocks: ModuleList = ModuleList::new();
    (0..3).for_each(|_| blocks.push(Linear::new(8, 8)));
    blocks.push(ReLU::new());
    let mut heads: ModuleDict = ModuleDict::new();
    heads.insert("a", Linear::builder(8, 2).bias(false).build());
    heads.insert("b", Identity::new());
    let odd = Conv2d::builder(6, 16, (3, 5)).groups(2).bias(false);
    Everything {
        features: sequential![
            Conv2d::builder(1, 6, 5).stride(2).padding(2).build(),
            ReLU::new(),
            odd.padding(Padding::Same).padding_mode(PaddingMode::Circular).build(),
        ],
        blocks,
        heads,
        scales: [&[2, 3][..], &[]].iter().map(|shape| Parameter::new(Tensor::ones(shape, DType::F32))).collect(),
        up: ConvTranspose1d::builder(4, 2, 3).stride(2).padding(1).output_padding(1).dilation(2).groups(2).build(),
        empty: Sequential::new(),
        list: ModuleList::new(),
        flat: Flatten::new(),
        unflat: Unflatten::new(1, [2, 5]),
        volume: Conv3d::builder(1, 1, (1, 2, 3)).dilation((1, 2, 1)).padding(Padding::Valid).build(),
        state: ModuleState::default(),
    }
}

#[test]
fn a_model_prints_as_a_tree() {
    let expected = "\
Everything(
  (features): Sequential(
    (0): Conv2d(1, 6, kernel_size=(5, 5), stride=(2, 2), padding=(2, 2))
    (1): ReLU()
    (2): Conv2d(6, 16, kernel_size=(3, 5), stride=(1, 1), padding=same, groups=2, bias=False, padding_mode=circular)
  )
  (blocks): ModuleList(
    (0-2): 3 x Linear(in_features=8, out_features=8, bias=True)
    (3): ReLU()
  )
  (heads): ModuleDict(
    (a): Linear(in_features=8, out_features=2, bias=False)
    (b): Identity()
  )
  (scales): ParameterList(
      (0): Parameter containing: [f32 of size 2x3]
      (1): Parameter containing: [f32 of size ]
  )
  (up): ConvTranspose1d(4, 2, kernel_size=(3,), stride=(2,), padding=(1,), dilation=(2,), output_padding=(1,), groups=2)
  (empty): Sequential()
  (list): ModuleList()
  (flat): Flatten(start_dim=1, end_dim=-1)
  (unflat): Unflatten(dim=1, unflattened_size=(2, 5))
  (volume): Conv3d(1, 1, kernel_size=(1, 2, 3), stride=(1, 1, 1), padding=valid, dilation=(1, 2, 1))
)";
    assert_eq!(everything().to_string(), expected);
    assert_eq!((&everything() as &dyn Module).to_string(), expected);
}

#[test]
fn nested_lists_collapse() {
    let list: ModuleList<Sequential> = (0..2).map(|_| sequential![Linear::new(2, 2), ReLU::new()]).collect();
    let expected = "\
ModuleList(
  (0-1): 2 x Sequential(
    (0): Linear(in_features=2, out_features=2, bias=True)
    (1): ReLU()
  )
)";
    assert_eq!(list.to_string(), expected);
}
