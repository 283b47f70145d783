//! Choices among transforms.

use tensor::Generator;

use super::{Compose, Invertibility, Picture, Record, Transform};

/// Several transforms in order, all or none, with a probability. PyTorch: `torchvision.transforms.RandomApply`.
#[derive(Debug)]
pub struct RandomApply {
    transforms: Compose,
    p: f64,
}

impl RandomApply {
    /// With probability `p`.
    pub fn new(transforms: Compose, p: f64) -> RandomApply {
        RandomApply { transforms, p }
    }
}

/// One of several transforms. PyTorch: `torchvision.transforms.RandomChoice`.
#[derive(Debug)]
pub struct RandomChoice {
    transforms: Compose,
    weights: Vec<f64>,
}

impl RandomChoice {
    /// Each equally likely.
    pub fn new(transforms: Compose) -> RandomChoice {
        let weights = vec![1.0; transforms.steps().len()];
        RandomChoice { transforms, weights }
    }

    /// Likely in proportion to weights.
    ///
    /// # Panics
    /// If there is not one weight, not negative, per transform, or all are 0.
    #[track_caller]
    #[must_use]
    pub fn weights(mut self, weights: &[f64]) -> RandomChoice {
        let count = self.transforms.steps().len();
        if weights.len() != count
            || weights.iter().any(|w| w.is_nan() || *w < 0.0)
            || weights.iter().sum::<f64>() <= 0.0
        {
            tensor::fault!("random_choice", [], "{weights:?} are no weights of {count} transforms");
        }
        self.weights = weights.to_vec();
        self
    }
}

/// Several transforms in random order. PyTorch: `torchvision.transforms.RandomOrder`.
#[derive(Debug)]
pub struct RandomOrder {
    transforms: Compose,
}

impl RandomOrder {
    /// Every order is equally likely.
    pub fn new(transforms: Compose) -> RandomOrder {
        RandomOrder { transforms }
    }
}

impl Transform for RandomApply {
    fn apply(&self, picture: Picture, generator: &mut Generator) -> (Picture, Record) {
        if generator.uniform() < self.p {
            self.transforms.apply(picture, generator)
        } else {
            (picture, Record::default())
        }
    }

    fn invertibility(&self) -> Invertibility {
        self.transforms.invertibility()
    }
}

impl Transform for RandomChoice {
    fn apply(&self, picture: Picture, generator: &mut Generator) -> (Picture, Record) {
        let mut left = generator.uniform() * self.weights.iter().sum::<f64>();
        let chosen = self.weights.iter().position(|weight| {
            left -= weight;
            left < 0.0
        });
        match chosen.and_then(|at| self.transforms.steps().get(at)) {
            Some(step) => step.apply(picture, generator),
            None => (picture, Record::default()),
        }
    }

    fn invertibility(&self) -> Invertibility {
        self.transforms.invertibility()
    }
}

impl Transform for RandomOrder {
    fn apply(&self, picture: Picture, generator: &mut Generator) -> (Picture, Record) {
        let mut order: Vec<usize> = (0..self.transforms.steps().len()).collect();
        generator.shuffle(&mut order);
        order.into_iter().fold((picture, Record::default()), |(picture, record), at| {
            let (picture, more) = self.transforms.steps()[at].apply(picture, generator);
            (picture, record.then(more))
        })
    }

    fn invertibility(&self) -> Invertibility {
        self.transforms.invertibility()
    }
}
