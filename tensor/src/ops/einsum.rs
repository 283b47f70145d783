//! Einstein's summation: sums of products of operands whose axes are named by letters.
//!
//! The rules stand here once, in terms of a few ops of a trait, so that tensors and differentiable variables share them.

use std::fmt;

use smallvec::SmallVec;

use crate::{DType, Tensor};

/// What [`einsum`] needs of its operands.
pub trait EinsumOperand: Clone {
    /// Sizes per axis.
    fn sizes(&self) -> &[usize];
    /// The type of the elements.
    fn dtype(&self) -> DType;
    /// The diagonal of two axes as a new last axis.
    fn diagonal(&self, offset: isize, a: isize, b: isize) -> Self;
    /// The axes in another order.
    fn permute(&self, order: &[isize]) -> Self;
    /// The same elements under another shape.
    fn reshape(&self, shape: &[usize]) -> Self;
    /// The sum over axes, which vanish; there is at least one.
    fn sum(&self, axes: &[isize]) -> Self;
    /// The elementwise product, broadcast.
    fn mul(&self, other: &Self) -> Self;
    /// The product of two batches of matrices, `[b, m, k] x [b, k, n]`.
    fn bmm(&self, other: &Self) -> Self;
}

impl EinsumOperand for Tensor {
    fn sizes(&self) -> &[usize] {
        self.shape()
    }
    fn dtype(&self) -> DType {
        Tensor::dtype(self)
    }
    fn diagonal(&self, offset: isize, a: isize, b: isize) -> Tensor {
        Tensor::diagonal(self, offset, a, b)
    }
    fn permute(&self, order: &[isize]) -> Tensor {
        Tensor::permute(self, order)
    }
    fn reshape(&self, shape: &[usize]) -> Tensor {
        Tensor::reshape(self, shape)
    }
    fn sum(&self, axes: &[isize]) -> Tensor {
        Tensor::sum(self, axes, false)
    }
    fn mul(&self, other: &Tensor) -> Tensor {
        Tensor::mul(self, other)
    }
    fn bmm(&self, other: &Tensor) -> Tensor {
        Tensor::bmm(self, other)
    }
}

/// An axis' name: a letter, or a place in the ellipsis counted from its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Name {
    Ellipsis(usize),
    Letter(char),
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Name::Ellipsis(place) => write!(f, "... (axis {} from its end)", place + 1),
            Name::Letter(letter) => write!(f, "{letter}"),
        }
    }
}

type Names = SmallVec<[Name; 8]>;

#[cold]
#[track_caller]
fn fault<A: EinsumOperand>(operands: &[A], equation: &str, message: fmt::Arguments<'_>) -> ! {
    let shapes: Vec<(&str, &[usize])> = operands.iter().map(|operand| ("operand", operand.sizes())).collect();
    crate::error::fail("einsum", format_args!("{message} in {equation:?}"), &shapes)
}

/// The sum of products that `equation` names, as `"bij,bjk->bik"`: a letter per axis of each operand, `...` for axes that
/// broadcast, and behind `->` the axes of the result; without `->` those that occur once, in alphabetical order. A letter
/// twice in one operand takes the diagonal; letters that the result lacks are summed over.
///
/// Operands are contracted from left to right, each pair by one batched matrix product.
///
/// ```
/// use gradus_tensor::{Tensor, einsum};
/// let x = Tensor::from([[1.0, 2.0], [3.0, 4.0]]);
/// assert_eq!(einsum("ij,kj->ik", &[x.clone(), x.clone()]).to_vec::<f64>(), [5.0, 11.0, 11.0, 25.0]);
/// assert_eq!(einsum("ii", &[x]).item::<f64>(), 5.0);
/// ```
///
/// PyTorch: `torch.einsum`.
///
/// # Panics
/// If the equation is malformed or does not fit the operands.
#[track_caller]
pub fn einsum<A: EinsumOperand>(equation: &str, operands: &[A]) -> A {
    let text: String = equation.chars().filter(|c| !c.is_whitespace()).collect();
    let (left, right) = match text.split_once("->") {
        Some((left, right)) => (left, Some(right)),
        None => (text.as_str(), None),
    };
    let terms: Vec<&str> = left.split(',').collect();
    if terms.len() != operands.len() {
        fault(operands, equation, format_args!("{} terms for {} operands", terms.len(), operands.len()));
    }
    if let Some(odd) = operands.iter().find(|operand| operand.dtype() != operands[0].dtype()) {
        let (first, odd) = (operands[0].dtype(), odd.dtype());
        fault(operands, equation, format_args!("dtypes differ, {first} and {odd}; convert with to_dtype,"));
    }
    let mut parts: Vec<(A, Names)> = vec![];
    let mut sizes: Vec<(Name, usize)> = vec![];
    for (term, operand) in terms.iter().zip(operands) {
        let rank = operand.sizes().len();
        let names = match parse(term, Some(rank), rank) {
            Some(names) => names,
            None => fault(operands, equation, format_args!("{term:?} does not name {rank} axes")),
        };
        for (&name, &size) in names.iter().zip(operand.sizes()) {
            match sizes.iter_mut().find(|(known, _)| *known == name) {
                None => sizes.push((name, size)),
                Some((_, known)) if *known == 1 => *known = size,
                Some((_, known)) if *known == size || size == 1 => {}
                Some((_, known)) => {
                    fault(operands, equation, format_args!("sizes of {name} differ, {known} and {size}"))
                }
            }
        }
        parts.push(distinct(operand, names));
    }
    let widest = sizes.iter().filter(|(name, _)| matches!(name, Name::Ellipsis(_))).count();
    let output = match right {
        Some(right) => match parse(right, None, widest) {
            Some(names) => names,
            None => fault(operands, equation, format_args!("{right:?} does not name axes")),
        },
        None => once(&terms, widest),
    };
    for (i, name) in output.iter().enumerate() {
        if output[..i].contains(name) || !sizes.iter().any(|(known, _)| known == name) {
            fault(operands, equation, format_args!("{name} of the result is repeated or unknown"));
        }
    }
    let mut parts = parts.into_iter();
    let Some(mut result) = parts.next() else {
        fault(operands, equation, format_args!("there is no operand"));
    };
    let mut rest: Vec<(A, Names)> = parts.collect();
    while !rest.is_empty() {
        let next = rest.remove(0);
        let needed = |name: &Name| output.contains(name) || rest.iter().any(|(_, names)| names.contains(name));
        result = contract(result, next, needed);
    }
    let (result, names) = sum_out(result, |name| output.contains(name));
    let order: Vec<isize> =
        output.iter().map(|name| names.iter().position(|known| known == name).unwrap_or_default() as isize).collect();
    result.permute(&order)
}

/// The names of a term; the ellipsis stands for the axes that letters leave of `rank`, or for `widest` ones.
fn parse(term: &str, rank: Option<usize>, widest: usize) -> Option<Names> {
    let (before, after, dots) = match term.split_once("...") {
        Some((before, after)) => (before, after, true),
        None => (term, "", false),
    };
    let letters = before.chars().count() + after.chars().count();
    if !before.chars().chain(after.chars()).all(|c| c.is_ascii_alphabetic()) {
        return None;
    }
    let hidden = match (rank, dots) {
        (_, false) => 0,
        (Some(rank), true) => rank.checked_sub(letters)?,
        (None, true) => widest,
    };
    if rank.is_some_and(|rank| rank != letters + hidden) {
        return None;
    }
    let letter = Name::Letter;
    Some(
        before
            .chars()
            .map(letter)
            .chain((0..hidden).rev().map(Name::Ellipsis))
            .chain(after.chars().map(letter))
            .collect(),
    )
}

/// The result's names where the equation does not say: the ellipsis, then letters that occur once, in order.
fn once(terms: &[&str], widest: usize) -> Names {
    let all: String = terms.concat();
    let mut letters: Vec<char> =
        all.chars().filter(|&c| c.is_ascii_alphabetic() && all.matches(c).count() == 1).collect();
    letters.sort_unstable();
    (0..widest).rev().map(Name::Ellipsis).chain(letters.into_iter().map(Name::Letter)).collect()
}

/// The operand with each name once: repeated ones become their diagonal.
fn distinct<A: EinsumOperand>(operand: &A, mut names: Names) -> (A, Names) {
    let mut x = operand.clone();
    while let Some((a, b)) =
        (0..names.len()).flat_map(|b| (0..b).map(move |a| (a, b))).find(|&(a, b)| names[a] == names[b])
    {
        x = x.diagonal(0, a as isize, b as isize);
        let name = names.remove(b);
        names.remove(a);
        names.push(name);
    }
    (x, names)
}

/// Sums over the axes that nobody needs.
fn sum_out<A: EinsumOperand>((x, names): (A, Names), needed: impl Fn(&Name) -> bool) -> (A, Names) {
    let axes: Vec<isize> = (0..names.len()).filter(|&i| !needed(&names[i])).map(|i| i as isize).collect();
    if axes.is_empty() {
        return (x, names);
    }
    (x.sum(&axes), names.into_iter().filter(|name| needed(name)).collect())
}

/// The product of two operands, summed over what neither the result nor later operands need.
fn contract<A: EinsumOperand>(a: (A, Names), b: (A, Names), needed: impl Fn(&Name) -> bool) -> (A, Names) {
    let (a, b) = (
        sum_out(a, |name| needed(name) || b.1.contains(name)),
        // What only `b` has and nobody needs is summed before the product.
        (b.0, b.1),
    );
    let b = sum_out(b, |name| needed(name) || a.1.contains(name));
    let size =
        |(x, names): &(A, Names), name: &Name| names.iter().position(|known| known == name).map(|i| x.sizes()[i]);
    // Axes of size 1 against larger ones broadcast, which a matrix product cannot: they count as absent.
    let shared: Names = a.1.iter().copied().filter(|name| size(&a, name) == size(&b, name)).collect();
    let clash = |one: &(A, Names), other: &(A, Names)| {
        one.1.iter().any(|name| size(one, name) == Some(1) && size(other, name).is_some_and(|size| size != 1))
    };
    let squeeze = |one: &(A, Names), other: &(A, Names)| -> (A, Names) {
        let keep = |name: &Name| !(size(one, name) == Some(1) && size(other, name).is_some_and(|size| size != 1));
        let shape: Vec<usize> =
            one.1.iter().zip(one.0.sizes()).filter(|(name, _)| keep(name)).map(|(_, &s)| s).collect();
        (one.0.reshape(&shape), one.1.iter().copied().filter(keep).collect())
    };
    if clash(&a, &b) || clash(&b, &a) {
        let (a, b) = (squeeze(&a, &b), squeeze(&b, &a));
        return contract(a, b, needed);
    }
    let batch: Names = shared.iter().copied().filter(|name| needed(name)).collect();
    let inner: Names = shared.iter().copied().filter(|name| !needed(name)).collect();
    let rows: Names = a.1.iter().copied().filter(|name| !shared.contains(name)).collect();
    let columns: Names = b.1.iter().copied().filter(|name| !shared.contains(name)).collect();
    let arrange = |(x, names): &(A, Names), groups: [&Names; 3]| {
        let order: Vec<isize> = groups
            .iter()
            .flat_map(|group| group.iter())
            .map(|name| names.iter().position(|known| known == name).unwrap_or_default() as isize)
            .collect();
        let sizes = groups.map(|group| {
            group.iter().map(|name| size(&(x.clone(), names.clone()), name).unwrap_or(1)).product::<usize>()
        });
        x.permute(&order).reshape(&sizes)
    };
    let product = if inner.is_empty() && (rows.is_empty() || columns.is_empty()) {
        // Nothing is summed: a plain product does.
        arrange(&a, [&batch, &rows, &inner]).mul(&arrange(&b, [&batch, &inner, &columns]))
    } else {
        arrange(&a, [&batch, &rows, &inner]).bmm(&arrange(&b, [&batch, &inner, &columns]))
    };
    let names: Names = batch.iter().chain(&rows).chain(&columns).copied().collect();
    let shape: Vec<usize> = names.iter().map(|name| size(&a, name).or(size(&b, name)).unwrap_or(1)).collect();
    (product.reshape(&shape), names)
}
