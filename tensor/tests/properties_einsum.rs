//! Einstein sums against loops over every assignment of letters.

mod reference;

use gradus_tensor::{DType, Tensor, einsum};
use reference::{close, floats, indices, layouts, random};

/// Sums over every assignment of letters.
fn naive_einsum(terms: &[&str], output: &str, operands: &[Tensor]) -> Vec<f64> {
    let mut letters: Vec<char> = output.chars().collect();
    letters.extend(terms.concat().chars());
    let mut seen = vec![];
    letters.retain(|c| {
        !seen.contains(c) && {
            seen.push(*c);
            true
        }
    });
    let size = |c: char| {
        let sizes = terms.iter().zip(operands).filter_map(|(term, x)| term.find(c).map(|i| x.shape()[i]));
        sizes.max().unwrap()
    };
    let sizes: Vec<usize> = letters.iter().map(|&c| size(c)).collect();
    let out: Vec<usize> = sizes[..output.len()].to_vec();
    let mut result = vec![0.0; out.iter().product()];
    for index in indices(&sizes) {
        let product: f64 = terms
            .iter()
            .zip(operands)
            .map(|(term, x)| {
                let at: Vec<usize> =
                    term.chars().map(|c| index[letters.iter().position(|&l| l == c).unwrap()]).collect();
                floats(x).broadcast(&at)
            })
            .product();
        result[reference::flat(&out, &index[..out.len()])] += product;
    }
    result
}

#[test]
fn einsum_against_loops() {
    let sizes = |c: char| 2 + (c as usize - 'a' as usize) % 3;
    for (equation, output) in [
        ("ij,jk->ik", "ik"),
        ("bij,bjk->bik", "bik"),
        ("ij,ij->", ""),
        ("ij->ji", "ji"),
        ("ii->i", "i"),
        ("ii", ""),
        ("i,j->ij", "ij"),
        ("ij,kj,k->i", "i"),
        ("abc,cd,bde->ae", "ae"),
        ("aab->b", "b"),
        ("ab,ab->ab", "ab"),
        ("ab,cd->dbca", "dbca"),
        ("abc->", ""),
        ("ba,cb", "ac"),
        ("iij,jk->ik", "ik"),
    ] {
        let left = equation.split("->").next().unwrap();
        let terms: Vec<&str> = left.split(',').collect();
        let operands: Vec<Tensor> = terms
            .iter()
            .enumerate()
            .map(|(i, term)| {
                let shape: Vec<usize> = term.chars().map(sizes).collect();
                random(&shape, i as u64, DType::F64)
            })
            .collect();
        let expected = naive_einsum(&terms, output, &operands);
        let count = layouts(&operands[0]).len();
        for k in 0..count {
            let operands: Vec<Tensor> = operands
                .iter()
                .map(|x| {
                    let all = layouts(x);
                    all[k % all.len()].clone()
                })
                .collect();
            assert!(close(&einsum(equation, &operands), &expected, 1e-12), "{equation}");
        }
    }
    let (x, y) = (random(&[2, 3, 4], 1, DType::F64), random(&[3, 4, 5], 2, DType::F64));
    assert!(close(
        &einsum("...ij,...jk->...ik", &[x.clone(), y.clone().narrow(0, 0, 1)]),
        &x.matmul(&y.narrow(0, 0, 1)).to_vec::<f64>(),
        1e-12
    ));
    assert!(close(&einsum("...i->i...", std::slice::from_ref(&x)), &x.permute([2, 0, 1]).to_vec::<f64>(), 0.0));
    assert!(close(
        &einsum("a...,b...", &[x.clone(), x.clone()]),
        &einsum("aij,bij->ijab", &[x.clone(), x]).to_vec::<f64>(),
        1e-12
    ));
}
