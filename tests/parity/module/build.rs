//! From the name of a class of `torch.nn` and its constructor's arguments to a layer.

use serde_json::Value;

use super::super::arguments::Arguments;
use super::super::{Outcome, Tensors};
use super::{Layer, plain, window};

/// The layer of a class; an argument that is not understood makes it unsupported.
pub(crate) fn build(op: &str, value: &Value, tensors: &Tensors) -> Result<Layer, Outcome> {
    let args = Arguments::new(value, tensors);
    // Where the result is stored changes no result.
    args.flag("inplace", false);
    let layer = dimensional(op, &args, value)
        .or_else(|| plain::layer(op, &args))
        .or_else(|| plain::activation(op, &args))
        .ok_or_else(|| Outcome::unsupported(op))?;
    args.finish()?;
    Ok(layer)
}

/// Layers that there are for one, two and three dimensions.
fn dimensional(op: &str, args: &Arguments<'_>, value: &Value) -> Option<Layer> {
    let (family, dimensions) = op.strip_suffix('d')?.split_at_checked(op.len() - 2)?;
    match dimensions {
        "1" => family_of::<1>(family, args, value),
        "2" => family_of::<2>(family, args, value),
        "3" => family_of::<3>(family, args, value),
        _ => None,
    }
}

fn family_of<const N: usize>(family: &str, args: &Arguments<'_>, value: &Value) -> Option<Layer> {
    window::convolution::<N>(family, args)
        .or_else(|| window::pooling::<N>(family, args))
        .or_else(|| window::padding::<N>(family, args))
        .or_else(|| window::normalisation::<N>(family, args, value))
}
