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

#[test]
fn a_freed_graph_says_so() {
    let (_, y) = small();
    y.backward();
    assert!(Graph::of(&y).to_dot().contains("freed"));
    assert!(Graph::of(&Variable::new(Tensor::scalar(1.0))).is_empty());
}
