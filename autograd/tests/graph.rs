//! Pictures of graphs.

use gradus_autograd::{Graph, Variable};
use tensor::Tensor;

fn small() -> (Variable, Variable) {
    let w = Variable::leaf(Tensor::from([[1.0, 2.0]]));
    let y = (&w * &w).sum(&[], false);
    (w, y)
}

#[test]
fn dot() {
    let (w, y) = small();
    let expected = "digraph {\n  rankdir=TB;\n  node [shape=box, fontname=\"monospace\"];\n  \
                    n0 [label=\"the \\\"weight\\\"\\n[1, 2]\", style=filled, fillcolor=lightblue];\n  \
                    n1 [label=\"mul\\n[1, 2]\"];\n  n2 [label=\"sum\\n[]\"];\n  \
                    n0 -> n1;\n  n0 -> n1;\n  n1 -> n2;\n}\n";
    assert_eq!(Graph::of(&y).name(&w, "the \"weight\"").to_dot(), expected);
}

#[test]
fn svg() {
    let (w, y) = small();
    let svg = Graph::of(&y).name(&w, "a<b").to_svg();
    assert!(svg.starts_with("<svg ") && svg.ends_with("</svg>\n"));
    assert_eq!(svg.matches("<rect").count(), 3);
    assert_eq!(svg.matches("<line").count(), 3);
    assert!(svg.contains("a&lt;b"));
}

/// `docs/graph.svg` shows what `to_svg` draws; the test writes a new one beside it if it does not.
#[test]
fn the_picture_in_the_docs() {
    let weight = Variable::leaf(Tensor::zeros([10, 84], tensor::DType::F32));
    let bias = Variable::leaf(Tensor::zeros([10], tensor::DType::F32));
    let x = Variable::new(Tensor::zeros([64, 84], tensor::DType::F32));
    let scores = &x.matmul(&weight.transpose(0, 1)) + &bias;
    let loss = (scores.logsumexp(&[1], false) - scores.select(1, 3)).mean(&[], false);
    let svg = Graph::of(&loss).name(&weight, "weight").name(&bias, "bias").to_svg();
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/graph.svg");
    if std::fs::read_to_string(&path).unwrap_or_default() != svg {
        let new = path.with_extension("new.svg");
        std::fs::write(&new, svg).unwrap();
        panic!("docs/graph.svg is not what is drawn now: {}", new.display());
    }
}

#[test]
fn a_freed_graph_says_so() {
    let (_, y) = small();
    y.backward();
    assert!(Graph::of(&y).to_dot().contains("freed"));
    assert!(Graph::of(&Variable::new(Tensor::scalar(1.0))).is_empty());
}
