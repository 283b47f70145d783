//! Seeded randomness: the same seed gives the same stream on every platform and for any number of threads.
//!
//! ChaCha8 gives the bits; what is made of them uses only exact operations and `libm`, never the platform's maths.

mod distribution;

use std::cell::Cell;
use std::sync::{Mutex, MutexGuard, PoisonError};

use chacha20::ChaCha8Rng;
use rand::{Rng, SeedableRng};

use crate::{DType, Element, Float, Layout, Tensor, dispatch, shape};

/// A stream of random numbers.
///
/// ```
/// use gradus_tensor::{DType, Generator};
/// let mut a = Generator::new(7);
/// let mut b = Generator::new(7);
/// assert_eq!(a.randn([3], DType::F32).to_vec::<f32>(), b.randn([3], DType::F32).to_vec::<f32>());
/// ```
#[derive(Debug)]
pub struct Generator {
    stream: ChaCha8Rng,
}

impl Clone for Generator {
    fn clone(&self) -> Generator {
        Generator::from_state(self.state())
    }
}

/// Where a [`Generator`] stands, to be stored and restored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GeneratorState {
    /// The 256-bit key.
    pub seed: [u8; 32],
    /// The position in the stream, in 32-bit words.
    pub position: u128,
}

impl Generator {
    /// The stream of a seed.
    pub fn new(seed: u64) -> Generator {
        Generator { stream: ChaCha8Rng::seed_from_u64(seed) }
    }

    /// The stream of a key of several numbers, such as `[seed, epoch, sample]`: independent of every other key's.
    pub fn keyed(key: [u64; 4]) -> Generator {
        let mut seed = [0u8; 32];
        for (bytes, word) in seed.chunks_exact_mut(8).zip(key) {
            bytes.copy_from_slice(&word.to_le_bytes());
        }
        Generator { stream: ChaCha8Rng::from_seed(seed) }
    }

    /// Where the stream stands.
    pub fn state(&self) -> GeneratorState {
        GeneratorState { seed: self.stream.get_seed(), position: self.stream.get_word_pos() }
    }

    /// The stream that stood at `state`, from there on.
    pub fn from_state(state: GeneratorState) -> Generator {
        let mut stream = ChaCha8Rng::from_seed(state.seed);
        stream.set_word_pos(state.position);
        Generator { stream }
    }

    /// 64 random bits.
    pub fn bits(&mut self) -> u64 {
        self.stream.next_u64()
    }

    /// A number in [0, 1), of 53 random bits.
    pub fn uniform(&mut self) -> f64 {
        (self.bits() >> 11) as f64 * (1.0 / (1u64 << 53) as f64)
    }

    /// A standard normal number (Box and Muller, 1958).
    pub fn normal(&mut self) -> f64 {
        // 1 - u is in (0, 1], so the logarithm is finite.
        let radius = (-2.0 * libm::log(1.0 - self.uniform())).sqrt();
        radius * libm::cos(std::f64::consts::TAU * self.uniform())
    }

    /// A whole number in `0..bound`, each equally likely.
    ///
    /// # Panics
    /// If `bound` is 0.
    #[track_caller]
    pub fn below(&mut self, bound: usize) -> usize {
        assert!(bound > 0, "below: the bound must be at least 1, got 0");
        // Lemire's multiplication, with rejection of the uneven rest.
        let bound = bound as u64;
        let threshold = bound.wrapping_neg() % bound;
        loop {
            let product = u128::from(self.bits()) * u128::from(bound);
            if product as u64 >= threshold {
                return (product >> 64) as usize;
            }
        }
    }

    /// Puts `items` into a random order (Fisher and Yates).
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.below(last + 1));
        }
    }

    #[track_caller]
    fn fill(&mut self, shape: &[usize], dtype: DType, mut draw: impl FnMut(&mut Generator) -> f64) -> Tensor {
        shape::len(shape);
        dispatch!(all "random", dtype, T => Tensor::build::<T>(Layout::contiguous(shape), |out| {
            for x in out {
                *x = <T as Element>::from_f64(draw(self));
            }
        }))
    }

    /// Uniform numbers in [0, 1).
    #[track_caller]
    pub fn rand(&mut self, shape: impl AsRef<[usize]>, dtype: DType) -> Tensor {
        self.uniform_between(shape, 0.0, 1.0, dtype)
    }

    /// Uniform numbers in [low, high).
    ///
    /// # Panics
    /// If `dtype` is not a float.
    #[track_caller]
    pub fn uniform_between(&mut self, shape: impl AsRef<[usize]>, low: f64, high: f64, dtype: DType) -> Tensor {
        require_float("rand", dtype);
        let values = self.fill(shape.as_ref(), dtype, |g| low + (high - low) * g.uniform());
        // Rounding to f32 may hit the open end.
        dispatch!(float "rand", dtype, T => {
            let top = num_traits::Float::max(<T as Element>::from_f64(low), <T as Element>::from_f64(high).before());
            values.map(|x: T| if x >= <T as Element>::from_f64(high) && high > low { top } else { x })
        })
    }

    /// Standard normal numbers.
    ///
    /// # Panics
    /// If `dtype` is not a float.
    #[track_caller]
    pub fn randn(&mut self, shape: impl AsRef<[usize]>, dtype: DType) -> Tensor {
        require_float("randn", dtype);
        self.fill(shape.as_ref(), dtype, Generator::normal)
    }

    /// Whole numbers in `low..high`, each equally likely.
    ///
    /// # Panics
    /// If `low >= high`.
    #[track_caller]
    pub fn randint(&mut self, shape: impl AsRef<[usize]>, low: i64, high: i64) -> Tensor {
        if low >= high {
            crate::fault!("randint", [], "the range {low}..{high} is empty");
        }
        let width = high.abs_diff(low) as usize;
        let shape = shape.as_ref();
        shape::len(shape);
        Tensor::build::<i64>(Layout::contiguous(shape), |out| {
            for x in out {
                *x = low.wrapping_add(self.below(width) as i64);
            }
        })
    }

    /// A random order of `0..n`, as `i64`.
    pub fn randperm(&mut self, n: usize) -> Tensor {
        let mut order: Vec<i64> = (0..n as i64).collect();
        self.shuffle(&mut order);
        Tensor::from_vec(order, [n])
    }
}

#[track_caller]
fn require_float(op: &str, dtype: DType) {
    if !dtype.is_float() {
        crate::error::unsupported(op, dtype, "a float");
    }
}

trait Before: Float {
    /// The next smaller number.
    fn before(self) -> Self;
}

impl<T: Float> Before for T {
    fn before(self) -> T {
        let step = num_traits::Float::abs(self) * T::epsilon() / (T::ONE + T::ONE);
        self - num_traits::Float::max(step, T::min_positive_value())
    }
}

static DEFAULT: Mutex<Option<Generator>> = Mutex::new(None);

thread_local! {
    /// The generator of the innermost [`with_seed`] of this thread.
    static SCOPED: Cell<Option<Box<Generator>>> = const { Cell::new(None) };
}

/// The default generator while somebody draws from it. Its methods are called on it directly rather than in a closure,
/// so that their faults blame the line of the user.
enum Default {
    Shared(MutexGuard<'static, Option<Generator>>),
    /// That of a [`with_seed`], which goes back when the draw ends.
    Scoped(Option<Box<Generator>>),
}

impl Default {
    fn lock() -> Default {
        match SCOPED.take() {
            Some(generator) => Default::Scoped(Some(generator)),
            // A fault in a draw leaves a generator that is as good as any.
            None => Default::Shared(DEFAULT.lock().unwrap_or_else(PoisonError::into_inner)),
        }
    }

    fn generator(&mut self) -> &mut Generator {
        match self {
            Default::Shared(shared) => shared.get_or_insert_with(|| Generator::new(0)),
            Default::Scoped(generator) => generator.as_mut().expect("taken when dropped alone"),
        }
    }
}

impl Drop for Default {
    fn drop(&mut self) {
        if let Default::Scoped(generator) = self {
            SCOPED.set(generator.take());
        }
    }
}

/// Seeds the default generator, which every random function without one of its own draws from.
///
/// ```
/// use gradus_tensor::{DType, Tensor, manual_seed};
/// manual_seed(2);
/// let first = Tensor::rand([4], DType::F32).to_vec::<f32>();
/// manual_seed(2);
/// assert_eq!(Tensor::rand([4], DType::F32).to_vec::<f32>(), first);
/// ```
pub fn manual_seed(seed: u64) {
    *Default::lock().generator() = Generator::new(seed);
}

/// Runs `body` with a default generator of this thread's own, seeded with `seed`: what is drawn inside neither depends
/// on other threads nor moves the stream outside (as `torch.random.fork_rng` with a seed).
///
/// ```
/// use gradus_tensor::{DType, Tensor, with_seed};
/// let draw = || Tensor::rand([4], DType::F32).to_vec::<f32>();
/// assert_eq!(with_seed(2, draw), with_seed(2, draw));
/// ```
pub fn with_seed<R>(seed: u64, body: impl FnOnce() -> R) -> R {
    struct Restore(Option<Box<Generator>>);
    impl Drop for Restore {
        fn drop(&mut self) {
            SCOPED.set(self.0.take());
        }
    }
    let _restore = Restore(SCOPED.replace(Some(Box::new(Generator::new(seed)))));
    body()
}

/// Runs `draw` with the default generator, which starts from seed 0 unless [`manual_seed`] was called.
pub fn with_default_generator<R>(draw: impl FnOnce(&mut Generator) -> R) -> R {
    draw(Default::lock().generator())
}

impl Tensor {
    /// Uniform numbers in [0, 1) from the default generator.
    #[track_caller]
    pub fn rand(shape: impl AsRef<[usize]>, dtype: DType) -> Tensor {
        Default::lock().generator().rand(shape, dtype)
    }

    /// Standard normal numbers from the default generator.
    #[track_caller]
    pub fn randn(shape: impl AsRef<[usize]>, dtype: DType) -> Tensor {
        Default::lock().generator().randn(shape, dtype)
    }

    /// Whole numbers in `low..high` from the default generator.
    #[track_caller]
    pub fn randint(shape: impl AsRef<[usize]>, low: i64, high: i64) -> Tensor {
        Default::lock().generator().randint(shape, low, high)
    }

    /// A random order of `0..n` from the default generator.
    pub fn randperm(n: usize) -> Tensor {
        Default::lock().generator().randperm(n)
    }
}
