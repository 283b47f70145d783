//! Reading and writing at positions that tensors name.

use gradus::autograd::Variable;
use gradus::tensor::Tensor;

use super::{Call, one, plain};

pub(crate) fn call(call: &Call<'_>) -> Option<Vec<Variable>> {
    let x = call.x();
    let args = &call.args;
    let index = || call.input("index").map(Variable::data);
    let y = match call.op {
        "gather" => x.gather(args.int("dim")?, &index()?),
        "index_select" => x.index_select(args.int("dim")?, &index()?),
        "scatter" => match call.input("src") {
            Some(source) => x.scatter(args.int("dim")?, &index()?, source),
            None => {
                let index = index()?;
                let value = Tensor::full(index.shape(), args.float("value")?, x.dtype());
                x.scatter(args.int("dim")?, &index, &Variable::new(value))
            }
        },
        "scatter_add" => x.scatter_add(args.int("dim")?, &index()?, call.input("src")?),
        "index_add" => {
            let source = call.input("source")? * args.float_or("alpha", 1.0);
            x.index_add(args.int("dim")?, &index()?, &source)
        }
        "masked_fill" => x.masked_fill(&call.input("mask")?.data(), args.float("value")?),
        "masked_select" => x.masked_select(&call.input("mask")?.data()),
        "one_hot" => {
            let labels = x.data();
            let classes = match args.int_or("num_classes", -1) {
                -1 => labels.max_all().map_or(0, |top| top as usize + 1),
                classes => classes as usize,
            };
            return plain(labels.one_hot(classes));
        }
        _ => return None,
    };
    one(y)
}
