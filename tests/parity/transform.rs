//! Cases of kind `transform`: functions of torchvision.

mod call;

use gradus::vision::draw::{GridOptions, make_grid};

use super::arguments::Arguments;
use super::{Case, Outcome, Tensors, compare};

/// The largest deviation in units of the tolerance.
pub(crate) fn run(case: &Case, tensors: &Tensors) -> Result<f64, Outcome> {
    let inputs: Vec<_> = case.keys("inputs").into_iter().flatten().map(|key| tensors.of(&key)).collect();
    let found = if case.op == "make_grid" {
        let args = Arguments::new(case.args(), tensors);
        let defaults = GridOptions::default();
        let range = args.floats("value_range");
        let options = GridOptions {
            nrow: args.size_or("nrow", defaults.nrow),
            padding: args.size_or("padding", defaults.padding),
            normalize: args.flag("normalize", false),
            value_range: range.map(|range| (range[0], range[1])),
            scale_each: args.flag("scale_each", false),
            pad_value: args.float_or("pad_value", 0.0),
        };
        args.finish()?;
        vec![make_grid(&inputs[0], &options)]
    } else {
        let form = case.raw["form"].as_str().unwrap_or_default();
        call::run(&case.op, form, case.args(), &inputs[0], &|key| tensors.of(key)).map_err(Outcome::Unsupported)?
    };
    let expected = case.keys("outputs");
    if found.len() != expected.len() {
        return Err(Outcome::failed(format!("{} outputs, expected {}", found.len(), expected.len())));
    }
    let mut worst = 0.0f64;
    for (i, (got, key)) in found.iter().zip(expected.iter().flatten()).enumerate() {
        worst = worst.max(compare::close(case, &format!("output {i}"), got, &tensors.of(key))?);
    }
    Ok(worst)
}
