//! Shapes, parts and order.

use gradus::autograd::{Variable, ops};

use super::{Call, one, plain};

fn sizes(values: &[isize]) -> Vec<usize> {
    values.iter().map(|&value| value as usize).collect()
}

pub(crate) fn call(call: &Call<'_>) -> Option<Vec<Variable>> {
    let x = call.x();
    let args = &call.args;
    let dim = |default: isize| args.int_or("dim", default);
    let y = match call.op {
        "reshape" => {
            let mut target = args.ints("shape")?;
            if let Some(at) = target.iter().position(|&size| size < 0) {
                let known: isize = target.iter().filter(|&&size| size >= 0).product();
                target[at] = if known == 0 { 0 } else { x.len() as isize / known };
            }
            x.reshape(sizes(&target))
        }
        "permute" => x.permute(args.ints("dims")?),
        "transpose" => x.transpose(args.int("dim0")?, args.int("dim1")?),
        "squeeze" => match args.int("dim") {
            Some(axis) => x.squeeze(axis),
            None => x.squeeze_all(),
        },
        "unsqueeze" => x.unsqueeze(args.int("dim")?),
        "expand" => {
            let target = args.ints("size")?;
            let lead = target.len() - x.rank();
            let target: Vec<usize> = target
                .iter()
                .enumerate()
                .map(|(axis, &size)| if size < 0 { x.shape()[axis - lead] } else { size as usize })
                .collect();
            x.expand(target)
        }
        "repeat" => x.repeat(&sizes(&args.ints("repeats")?)),
        "repeat_interleave" => match args.int("dim") {
            Some(axis) => x.repeat_interleave(args.size("repeats"), axis),
            None => x.flatten(0).repeat_interleave(args.size("repeats"), 0),
        },
        "narrow" => x.narrow(args.int("dim")?, args.size("start"), args.size("length")),
        "slice" => x.slice(dim(0), args.int("start"), args.int("end"), args.int_or("step", 1)),
        "flip" => x.flip(&args.ints("dims")?),
        "roll" => match args.ints("dims") {
            Some(axes) => x.roll(&args.ints("shifts")?, &axes),
            None => x.roll(&args.ints("shifts")?, &[]),
        },
        "tril" => x.tril(args.int_or("diagonal", 0)),
        "triu" => x.triu(args.int_or("diagonal", 0)),
        "diagonal" => x.diagonal(args.int_or("offset", 0), args.int_or("dim1", 0), args.int_or("dim2", 1)),
        "cat" => ops::cat::cat(&call.inputs.iter().collect::<Vec<_>>(), dim(0)),
        "stack" => ops::cat::stack(&call.inputs.iter().collect::<Vec<_>>(), dim(0)),
        "split" => {
            let sections = args.ints("split_size_or_sections")?;
            let list = args.raw("split_size_or_sections").is_array();
            return Some(if list {
                x.split_with_sizes(&sizes(&sections), dim(0))
            } else {
                x.split(sections[0] as usize, dim(0))
            });
        }
        "chunk" => return Some(x.chunk(args.size("chunks"), dim(0))),
        "sort" | "argsort" => {
            args.flag("stable", false);
            let (values, indices) = x.sort(dim(-1), args.flag("descending", false));
            if call.op == "argsort" {
                return plain(indices);
            }
            return Some(vec![values, Variable::new(indices)]);
        }
        "topk" => {
            args.flag("sorted", true);
            let (values, indices) = x.topk(args.size("k"), dim(-1), args.flag("largest", true));
            return Some(vec![values, Variable::new(indices)]);
        }
        _ => return None,
    };
    one(y)
}
