//! Cases of kind `loss`: the class and its options become a loss of this library.

use std::collections::BTreeMap;

use gradus::autograd::Variable;
use gradus::nn::loss::{
    BceLoss, BceWithLogitsLoss, CosineEmbeddingLoss, CrossEntropyLoss, CtcLoss, GaussianNllLoss, HingeEmbeddingLoss,
    HuberLoss, KlDivLoss, L1Loss, MarginRankingLoss, MseLoss, MultiLabelMarginLoss, MultiLabelSoftMarginLoss,
    MultiMarginLoss, NllLoss, PoissonNllLoss, Reduction, SmoothL1Loss, SoftMarginLoss, TripletMarginLoss,
};

use super::arguments::Arguments;
use super::differentiate::{Inputs, check};
use super::{Case, Outcome, Tensors};

/// The loss of a class of `torch.nn` on its inputs.
pub(crate) fn loss(op: &str, args: &Arguments<'_>, inputs: &[Variable]) -> Option<Variable> {
    let [a, b] = [&inputs[0], &inputs[1]];
    let third = || &inputs[2];
    let reduction = match args.text("reduction", "mean") {
        "none" => Reduction::None,
        "sum" => Reduction::Sum,
        "batchmean" => Reduction::BatchMean,
        _ => Reduction::Mean,
    };
    let float = |name: &str, default: f64| args.float_or(name, default);
    Some(match op {
        "CrossEntropyLoss" => CrossEntropyLoss::new()
            .reduction(reduction)
            .weight(args.tensor("weight"))
            .ignore_index(args.int_or("ignore_index", -100) as i64)
            .label_smoothing(float("label_smoothing", 0.0))
            .forward(a, b),
        "NLLLoss" => NllLoss::new()
            .reduction(reduction)
            .weight(args.tensor("weight"))
            .ignore_index(args.int_or("ignore_index", -100) as i64)
            .forward(a, b),
        "BCELoss" => BceLoss::new().reduction(reduction).weight(args.tensor("weight")).forward(a, b),
        "BCEWithLogitsLoss" => BceWithLogitsLoss::new()
            .reduction(reduction)
            .weight(args.tensor("weight"))
            .pos_weight(args.tensor("pos_weight"))
            .forward(a, b),
        "MSELoss" => MseLoss::new().reduction(reduction).forward(a, b),
        "L1Loss" => L1Loss::new().reduction(reduction).forward(a, b),
        "SmoothL1Loss" => SmoothL1Loss::new().reduction(reduction).beta(float("beta", 1.0)).forward(a, b),
        "HuberLoss" => HuberLoss::new().reduction(reduction).delta(float("delta", 1.0)).forward(a, b),
        "KLDivLoss" => KlDivLoss::new().reduction(reduction).log_target(args.flag("log_target", false)).forward(a, b),
        "PoissonNLLLoss" => PoissonNllLoss::new()
            .reduction(reduction)
            .log_input(args.flag("log_input", true))
            .full(args.flag("full", false))
            .eps(float("eps", 1e-8))
            .forward(a, b),
        "GaussianNLLLoss" => GaussianNllLoss::new()
            .reduction(reduction)
            .full(args.flag("full", false))
            .eps(float("eps", 1e-6))
            .forward(a, b, third()),
        "HingeEmbeddingLoss" => {
            HingeEmbeddingLoss::new().reduction(reduction).margin(float("margin", 1.0)).forward(a, b)
        }
        "MarginRankingLoss" => {
            MarginRankingLoss::new().reduction(reduction).margin(float("margin", 0.0)).forward(a, b, third())
        }
        "TripletMarginLoss" => TripletMarginLoss::new()
            .reduction(reduction)
            .margin(float("margin", 1.0))
            .p(float("p", 2.0))
            .eps(float("eps", 1e-6))
            .swap(args.flag("swap", false))
            .forward(a, b, third()),
        "CosineEmbeddingLoss" => {
            CosineEmbeddingLoss::new().reduction(reduction).margin(float("margin", 0.0)).forward(a, b, third())
        }
        "SoftMarginLoss" => SoftMarginLoss::new().reduction(reduction).forward(a, b),
        "MultiLabelMarginLoss" => MultiLabelMarginLoss::new().reduction(reduction).forward(a, b),
        "MultiLabelSoftMarginLoss" => {
            MultiLabelSoftMarginLoss::new().reduction(reduction).weight(args.tensor("weight")).forward(a, b)
        }
        "MultiMarginLoss" => MultiMarginLoss::new()
            .reduction(reduction)
            .p(args.size_or("p", 1) as u32)
            .margin(float("margin", 1.0))
            .weight(args.tensor("weight"))
            .forward(a, b),
        "CTCLoss" => CtcLoss::new()
            .reduction(reduction)
            .blank(args.int_or("blank", 0) as i64)
            .zero_infinity(args.flag("zero_infinity", false))
            .forward(a, b, third(), &inputs[3]),
        _ => return None,
    })
}

/// The largest deviation in units of the tolerance.
pub(crate) fn run(case: &Case, tensors: &Tensors) -> Result<f64, Outcome> {
    let inputs = Inputs::new(case, tensors);
    let args = Arguments::new(case.args(), tensors);
    let y = loss(&case.op, &args, &inputs.passed).ok_or_else(|| Outcome::unsupported(case.op.as_str()))?;
    args.finish()?;
    check(case, tensors, &inputs, &BTreeMap::new(), &[y])
}
