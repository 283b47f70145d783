//! Gradients against finite differences: [`gradcheck`], and the measuring that the property checks of all ops share.
//!
//! A gradient is compared along directions, not element by element: `<v, J^T u>`, what reverse mode says, must equal
//! `<u, J v>`, what differences of the function itself say. That costs a handful of evaluations however large the
//! inputs are. Only when the two disagree are single elements looked at, to report the smallest contradiction.

use std::fmt;

use tensor::{DType, Generator, Tensor};

use crate::{GradOptions, Variable, enable_grad, grad_with, is_grad_enabled, no_grad};

/// A function of several variables with several results.
pub(crate) type Function<'a> = dyn Fn(&[Variable]) -> Vec<Variable> + 'a;

/// The relative error from which on a gradient counts as wrong.
pub(crate) const TOLERANCE: f64 = 1e-6;

/// The step of the differences; with the sixth-order stencil both its own error and rounding stay near 1e-12.
const STEP: f64 = 2e-3;

/// How far differences move an element of an input from where it stands.
#[cfg(any(test, feature = "check"))]
pub(crate) const REACH: f64 = 3.0 * STEP;

/// Derivatives below this size are not told from 0: their differences are rounding.
const SMALLEST: f64 = 1e-7;

/// How well gradients and differences agree, as relative errors.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Agreement {
    /// The worst relative error of the gradient.
    pub first: f64,
    /// The worst relative error of the gradient's own gradient.
    pub second: f64,
}

/// A gradient that contradicts finite differences; its text shows inputs, direction and both gradients.
#[derive(Clone)]
pub struct Mismatch {
    /// 1 if the gradient is wrong, 2 if its own gradient is.
    pub order: usize,
    /// Which argument's gradient is wrong: an index into the inputs, and past them the cotangent.
    pub argument: usize,
    /// The derivative along the direction by reverse mode.
    pub analytic: f64,
    /// The derivative along the direction by differences.
    pub numeric: f64,
    text: String,
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// The same as `Display`, so that `unwrap` shows the whole report.
impl fmt::Debug for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl std::error::Error for Mismatch {}

/// Compares `f`'s first and second derivatives with finite differences, in `f64`.
///
/// Inputs of other dtypes than floats stay constant; `f32` inputs are converted. Inputs should lie 0.01 or more off
/// the kinks of `f`. PyTorch: `torch.autograd.gradcheck` and `gradgradcheck`.
///
/// ```
/// use gradus_autograd::gradcheck;
/// use tensor::Tensor;
///
/// let x = Tensor::from([0.5, -1.0, 2.0]);
/// let agreement = gradcheck(|x| (&x[0] * &x[0]).tanh(), &[x]).unwrap();
/// assert!(agreement.first < 1e-6 && agreement.second < 1e-6);
/// ```
///
/// # Errors
/// The smallest contradiction found: one element of one input and one of the output where that is enough.
pub fn gradcheck(f: impl Fn(&[Variable]) -> Variable, inputs: &[Tensor]) -> Result<Agreement, Mismatch> {
    let inputs: Vec<Tensor> =
        inputs.iter().map(|x| if x.dtype().is_float() { x.to_dtype(DType::F64) } else { x.clone() }).collect();
    match agreement("gradcheck", &f, &inputs) {
        Ok(agreement) => Ok(agreement),
        Err(mismatch) => {
            // Rounder numbers that still contradict are easier to work with by hand.
            for digits in [0, 1, 2] {
                let scale = 10f64.powi(digits);
                let rounded: Vec<Tensor> = inputs
                    .iter()
                    .map(|x| if x.dtype().is_float() { x.map(|x: f64| (x * scale).round() / scale) } else { x.clone() })
                    .collect();
                if let Err(rounder) = agreement("gradcheck", &f, &rounded)
                    && rounder.order == mismatch.order
                    && rounder.analytic.is_finite()
                    && rounder.numeric.is_finite()
                {
                    return Err(rounder);
                }
            }
            Err(mismatch)
        }
    }
}

/// Checks first and second order of `f` at `inputs`.
pub(crate) fn agreement(
    name: &str,
    f: &dyn Fn(&[Variable]) -> Variable,
    inputs: &[Tensor],
) -> Result<Agreement, Mismatch> {
    let single = |x: &[Variable]| vec![f(x)];
    let problem = Problem::new(name, 1, &single, inputs.to_vec());
    let first = problem.check()?;
    let second = second_order(name, &single, &problem)?;
    Ok(Agreement { first, second })
}

fn second_order(name: &str, f: &Function<'_>, problem: &Problem<'_>) -> Result<f64, Mismatch> {
    let mut arguments = problem.inputs.clone();
    arguments.extend(problem.cotangents.iter().cloned());
    let count = problem.inputs.len();
    let derivative = derivative(f, count);
    let mut second = Problem::new(name, 2, &derivative, arguments);
    second.count = count;
    second.check()
}

/// The gradients of `<u, f(x)>` in `x`, as a function of `x` (`count` of them) and `u`.
fn derivative<'a>(f: &'a Function<'a>, count: usize) -> impl Fn(&[Variable]) -> Vec<Variable> + 'a {
    move |arguments| {
        let (inputs, cotangents) = arguments.split_at(count);
        let create_graph = is_grad_enabled();
        enable_grad(|| {
            let inputs: Vec<Variable> = inputs.iter().map(leaf).collect();
            gradients(&f(&inputs), cotangents, &inputs, create_graph)
        })
    }
}

fn leaf(x: &Variable) -> Variable {
    if x.requires_grad() || !x.dtype().is_float() { x.clone() } else { Variable::leaf(x.data()) }
}

/// The gradients in those inputs that are floats; zeros where nothing depends on one.
pub(crate) fn gradients(
    outputs: &[Variable],
    cotangents: &[Variable],
    inputs: &[Variable],
    create_graph: bool,
) -> Vec<Variable> {
    let (roots, seeds): (Vec<&Variable>, Vec<&Variable>) =
        outputs.iter().zip(cotangents).filter(|(y, _)| y.requires_grad()).unzip();
    let targets: Vec<&Variable> = inputs.iter().filter(|x| x.dtype().is_float()).collect();
    let options = GradOptions { create_graph, retain_graph: true, allow_unused: true };
    let found = if roots.is_empty() { vec![None; targets.len()] } else { grad_with(&roots, &seeds, &targets, options) };
    let zeros = |x: &Variable| Variable::new(Tensor::zeros(x.shape(), x.dtype()));
    found.into_iter().zip(targets).map(|(g, x)| g.unwrap_or_else(|| zeros(x))).collect()
}

/// Numbers of magnitude 1/2 to 1, so that every element has a say.
pub(crate) fn random_like(x: &Tensor, generator: &mut Generator) -> Tensor {
    let values = (0..x.len())
        .map(|_| {
            let magnitude = 0.5 + 0.5 * generator.uniform();
            if generator.bits() & 1 == 0 { magnitude } else { -magnitude }
        })
        .collect();
    Tensor::from_vec::<f64>(values, x.shape())
}

pub(crate) fn dot(a: &Tensor, b: &Tensor) -> f64 {
    a.to_vec::<f64>().iter().zip(b.to_vec::<f64>()).map(|(x, y)| x * y).sum()
}

fn dot_magnitude(a: &Tensor, b: &Tensor) -> f64 {
    a.to_vec::<f64>().iter().zip(b.to_vec::<f64>()).map(|(x, y)| (x * y).abs()).sum()
}

/// One function at one point, with a fixed cotangent for each of its results.
struct Problem<'a> {
    name: &'a str,
    order: usize,
    function: &'a Function<'a>,
    inputs: Vec<Tensor>,
    /// How many of `inputs` are the user's; the rest are cotangents of the first order.
    count: usize,
    outputs: Vec<Tensor>,
    cotangents: Vec<Tensor>,
}

impl<'a> Problem<'a> {
    fn new(name: &'a str, order: usize, function: &'a Function<'a>, inputs: Vec<Tensor>) -> Problem<'a> {
        let outputs = evaluate(function, &inputs);
        let mut generator = Generator::new(17 + order as u64);
        let cotangents = outputs.iter().map(|y| random_like(y, &mut generator)).collect();
        Problem { name, order, function, count: inputs.len(), inputs, outputs, cotangents }
    }

    /// The inputs that can vary.
    fn free(&self) -> Vec<usize> {
        (0..self.inputs.len()).filter(|&i| self.inputs[i].dtype().is_float()).collect()
    }

    /// What reverse mode says, per free input.
    fn analytic(&self, cotangents: &[Tensor]) -> Vec<Tensor> {
        enable_grad(|| {
            let inputs: Vec<Variable> = self.inputs.iter().map(|x| leaf(&Variable::new(x.clone()))).collect();
            let cotangents: Vec<Variable> = cotangents.iter().map(|u| Variable::new(u.clone())).collect();
            gradients(&(self.function)(&inputs), &cotangents, &inputs, false)
        })
        .iter()
        .map(Variable::data)
        .collect()
    }

    /// `J v` by differences, per result; `v` holds one tensor per free input.
    fn numeric(&self, v: &[(usize, Tensor)]) -> Vec<Tensor> {
        let mut sums: Vec<Tensor> = self.outputs.iter().map(Tensor::zeros_like).collect();
        // The sixth-order central difference.
        for (steps, weight) in [(1.0, 45.0), (2.0, -9.0), (3.0, 1.0)] {
            for sign in [1.0, -1.0] {
                let mut moved = self.inputs.clone();
                for (i, v) in v {
                    moved[*i] = &moved[*i] + v * (sign * steps * STEP);
                }
                for (sum, y) in sums.iter_mut().zip(evaluate(self.function, &moved)) {
                    *sum = &*sum + y * (sign * weight / (60.0 * STEP));
                }
            }
        }
        sums
    }

    /// Relative error, numeric and analytic derivative along `v`.
    fn error_along(&self, v: &[(usize, Tensor)], gradients: &[Tensor], cotangents: &[Tensor]) -> (f64, f64, f64) {
        let free = self.free();
        let gradient = |i: usize| &gradients[free.iter().position(|&at| at == i).unwrap_or(0)];
        let analytic: f64 = v.iter().map(|(i, v)| dot(v, gradient(*i))).sum();
        let numeric: f64 = self.numeric(v).iter().zip(cotangents).map(|(y, u)| dot(y, u)).sum();
        // Terms may cancel, and rounding of the function itself is not the gradient's fault: measured against the size
        // of the terms, and at least against a small part of the function's own size.
        let terms: f64 = v.iter().map(|(i, v)| dot_magnitude(v, gradient(*i))).sum();
        let size: f64 = self.outputs.iter().zip(cotangents).map(|(y, u)| dot_magnitude(y, u)).sum();
        let scale = terms.max(numeric.abs()).max(1e-4 * size).max(SMALLEST);
        let error = (analytic - numeric).abs();
        let relative = if error == 0.0 { 0.0 } else { error / scale };
        (if relative.is_nan() { f64::INFINITY } else { relative }, numeric, analytic)
    }

    /// The worst relative error along random directions: each free input alone, and all jointly.
    fn check(&self) -> Result<f64, Mismatch> {
        let free = self.free();
        let gradients = self.analytic(&self.cotangents);
        let mut generator = Generator::new(29);
        let directions: Vec<(usize, Tensor)> =
            free.iter().map(|&i| (i, random_like(&self.inputs[i], &mut generator))).collect();
        let mut worst = 0f64;
        let alone = directions.iter().map(std::slice::from_ref);
        for v in alone.chain((free.len() > 1).then_some(directions.as_slice())) {
            let (error, ..) = self.error_along(v, &gradients, &self.cotangents);
            if error > TOLERANCE {
                return Err(self.mismatch(v));
            }
            worst = worst.max(error);
        }
        Ok(worst)
    }

    fn unit(x: &Tensor, at: usize) -> Tensor {
        let mut values = vec![0.0; x.len()];
        values[at] = 1.0;
        Tensor::from_vec::<f64>(values, x.shape())
    }

    /// The smallest contradiction behind the one along `v`: single elements of the input and of the result if they
    /// show it.
    fn mismatch(&self, v: &[(usize, Tensor)]) -> Mismatch {
        let mut v = v.to_vec();
        let mut cotangents = self.cotangents.clone();
        let gradients = self.analytic(&cotangents);
        let single = self
            .free()
            .into_iter()
            .flat_map(|i| (0..self.inputs[i].len().min(256)).map(move |at| (i, at)))
            .map(|(i, at)| vec![(i, Self::unit(&self.inputs[i], at))])
            .map(|unit| (self.error_along(&unit, &gradients, &cotangents).0, unit))
            .max_by(|a, b| a.0.total_cmp(&b.0));
        if let Some((error, unit)) = single
            && error > TOLERANCE
        {
            v = unit;
            let pulled = |k: usize, at: usize| {
                let mut cotangents: Vec<Tensor> = self.outputs.iter().map(Tensor::zeros_like).collect();
                cotangents[k] = Self::unit(&self.outputs[k], at);
                let gradients = self.analytic(&cotangents);
                (self.error_along(&v, &gradients, &cotangents).0, cotangents)
            };
            let narrow = (0..self.outputs.len())
                .flat_map(|k| (0..self.outputs[k].len().min(256)).map(move |at| (k, at)))
                .map(|(k, at)| pulled(k, at))
                .max_by(|a, b| a.0.total_cmp(&b.0));
            if let Some((error, narrow)) = narrow
                && error > TOLERANCE
            {
                cotangents = narrow;
            }
        }
        self.report(&v, &cotangents)
    }

    fn argument(&self, i: usize) -> String {
        if i < self.count { format!("input {i}") } else { "the cotangent".to_owned() }
    }

    fn report(&self, v: &[(usize, Tensor)], cotangents: &[Tensor]) -> Mismatch {
        let gradients = self.analytic(cotangents);
        let (error, numeric, analytic) = self.error_along(v, &gradients, cotangents);
        let which: Vec<String> = v.iter().map(|(i, _)| self.argument(*i)).collect();
        let what = if self.order == 1 { "gradient" } else { "gradient of the gradient" };
        let mut text = format!(
            "{}: the {what} in {} contradicts finite differences: analytic {analytic:.9e}, numeric {numeric:.9e}, \
             relative error {error:.1e}",
            self.name,
            which.join(" and "),
        );
        for (i, x) in self.inputs.iter().enumerate() {
            text.push_str(&format!("\n  {:<20} {:?} {x}", self.argument(i), x.shape()));
        }
        for u in cotangents {
            text.push_str(&format!("\n  {:<20} {:?} {u}", "pulled back", u.shape()));
        }
        for (i, v) in v {
            let at = self.free().iter().position(|free| free == i).unwrap_or(0);
            text.push_str(&format!("\n  {:<20} {:?} {v}", format!("direction, {}", self.argument(*i)), v.shape()));
            text.push_str(&format!("\n  {:<20} {}", "analytic gradient", gradients[at]));
            let x = &self.inputs[*i];
            if x.len() <= 64 {
                let along = |at| self.numeric(&[(*i, Self::unit(x, at))]);
                let elements =
                    (0..x.len()).map(|at| along(at).iter().zip(cotangents).map(|(y, u)| dot(y, u)).sum()).collect();
                let numeric = Tensor::from_vec::<f64>(elements, x.shape());
                text.push_str(&format!("\n  {:<20} {numeric}", "numeric gradient"));
            }
        }
        Mismatch { order: self.order, argument: v.first().map_or(0, |(i, _)| *i), analytic, numeric, text }
    }
}

/// `f` without recording.
fn evaluate(f: &Function<'_>, inputs: &[Tensor]) -> Vec<Tensor> {
    let inputs: Vec<Variable> = inputs.iter().map(|x| Variable::new(x.clone())).collect();
    no_grad(|| f(&inputs)).iter().map(Variable::data).collect()
}
