//! What programs import as a whole: `use gradus::prelude::*`.

pub use nn::prelude::*;
pub use tensor::{DType, Generator, Tensor, manual_seed, with_seed};
