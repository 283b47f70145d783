//! Draws from distributions: normal with given moments and bounds, coin tosses, and choices by weight.

use std::f64::consts::SQRT_2;

use super::{Default, Generator, require_float};
use crate::ops::special::inverse_erf;
use crate::{DType, Element, Layout, Tensor, dispatch};

impl Generator {
    /// Normal numbers of the given mean and standard deviation. PyTorch: `torch.normal`.
    ///
    /// # Panics
    /// If `dtype` is not a float.
    #[track_caller]
    pub fn normal_with(&mut self, shape: impl AsRef<[usize]>, mean: f64, std: f64, dtype: DType) -> Tensor {
        require_float("normal", dtype);
        self.fill(shape.as_ref(), dtype, |g| mean + std * g.normal())
    }

    /// Normal numbers of the given `[mean, std]`, drawn again (in effect) until they lie in `[low, high]`: one uniform
    /// number each, through the inverse of the distribution. PyTorch: `torch.nn.init.trunc_normal_`.
    ///
    /// ```
    /// # use gradus_tensor::{DType, Generator};
    /// let x = Generator::new(1).trunc_normal([1000], [0.0, 1.0], [-2.0, 2.0], DType::F64);
    /// assert!(x.abs().max_all().unwrap() <= 2.0);
    /// ```
    ///
    /// # Panics
    /// If the range is empty or `dtype` is not a float.
    #[track_caller]
    pub fn trunc_normal(
        &mut self,
        shape: impl AsRef<[usize]>,
        [mean, std]: [f64; 2],
        [low, high]: [f64; 2],
        dtype: DType,
    ) -> Tensor {
        require_float("trunc_normal", dtype);
        // Written so that NaN is refused, too.
        if low.partial_cmp(&high).is_none_or(|order| order.is_gt()) {
            crate::fault!("trunc_normal", [], "the range {low}..{high} is empty");
        }
        let erf = |bound: f64| libm::erf((bound - mean) / (std * SQRT_2));
        let (from, to) = (erf(low), erf(high));
        self.fill(shape.as_ref(), dtype, |g| {
            let x = mean + std * SQRT_2 * inverse_erf(from + (to - from) * g.uniform());
            x.clamp(low, high)
        })
    }

    /// 1 with the probability that each element gives, else 0, in the same dtype. PyTorch: `torch.bernoulli`.
    ///
    /// # Panics
    /// If the dtype is not a float or an element is no probability.
    #[track_caller]
    pub fn bernoulli(&mut self, probabilities: &Tensor) -> Tensor {
        require_float("bernoulli", probabilities.dtype());
        dispatch!(float "bernoulli", probabilities.dtype(), T => {
            let list = probabilities.to_vec::<T>();
            if let Some(bad) = list.iter().find(|p| !(0.0..=1.0).contains(*p)) {
                crate::fault!("bernoulli", [input: probabilities.shape()], "probability {bad} is not between 0 and 1");
            }
            Tensor::build::<T>(Layout::contiguous(probabilities.shape()), |out| {
                for (y, p) in out.iter_mut().zip(list) {
                    *y = if self.uniform() < p.to_f64() { T::ONE } else { T::ZERO };
                }
            })
        })
    }

    /// `draws` indices, `i64`, chosen with probabilities proportional to the weights in the last axis, for each row;
    /// without replacement no index comes twice. PyTorch: `torch.multinomial`.
    ///
    /// ```
    /// # use gradus_tensor::{Generator, Tensor};
    /// let x = Generator::new(1).multinomial(&Tensor::from([0.0, 1.0, 3.0]), 2, false);
    /// assert_eq!(x.sort(0, false).0.to_vec::<i64>(), [1, 2]);
    /// ```
    ///
    /// # Panics
    /// If there are not 1 or 2 axes, the dtype is not a float, a weight is negative or not finite, all are 0, or fewer
    /// weights than `draws` are positive where none may come twice.
    #[track_caller]
    pub fn multinomial(&mut self, weights: &Tensor, draws: usize, replacement: bool) -> Tensor {
        require_float("multinomial", weights.dtype());
        if !(1..=2).contains(&weights.rank()) {
            crate::fault!("multinomial", [input: weights.shape()], "expected 1 or 2 axes, got {}", weights.rank());
        }
        let rows = weights.to_dtype(DType::F64).contiguous();
        let list = rows.as_slice::<f64>().unwrap_or_default();
        if let Some(bad) = list.iter().find(|w| !(0.0..f64::INFINITY).contains(*w)) {
            crate::fault!("multinomial", [input: weights.shape()], "weight {bad} is no finite number from 0 on");
        }
        let choices = weights.size(-1);
        let mut picked: Vec<i64> = vec![];
        for row in list.chunks(choices.max(1)) {
            let positive = row.iter().filter(|&&w| w > 0.0).count();
            if positive == 0 || (!replacement && draws > positive) {
                crate::fault!("multinomial", [input: weights.shape()], "{draws} draws from {positive} choices");
            }
            if replacement {
                self.with_replacement(row, draws, &mut picked);
            } else {
                self.without_replacement(row, draws, &mut picked);
            }
        }
        let mut shape = weights.shape().to_vec();
        shape[weights.rank() - 1] = draws;
        Tensor::from_vec(picked, shape)
    }

    fn with_replacement(&mut self, row: &[f64], draws: usize, picked: &mut Vec<i64>) {
        let sums: Vec<f64> = row
            .iter()
            .scan(0.0, |sum, &w| {
                *sum += w;
                Some(*sum)
            })
            .collect();
        let total = sums.last().copied().unwrap_or(0.0);
        let last = row.iter().rposition(|&w| w > 0.0).unwrap_or(0);
        for _ in 0..draws {
            let target = self.uniform() * total;
            // The first whose sum exceeds the target has a positive weight; rounding may lead behind the last.
            picked.push(sums.partition_point(|&sum| sum <= target).min(last) as i64);
        }
    }

    /// By an exponential race (Efraimidis and Spirakis, 2006): each choice arrives after an exponential time with its
    /// weight as the rate, and the first to arrive are taken.
    fn without_replacement(&mut self, row: &[f64], draws: usize, picked: &mut Vec<i64>) {
        let mut race: Vec<(f64, usize)> = row
            .iter()
            .enumerate()
            .map(|(i, &w)| {
                let time = -libm::log(1.0 - self.uniform()) / w;
                (if w > 0.0 { time } else { f64::INFINITY }, i)
            })
            .filter(|&(_, i)| row[i] > 0.0)
            .collect();
        race.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        picked.extend(race[..draws].iter().map(|&(_, i)| i as i64));
    }
}

impl Tensor {
    /// Normal numbers of the given mean and standard deviation from the default generator.
    ///
    /// # Panics
    /// If `dtype` is not a float.
    #[track_caller]
    pub fn normal(shape: impl AsRef<[usize]>, mean: f64, std: f64, dtype: DType) -> Tensor {
        Default::lock().generator().normal_with(shape, mean, std, dtype)
    }

    /// [`Generator::trunc_normal`] from the default generator.
    ///
    /// # Panics
    /// If the range is empty or `dtype` is not a float.
    #[track_caller]
    pub fn trunc_normal(shape: impl AsRef<[usize]>, moments: [f64; 2], range: [f64; 2], dtype: DType) -> Tensor {
        Default::lock().generator().trunc_normal(shape, moments, range, dtype)
    }

    /// [`Generator::bernoulli`] from the default generator, with this tensor's elements as probabilities.
    ///
    /// # Panics
    /// If the dtype is not a float or an element is no probability.
    #[track_caller]
    pub fn bernoulli(&self) -> Tensor {
        Default::lock().generator().bernoulli(self)
    }

    /// [`Generator::multinomial`] from the default generator, with this tensor's elements as weights.
    ///
    /// # Panics
    /// As there.
    #[track_caller]
    pub fn multinomial(&self, draws: usize, replacement: bool) -> Tensor {
        Default::lock().generator().multinomial(self, draws, replacement)
    }

    /// Uniform numbers in [0, 1) with another tensor's shape and dtype.
    ///
    /// # Panics
    /// If the dtype is not a float.
    #[track_caller]
    pub fn rand_like(&self) -> Tensor {
        Tensor::rand(self.shape(), self.dtype())
    }

    /// Standard normal numbers with another tensor's shape and dtype.
    ///
    /// # Panics
    /// If the dtype is not a float.
    #[track_caller]
    pub fn randn_like(&self) -> Tensor {
        Tensor::randn(self.shape(), self.dtype())
    }
}
