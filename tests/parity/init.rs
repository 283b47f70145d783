//! Cases of kind `init`: fans, gains, deterministic values and distributions, by their parameters and by their draws.

use gradus::autograd::Variable;
use gradus::nn::init;
use gradus::nn::init::{Distribution, FanMode, Nonlinearity};
use gradus::tensor::{DType, Tensor, manual_seed};
use serde_json::Value;

use super::arguments::{Arguments, number};
use super::module::build;
use super::{Case, Outcome, Tensors, compare};

/// How many values are drawn at least before their statistics are looked at.
const DRAWS: usize = 4000;

/// What a fill does to a parameter of a shape, and what it draws from, where the library says so.
type Fill = (Box<dyn Fn(&Variable)>, Option<Distribution>);

/// The function of `torch.nn.init` that a case names, with its arguments.
fn fill(op: &str, shape: &[usize], args: &Arguments<'_>) -> Result<Option<Fill>, Outcome> {
    let gain = |name: &str| args.float_or(name, 1.0);
    Ok(Some(match op {
        "xavier_uniform_" => {
            let gain = gain("gain");
            (Box::new(move |w| init::xavier_uniform_(w, gain)), Some(init::xavier_uniform(shape, gain)))
        }
        "xavier_normal_" => {
            let gain = gain("gain");
            (Box::new(move |w| init::xavier_normal_(w, gain)), Some(init::xavier_normal(shape, gain)))
        }
        "kaiming_uniform_" | "kaiming_normal_" => {
            let a = args.float_or("a", 0.0);
            let mode = match args.text("mode", "fan_in") {
                "fan_in" => FanMode::FanIn,
                "fan_out" => FanMode::FanOut,
                other => return Err(Outcome::unsupported(format!("mode {other}"))),
            };
            let kind = nonlinearity(args.text("nonlinearity", "leaky_relu"))?;
            if op == "kaiming_uniform_" {
                let distribution = init::kaiming_uniform(shape, a, mode, kind);
                (Box::new(move |w| init::kaiming_uniform_(w, a, mode, kind)), Some(distribution))
            } else {
                let distribution = init::kaiming_normal(shape, a, mode, kind);
                (Box::new(move |w| init::kaiming_normal_(w, a, mode, kind)), Some(distribution))
            }
        }
        "uniform_" => {
            let (low, high) = (args.float_or("a", 0.0), args.float_or("b", 1.0));
            (Box::new(move |w| init::uniform_(w, low, high)), None)
        }
        "normal_" => {
            let (mean, std) = (args.float_or("mean", 0.0), args.float_or("std", 1.0));
            (Box::new(move |w| init::normal_(w, mean, std)), None)
        }
        "trunc_normal_" => {
            let (mean, std) = (args.float_or("mean", 0.0), args.float_or("std", 1.0));
            let (low, high) = (args.float_or("a", -2.0), args.float_or("b", 2.0));
            (
                Box::new(move |w| init::trunc_normal_(w, mean, std, (low, high))),
                Some(Distribution::TruncatedNormal { mean, std, low, high }),
            )
        }
        "orthogonal_" => {
            let gain = gain("gain");
            (Box::new(move |w| init::orthogonal_(w, gain)), None)
        }
        "constant_" => {
            let value = args.float("val").ok_or_else(|| Outcome::failed("no argument val"))?;
            (Box::new(move |w| init::constant_(w, value)), None)
        }
        "ones_" => (Box::new(init::ones_), None),
        "zeros_" => (Box::new(init::zeros_), None),
        "eye_" => (Box::new(init::eye_), None),
        "dirac_" => {
            let groups = args.size_or("groups", 1);
            (Box::new(move |w| init::dirac_(w, groups)), None)
        }
        _ => return Ok(None),
    }))
}

fn nonlinearity(name: &str) -> Result<Nonlinearity, Outcome> {
    name.parse().map_err(|fault: String| Outcome::unsupported(fault))
}

/// A number at the case's tolerance.
fn exact(case: &Case, what: &str, got: f64, expected: &Value) -> Result<f64, Outcome> {
    let expected = number(expected).ok_or_else(|| Outcome::failed(format!("{what} has no expected value")))?;
    compare::close(case, what, &Tensor::scalar(got), &Tensor::scalar(expected))
}

/// The parameters that a distribution reports, against those of the case.
fn parameters(case: &Case, found: &Distribution, expected: &Value) -> Result<f64, Outcome> {
    let entries: Vec<(&str, f64)> = match (found, expected["distribution"].as_str()) {
        (&Distribution::Uniform { low, high }, Some("uniform")) => vec![("low", low), ("high", high)],
        (&Distribution::Normal { mean, std } | &Distribution::TruncatedNormal { mean, std, .. }, Some("normal")) => {
            vec![("mean", mean), ("std", std)]
        }
        (&Distribution::Constant { value }, Some("constant")) => vec![("value", value)],
        (found, kind) => return Err(Outcome::failed(format!("{found:?}, expected {kind:?}"))),
    };
    entries
        .into_iter()
        .try_fold(0.0f64, |worst, (name, value)| Ok(worst.max(exact(case, name, value, &expected[name])?)))
}

/// Whether values look drawn from the expected distribution: bounds, mean and standard deviation, and for uniform
/// values how near they come to the bounds. Five standard errors are allowed; `precision` is that of the values' dtype.
fn drawn(what: &str, values: &[f64], expected: &Value, precision: f64) -> Result<(), Outcome> {
    let field =
        |name: &str| number(&expected[name]).ok_or_else(|| Outcome::failed(format!("{what} has no expected {name}")));
    let count = values.len() as f64;
    let average = values.iter().sum::<f64>() / count;
    let spread = (values.iter().map(|x| (x - average).powi(2)).sum::<f64>() / (count - 1.0)).sqrt();
    // The fourth moment over the squared variance says how well the standard deviation is known.
    let (mean, std, kurtosis) = match expected["distribution"].as_str() {
        Some("constant") => {
            let value = field("value")?;
            let wrong = values.iter().find(|&&x| (x - value).abs() > precision * value.abs());
            return wrong.map_or(Ok(()), |x| Err(Outcome::failed(format!("{what} holds {x:e}, expected {value:e}"))));
        }
        Some("uniform") => {
            let (low, high) = (field("low")?, field("high")?);
            let slack = precision * low.abs().max(high.abs());
            let outside = values.iter().find(|&&x| x < low - slack || x > high + slack);
            if let Some(x) = outside {
                return Err(Outcome::failed(format!("{what} holds {x:e}, outside {low:e} to {high:e}")));
            }
            let (least, most) = values.iter().fold((f64::MAX, f64::MIN), |(a, b), &x| (a.min(x), b.max(x)));
            // The chance that all values miss one end by so much is e^-25.
            let margin = 25.0 / count * (high - low);
            if least > low + margin || most < high - margin {
                let text = format!("{what} spans {least:e} to {most:e}, expected {low:e} to {high:e}");
                return Err(Outcome::failed(text));
            }
            ((low + high) / 2.0, (high - low) / 12f64.sqrt(), 1.8)
        }
        Some("normal") => (field("mean")?, field("std")?, 3.0),
        other => return Err(Outcome::unsupported(format!("distribution {other:?}"))),
    };
    if (average - mean).abs() > 5.0 * std / count.sqrt() {
        return Err(Outcome::failed(format!("{what} has mean {average:e}, expected {mean:e}, over {count} draws")));
    }
    if (spread / std - 1.0).abs() > 5.0 * ((kurtosis - 1.0) / (4.0 * count)).sqrt() {
        return Err(Outcome::failed(format!("{what} has deviation {spread:e}, expected {std:e}, over {count} draws")));
    }
    Ok(())
}

/// Whether the rows of a weight, or its columns if they are fewer, are at right angles and of length `gain`.
fn orthogonal(w: &Tensor, gain: f64) -> Result<f64, Outcome> {
    let rows = w.shape()[0];
    let matrix = w.reshape([rows, w.len() / rows.max(1)]);
    let few = if rows <= matrix.shape()[1] { matrix } else { matrix.transpose(0, 1) };
    let product = few.matmul(&few.transpose(0, 1));
    let worst = product.sub(&Tensor::eye(few.shape()[0], few.shape()[0], w.dtype()).mul_scalar(gain * gain));
    let worst = worst.abs().amax(&[], false).item::<f64>();
    if worst <= 1e-12 * gain * gain {
        Ok(0.0)
    } else {
        Err(Outcome::failed(format!("off by {worst:e} from orthogonal")))
    }
}

/// A layer's first parameters: made again and again until there are enough values.
fn layer_default(case: &Case, tensors: &Tensors) -> Result<f64, Outcome> {
    let op = case.args()["layer"].as_str().unwrap_or_default();
    let expected = case.raw["expected"].as_object().cloned().unwrap_or_default();
    let mut values: Vec<(&String, Vec<f64>)> = expected.keys().map(|name| (name, Vec::new())).collect();
    while values.iter().any(|(_, values)| values.len() < DRAWS) {
        let layer = build(op, &case.args()["args"], tensors)?;
        let parameters = layer.module().named_parameters();
        if parameters.len() != values.len() {
            return Err(Outcome::failed(format!("{} parameters, expected {}", parameters.len(), values.len())));
        }
        for (name, values) in &mut values {
            let found = parameters.iter().find(|(known, _)| known == *name);
            let (_, parameter) = found.ok_or_else(|| Outcome::failed(format!("there is no {name}")))?;
            if parameter.is_empty() {
                return Err(Outcome::failed(format!("{name} is empty")));
            }
            if values.len() < DRAWS {
                values.extend(parameter.data().to_dtype(DType::F64).to_vec::<f64>());
            }
        }
    }
    for (name, values) in &values {
        drawn(name, values, &expected[*name], f64::from(f32::EPSILON))?;
    }
    Ok(0.0)
}

/// A function of `torch.nn.init` on a weight of the case's shape.
fn weight(case: &Case, tensors: &Tensors, args: &Arguments<'_>) -> Result<f64, Outcome> {
    let expected = &case.raw["expected"];
    let shape: Vec<usize> = args.ints("shape").unwrap_or_default().iter().map(|&size| size as usize).collect();
    let mut worst = 0.0f64;
    if !expected["fan_in"].is_null() {
        let (fan_in, fan_out) = init::calculate_fan_in_and_fan_out(&shape);
        worst = worst.max(exact(case, "fan_in", fan_in as f64, &expected["fan_in"])?).max(exact(
            case,
            "fan_out",
            fan_out as f64,
            &expected["fan_out"],
        )?);
    }
    if case.op == "calculate_fan_in_and_fan_out" {
        return Ok(worst);
    }
    let (fill, distribution) = fill(&case.op, &shape, args)?.ok_or_else(|| Outcome::unsupported(case.op.as_str()))?;
    let w = Variable::leaf(Tensor::zeros(&shape[..], case.dtype));
    if let Some(key) = expected["value"]["tensor"].as_str() {
        fill(&w);
        return Ok(worst.max(compare::close(case, "value", &w.data(), &tensors.of(key))?));
    }
    if let Some(distribution) = distribution {
        worst = worst.max(parameters(case, &distribution, expected)?);
    }
    if w.is_empty() {
        return Ok(worst);
    }
    if case.op == "orthogonal_" {
        fill(&w);
        return Ok(worst.max(orthogonal(&w.data(), args.float_or("gain", 1.0))?));
    }
    let mut values = Vec::new();
    while values.len() < DRAWS {
        fill(&w);
        values.extend(w.data().to_dtype(DType::F64).to_vec::<f64>());
    }
    if let Some(Distribution::TruncatedNormal { low, high, .. }) = distribution {
        // The case tells the deviation before it is cut.
        let outside = values.iter().find(|x| !(low..=high).contains(*x));
        return outside.map_or(Ok(worst), |x| Err(Outcome::failed(format!("{x:e} is outside {low:e} to {high:e}"))));
    }
    drawn("the weight", &values, expected, f64::EPSILON)?;
    Ok(worst)
}

/// The largest deviation in units of the tolerance.
pub(crate) fn run(case: &Case, tensors: &Tensors) -> Result<f64, Outcome> {
    manual_seed(7);
    let args = Arguments::new(case.args(), tensors);
    let worst = match case.op.as_str() {
        "layer_default" => return layer_default(case, tensors),
        "calculate_gain" => {
            let gain = init::calculate_gain(nonlinearity(args.text("nonlinearity", ""))?, args.float("param"));
            exact(case, "gain", gain, &case.raw["expected"]["gain"])?
        }
        _ => weight(case, tensors, &args)?,
    };
    args.finish()?;
    Ok(worst)
}
