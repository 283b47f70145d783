//! One pass over parameters, gradients and optimizer state.
//!
//! An optimizer's step is a formula per element. Written with tensor ops it would walk over memory once per operation;
//! here the formula is a [`Rule`] over [`Lane`]s, and [`update`] runs it on all parameters of a network in one parallel
//! region: every number is read once and written once. Parameters, gradients and state may lie in memory in different
//! orders; the parameter's order decides.

use std::array::from_fn;
use std::ops::{Add, Div, Mul, Neg, Sub};

use crate::simd::{self, Real, Simd, dispatch};
use crate::{Element, Layout, Tensor, parallel};

/// Elements per task.
const CHUNK: usize = 16 * 1024;

/// A register of numbers: what a [`Rule`] computes with.
///
/// Values come from [`update`] alone, and constants from a value ([`Lane::constant`]), so lanes exist only where the
/// CPU has their instructions.
pub trait Lane:
    Copy
    + Add<Output = Self>
    + Sub<Output = Self>
    + Mul<Output = Self>
    + Div<Output = Self>
    + Neg<Output = Self>
    + sealed::Sealed
{
    /// `value` in every lane.
    fn constant(self, value: f64) -> Self;
    /// The square root.
    fn sqrt(self) -> Self;
    /// The absolute value.
    fn abs(self) -> Self;
    /// `if self > other { self } else { other }`.
    fn max(self, other: Self) -> Self;
    /// `if self < other { self } else { other }`.
    fn min(self, other: Self) -> Self;
    /// `yes` where `self > 0`, else `no`.
    fn if_positive(self, yes: Self, no: Self) -> Self;

    /// `-1`, `0` or `1`.
    #[inline(always)]
    fn sign(self) -> Self {
        let zero = self.constant(0.0);
        self.if_positive(self.constant(1.0), (-self).if_positive(self.constant(-1.0), zero))
    }

    /// `self + weight (to - self)`, computed from the nearer end. PyTorch: `torch.lerp`.
    #[inline(always)]
    fn lerp(self, to: Self, weight: f64) -> Self {
        if weight.abs() < 0.5 {
            self + (to - self) * self.constant(weight)
        } else {
            to - (to - self) * self.constant(1.0 - weight)
        }
    }
}

mod sealed {
    pub trait Sealed {}
}

#[derive(Clone, Copy)]
struct Vector<S: Simd>(S::Vector);

impl<S: Simd> sealed::Sealed for Vector<S> {}

macro_rules! operator {
    ($trait:ident, $method:ident) => {
        impl<S: Simd> $trait for Vector<S> {
            type Output = Self;
            #[inline(always)]
            fn $method(self, other: Self) -> Self {
                // SAFETY: vectors exist only inside a kernel that runs at the level of `S`.
                Vector(unsafe { S::$method(self.0, other.0) })
            }
        }
    };
}
operator!(Add, add);
operator!(Sub, sub);
operator!(Mul, mul);
operator!(Div, div);

impl<S: Simd> Neg for Vector<S> {
    type Output = Self;
    #[inline(always)]
    fn neg(self) -> Self {
        // SAFETY: vectors exist only inside a kernel that runs at the level of `S`.
        Vector(unsafe { S::neg(self.0) })
    }
}

impl<S: Simd> Lane for Vector<S> {
    #[inline(always)]
    fn constant(self, value: f64) -> Self {
        // SAFETY: vectors exist only inside a kernel that runs at the level of `S`.
        Vector(unsafe { S::splat(<S::Scalar as Real>::from_f64(value)) })
    }

    #[inline(always)]
    fn sqrt(self) -> Self {
        // SAFETY: as above.
        Vector(unsafe { S::sqrt(self.0) })
    }

    #[inline(always)]
    fn abs(self) -> Self {
        // SAFETY: as above.
        Vector(unsafe { S::abs(self.0) })
    }

    #[inline(always)]
    fn max(self, other: Self) -> Self {
        // SAFETY: as above.
        Vector(unsafe { S::max(self.0, other.0) })
    }

    #[inline(always)]
    fn min(self, other: Self) -> Self {
        // SAFETY: as above.
        Vector(unsafe { S::min(self.0, other.0) })
    }

    #[inline(always)]
    fn if_positive(self, yes: Self, no: Self) -> Self {
        // SAFETY: as above.
        Vector(unsafe { S::select(S::less(S::zero(), self.0), yes.0, no.0) })
    }
}

/// A formula that makes the next value and state of one element from value, gradient and state.
///
/// Implementations mark [`Rule::apply`] `#[inline(always)]`, so that it is compiled for each instruction set.
pub trait Rule<const K: usize>: Copy + Send + Sync {
    /// The new value and the new state.
    fn apply<V: Lane>(&self, value: V, grad: V, state: [V; K]) -> (V, [V; K]);
}

/// One parameter of an [`update`]: its rule carries the numbers that hold for all its elements.
#[derive(Debug)]
pub struct Slot<'a, R, const K: usize> {
    /// The formula.
    pub rule: R,
    /// The parameter, changed in place where nobody shares it.
    pub value: &'a mut Tensor,
    /// Its gradient.
    pub grad: Tensor,
    /// The optimizer's memory, of the parameter's shape; brought to its dtype and memory order.
    pub state: &'a mut [Tensor],
}

/// Applies each slot's rule to all its elements, in one parallel region.
///
/// # Panics
/// If a gradient's or a state's shape differs from its parameter's, a slot has not `K` states, or a dtype is not a
/// float.
#[track_caller]
pub fn update<R: Rule<K>, const K: usize>(mut slots: Vec<Slot<'_, R, K>>) {
    for slot in &mut slots {
        slot.align();
    }
    run::<f32, R, K>(&mut slots);
    run::<f64, R, K>(&mut slots);
}

impl<R, const K: usize> Slot<'_, R, K> {
    #[track_caller]
    fn align(&mut self) {
        if self.state.len() != K {
            crate::fault!("update", [value: self.value.shape()], "expected {K} states, got {}", self.state.len());
        }
        for tensor in self.state.iter().chain([&self.grad]) {
            if tensor.shape() != self.value.shape() {
                crate::fault!("update", [value: self.value.shape(), grad: tensor.shape()], "shapes differ");
            }
        }
        if !self.value.layout().is_dense() {
            *self.value = self.value.contiguous();
        }
        let (layout, dtype) = (self.value.layout().like(), self.value.dtype());
        if !dtype.is_float() {
            crate::error::unsupported("update", dtype, "a float");
        }
        for tensor in self.state.iter_mut().chain([&mut self.grad]) {
            if tensor.dtype() != dtype {
                *tensor = tensor.to_dtype(dtype);
            }
            if !same_order(tensor.layout(), &layout) {
                *tensor = tensor.copy_into(layout.clone());
            }
        }
    }
}

/// Whether two layouts of one shape put every element at the same place of a dense stretch.
fn same_order(a: &Layout, b: &Layout) -> bool {
    a.shape().iter().zip(a.strides().iter().zip(b.strides())).all(|(&size, (a, b))| size <= 1 || a == b)
}

struct Work<'a, T, R, const K: usize> {
    rule: R,
    value: &'a mut [T],
    grad: &'a [T],
    state: [&'a mut [T]; K],
}

fn run<T: Element + Real, R: Rule<K>, const K: usize>(slots: &mut [Slot<'_, R, K>]) {
    let mut works: Vec<Work<'_, T, R, K>> = Vec::with_capacity(slots.len());
    let mut total = 0;
    for slot in slots.iter_mut().filter(|slot| slot.value.dtype() == T::DTYPE && !slot.value.is_empty()) {
        let mut value = slot.value.make_mut::<T>();
        let mut grad = slot.grad.as_memory::<T>().expect("aligned gradients are dense");
        let mut rest = slot.state.iter_mut();
        let mut state = from_fn(|_| rest.next().expect("as many states as the rule has").make_mut::<T>());
        total += value.len();
        while value.len() > CHUNK {
            let (head, tail) = value.split_at_mut(CHUNK);
            value = tail;
            let (grad_head, grad_tail) = grad.split_at(CHUNK);
            grad = grad_tail;
            let mut state_head: [&mut [T]; K] = from_fn(|_| Default::default());
            for (all, head) in state.iter_mut().zip(&mut state_head) {
                (*head, *all) = std::mem::take(all).split_at_mut(CHUNK);
            }
            works.push(Work { rule: slot.rule, value: head, grad: grad_head, state: state_head });
        }
        works.push(Work { rule: slot.rule, value, grad, state });
    }
    let level = simd::level();
    let pass = |work: &mut Work<'_, T, R, K>| {
        // SAFETY: `level` is what this CPU has; the kernel asks for nothing else.
        unsafe { pass_at(level, work) }
    };
    if total <= CHUNK {
        works.iter_mut().for_each(pass);
    } else {
        parallel::for_each_chunk(&mut works, 1, |_, work| work.iter_mut().for_each(pass));
    }
}

dispatch! {
    unsafe fn pass_at<T>[R: Rule<K>, const K: usize](work: &mut Work<'_, T, R, K>) = pass_kernel;
}

/// Loops, not arrays' `map`: that is compiled anew for every rule, level and type, and was an eighth of `nn`.
#[inline(always)]
unsafe fn pass_kernel<S: Simd, R: Rule<K>, const K: usize>(work: &mut Work<'_, S::Scalar, R, K>) {
    let len = work.value.len();
    let mut state = [std::ptr::null_mut(); K];
    for (start, state) in state.iter_mut().zip(&mut work.state) {
        assert!(state.len() == len, "update: lengths differ");
        *start = state.as_mut_ptr();
    }
    assert!(work.grad.len() == len, "update: lengths differ");
    let (rule, value, grad) = (work.rule, work.value.as_mut_ptr(), work.grad.as_ptr());
    let mut at = 0;
    // SAFETY: all slices have `len` elements, `at + LANES <= len` in the loop, and the tail touches `len - at` lanes.
    unsafe {
        let mut old = [Vector::<S>(S::zero()); K];
        while at + S::LANES <= len {
            for k in 0..K {
                old[k] = Vector(S::load(state[k].add(at)));
            }
            let (new, next) = rule.apply(Vector::<S>(S::load(value.add(at))), Vector(S::load(grad.add(at))), old);
            S::store(value.add(at), new.0);
            for k in 0..K {
                S::store(state[k].add(at), next[k].0);
            }
            at += S::LANES;
        }
        let rest = len - at;
        if rest > 0 {
            for k in 0..K {
                old[k] = Vector(S::load_first(state[k].add(at), rest));
            }
            let v = Vector::<S>(S::load_first(value.add(at), rest));
            let (new, next) = rule.apply(v, Vector(S::load_first(grad.add(at), rest)), old);
            S::store_first(value.add(at), rest, new.0);
            for k in 0..K {
                S::store_first(state[k].add(at), rest, next[k].0);
            }
        }
    }
}

/// The sum of squares of all elements, in `f64` and in a fixed order.
///
/// # Panics
/// If the dtype is not a float.
#[track_caller]
pub fn sum_of_squares(x: &Tensor) -> f64 {
    let x = if x.layout().is_dense() { x.clone() } else { x.contiguous() };
    crate::dispatch!(float "sum_of_squares", x.dtype(), T => {
        let data = x.as_memory::<T>().expect("just made dense");
        let mut partial = vec![0.0f64; data.len().div_ceil(CHUNK)];
        parallel::for_each_chunk(&mut partial, 1, |index, slot| {
            let chunk = &data[index * CHUNK..((index + 1) * CHUNK).min(data.len())];
            let mut lanes = [0.0f64; 8];
            for part in chunk.chunks(8) {
                for (lane, &x) in lanes.iter_mut().zip(part) {
                    let x = Element::to_f64(x);
                    *lane += x * x;
                }
            }
            slot[0] = lanes.iter().sum();
        });
        partial.iter().sum()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{DType, Generator, MemoryFormat};

    #[derive(Clone, Copy)]
    struct Momentum(f64);

    impl Rule<1> for Momentum {
        #[inline(always)]
        fn apply<V: Lane>(&self, value: V, grad: V, [buffer]: [V; 1]) -> (V, [V; 1]) {
            let buffer = buffer * grad.constant(0.5) + grad;
            (value - buffer * grad.constant(self.0), [buffer])
        }
    }

    fn check(shape: [usize; 4], value_format: MemoryFormat, grad_format: MemoryFormat, dtype: DType) {
        let mut g = Generator::new(3);
        let start = g.randn(shape, dtype).to_memory_format(value_format);
        let grad = g.randn(shape, dtype).to_memory_format(grad_format);
        let buffer = g.randn(shape, dtype);
        let expected_buffer = &(&buffer * 0.5) + &grad;
        let expected = &start - &(&expected_buffer * 0.1);
        for level in simd::available_levels() {
            for threads in [1, 2, 3] {
                parallel::set_num_threads(threads);
                simd::with_level(level, || {
                    let (mut value, mut state) = (start.clone(), vec![buffer.clone()]);
                    update(vec![Slot {
                        rule: Momentum(0.1),
                        value: &mut value,
                        grad: grad.clone(),
                        state: &mut state,
                    }]);
                    assert_eq!(value.strides(), start.strides());
                    assert_eq!(
                        value.to_dtype(DType::F64).to_vec::<f64>(),
                        expected.to_dtype(DType::F64).to_vec::<f64>()
                    );
                    let got = state[0].to_dtype(DType::F64).to_vec::<f64>();
                    assert_eq!(got, expected_buffer.to_dtype(DType::F64).to_vec::<f64>());
                });
            }
        }
    }

    #[test]
    fn any_memory_orders_sizes_levels_and_threads() {
        use MemoryFormat::{ChannelsLast, Contiguous};
        for dtype in [DType::F32, DType::F64] {
            for (value, grad) in [(Contiguous, Contiguous), (Contiguous, ChannelsLast), (ChannelsLast, Contiguous)] {
                check([2, 3, 5, 7], value, grad, dtype);
                check([1, 1, 1, 1], value, grad, dtype);
                check([0, 3, 5, 7], value, grad, dtype);
                check([8, 64, 9, 11], value, grad, dtype);
            }
        }
    }

    #[test]
    fn a_shared_value_is_copied_first() {
        let mut value = Tensor::from([1.0f32, 2.0]);
        let before = value.clone();
        let slot = Slot {
            rule: Momentum(1.0),
            value: &mut value,
            grad: Tensor::from([1.0f32, 1.0]),
            state: &mut [Tensor::from([0.0f32, 0.0])],
        };
        update(vec![slot]);
        assert_eq!(before.to_vec::<f32>(), [1.0, 2.0]);
        assert_eq!(value.to_vec::<f32>(), [0.0, 1.0]);
    }

    #[test]
    fn sums_of_squares_have_the_same_bits_on_any_number_of_threads() {
        let x = Generator::new(1).randn([100_003], DType::F32);
        let sums: Vec<u64> = [1, 2, 3]
            .iter()
            .map(|&threads| {
                parallel::set_num_threads(threads);
                sum_of_squares(&x).to_bits()
            })
            .collect();
        assert!(sums[0] == sums[1] && sums[1] == sums[2]);
        let naive: f64 = x.to_vec::<f32>().iter().map(|&x| f64::from(x) * f64::from(x)).sum();
        assert!((f64::from_bits(sums[0]) - naive).abs() < 1e-8 * naive);
    }
}
