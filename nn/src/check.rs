//! Gradients of whole modules against finite differences: input and every parameter, in both modes, first and second
//! order. An op's own check cannot see a layer that hands it the wrong parameter; this one can.

#[cfg(test)]
mod layers;

use autograd::{GradOptions, Variable, grad_with};
use tensor::{DType, Generator, Tensor};

use crate::module::Forward;
use crate::{Buffer, Parameter};

/// The relative error from which on a gradient counts as wrong.
const TOLERANCE: f64 = 1e-6;

/// The step of the differences, whose own error is of its fourth power.
const STEP: f64 = 1e-3;

/// Compares the gradients of `module` in its input and in every parameter with finite differences, in training and in
/// evaluation mode. The module is converted to `f64`; its buffers and its mode are put back. An input that is no float,
/// such as indices, is a constant.
///
/// The module must be smooth where it is checked: keep inputs 0.05 off kinks, and dropout at 0 or 1.
///
/// ```
/// # #[cfg(feature = "check")] {
/// use gradus_nn::{check::check_module, prelude::*};
/// use tensor::{DType, Tensor};
/// let model = Linear::new(3, 2);
/// check_module(&model, &Tensor::randn([4, 3], DType::F64)).unwrap();
/// # }
/// ```
///
/// # Errors
/// The first contradiction: mode, order, argument, and both derivatives.
pub fn check_module<M: Forward + ?Sized>(module: &M, x: &Tensor) -> Result<(), String> {
    module.to_dtype(DType::F64);
    let x = if x.dtype().is_float() { x.to_dtype(DType::F64) } else { x.clone() };
    let was_training = module.is_training();
    let mut result = Ok(());
    for training in [true, false] {
        module.set_training(training);
        let mode = if training { "train" } else { "eval" };
        let check = || Subject::new(module, &x).check().map_err(|fault| format!("{mode} mode, {fault}"));
        result = result.and_then(|()| check());
    }
    module.set_training(was_training);
    result
}

/// A module as a function of its input and its parameters.
struct Subject<'a, M: ?Sized> {
    module: &'a M,
    input: Variable,
    names: Vec<String>,
    leaves: Vec<Variable>,
    buffers: Vec<(Buffer, Tensor)>,
    generator: Generator,
}

impl<'a, M: Forward + ?Sized> Subject<'a, M> {
    fn new(module: &'a M, x: &Tensor) -> Subject<'a, M> {
        let mut subject = Subject {
            module,
            input: if x.dtype().is_float() { Variable::leaf(x.clone()) } else { Variable::new(x.clone()) },
            names: Vec::new(),
            leaves: Vec::new(),
            buffers: module.buffers().into_iter().map(|buffer| (buffer.clone(), buffer.data())).collect(),
            generator: Generator::new(11),
        };
        if x.dtype().is_float() {
            subject.names.push("input".to_owned());
            subject.leaves.push(subject.input.clone());
        }
        for (name, parameter) in module.named_parameters() {
            subject.names.push(name);
            subject.leaves.push(Parameter::variable(&parameter).clone());
        }
        subject
    }

    /// The output; buffers that the pass changed are put back.
    fn output(&self) -> Variable {
        let y = self.module.call(&self.input);
        for (buffer, value) in &self.buffers {
            buffer.set_data(value.clone());
        }
        y
    }

    fn directions(&mut self) -> Vec<Tensor> {
        let generator = &mut self.generator;
        self.leaves.iter().map(|leaf| generator.randn(leaf.shape(), DType::F64)).collect()
    }

    fn check(mut self) -> Result<(), String> {
        let g = self.cotangent();
        self.check_first(&g)?;
        self.check_second(&g)
    }

    fn cotangent(&mut self) -> Variable {
        let shape = self.output().shape().to_vec();
        Variable::new(self.generator.randn(shape, DType::F64))
    }

    fn check_first(&mut self, g: &Variable) -> Result<(), String> {
        self.compare(
            "first",
            |subject, record| subject.gradients(&dot(&subject.output(), g), record),
            |subject| dot(&subject.output(), g).item(),
        )
    }

    /// The same for the derivative along a direction.
    fn check_second(&mut self, g: &Variable) -> Result<(), String> {
        let along: Vec<Variable> = self.directions().into_iter().map(Variable::new).collect();
        let slope = |subject: &Subject<'_, M>, record: bool| -> Option<Variable> {
            let first = subject.gradients(&dot(&subject.output(), g), record);
            let terms = first.iter().zip(&along).filter_map(|(first, v)| Some(dot(first.as_ref()?, v)));
            terms.reduce(|sum, term| &sum + &term)
        };
        self.compare(
            "second",
            |subject, _| match slope(subject, true) {
                Some(slope) if slope.requires_grad() => subject.gradients(&slope, false),
                _ => vec![None; subject.leaves.len()],
            },
            |subject| slope(subject, false).map_or(0.0, |slope| slope.item()),
        )
    }

    fn gradients(&self, scalar: &Variable, create_graph: bool) -> Vec<Option<Variable>> {
        let options = GradOptions { create_graph, allow_unused: true, ..GradOptions::default() };
        grad_with(&[scalar], &[], &self.leaves.iter().collect::<Vec<_>>(), options)
    }

    /// Compares `gradients` with differences of `value`, leaf by leaf.
    fn compare(
        &mut self,
        order: &str,
        gradients: impl Fn(&Self, bool) -> Vec<Option<Variable>>,
        value: impl Fn(&Self) -> f64,
    ) -> Result<(), String> {
        let found = gradients(self, false);
        let directions = self.directions();
        for (at, v) in directions.iter().enumerate() {
            let name = &self.names[at];
            let start = self.leaves[at].data();
            if let Some(g) = &found[at]
                && (g.shape() != start.shape() || g.dtype() != start.dtype())
            {
                return Err(format!("{order} order: {name} {:?} has a gradient {:?}", start.shape(), g.shape()));
            }
            let at_step = |steps: f64| {
                self.leaves[at].set_data(start.add(&v.mul_scalar(steps * STEP)));
                value(self)
            };
            let (near, far) = (at_step(1.0) - at_step(-1.0), at_step(2.0) - at_step(-2.0));
            self.leaves[at].set_data(start);
            let numeric = (8.0 * near - far) / (12.0 * STEP);
            let products: Vec<f64> = found[at].as_ref().map_or_else(Vec::new, |g| g.data().mul(v).to_vec());
            let analytic: f64 = products.iter().sum();
            let scale: f64 = products.iter().map(|p| p.abs()).sum::<f64>().max(1.0);
            if (analytic - numeric).abs() > TOLERANCE * scale || numeric.is_nan() {
                return Err(format!(
                    "{order} order: the derivative in {name} {:?} is {numeric:.9e} by differences, \
                     but {analytic:.9e} by the gradient",
                    v.shape()
                ));
            }
        }
        Ok(())
    }
}

fn dot(a: &Variable, b: &Variable) -> Variable {
    (a * b).sum(&[], false)
}
