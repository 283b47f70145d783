//! Pictures of a graph: what a variable was computed from, as Graphviz' DOT or drawn as SVG without any tool.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write;
use std::sync::Arc;

use crate::node::Node;
use crate::variable::Variable;

/// The graph behind a variable, to be drawn.
///
/// ```
/// use gradus_autograd::{Graph, Variable};
/// use tensor::Tensor;
///
/// let w = Variable::leaf(Tensor::from([1.0, 2.0]));
/// let loss = (&w * &w).sum(&[], false);
/// let dot = Graph::of(&loss).name(&w, "weight").to_dot();
/// assert!(dot.contains("weight"));
/// ```
#[derive(Debug)]
pub struct Graph {
    /// Oldest first, so inputs stand before outputs.
    boxes: BTreeMap<u64, Box>,
}

#[derive(Debug)]
struct Box {
    label: String,
    shape: Vec<usize>,
    is_leaf: bool,
    inputs: Vec<u64>,
}

impl Graph {
    /// The graph behind `output`: every op that was recorded, and the leaves.
    pub fn of(output: &Variable) -> Graph {
        let mut boxes = BTreeMap::new();
        let mut stack: Vec<Arc<Node>> = output.node().cloned().into_iter().collect();
        while let Some(node) = stack.pop() {
            if boxes.contains_key(&node.id) {
                continue;
            }
            let creator = node.creator();
            let edges: Vec<Arc<Node>> =
                creator.iter().flat_map(|creator| creator.edges().iter().flatten()).cloned().collect();
            let label = match &creator {
                Some(creator) => creator.name().to_owned(),
                None if node.is_leaf => "leaf".to_owned(),
                None => "freed".to_owned(),
            };
            let inputs = edges.iter().map(|edge| edge.id).collect();
            boxes.insert(node.id, Box { label, shape: node.shape.to_vec(), is_leaf: node.is_leaf, inputs });
            stack.extend(edges);
        }
        Graph { boxes }
    }

    /// Labels a variable with a name.
    pub fn name(mut self, variable: &Variable, name: impl Into<String>) -> Graph {
        if let Some(found) = variable.node().and_then(|node| self.boxes.get_mut(&node.id)) {
            found.label = name.into();
        }
        self
    }

    /// The number of ops and leaves.
    pub fn len(&self) -> usize {
        self.boxes.len()
    }

    /// Whether nothing was recorded.
    pub fn is_empty(&self) -> bool {
        self.boxes.is_empty()
    }

    /// Numbers from 0 on, so that the same graph gives the same text.
    fn numbers(&self) -> HashMap<u64, usize> {
        self.boxes.keys().enumerate().map(|(number, &id)| (id, number)).collect()
    }

    /// As a program for Graphviz: `dot -Tsvg`.
    pub fn to_dot(&self) -> String {
        let numbers = self.numbers();
        let mut text = String::from("digraph {\n  rankdir=TB;\n  node [shape=box, fontname=\"monospace\"];\n");
        for (id, found) in &self.boxes {
            let style = if found.is_leaf { ", style=filled, fillcolor=lightblue" } else { "" };
            let label = found.label.replace('\\', "\\\\").replace('"', "\\\"");
            let _ = writeln!(text, "  n{} [label=\"{label}\\n{:?}\"{style}];", numbers[id], found.shape);
        }
        for (id, found) in &self.boxes {
            for input in &found.inputs {
                let _ = writeln!(text, "  n{} -> n{};", numbers[input], numbers[id]);
            }
        }
        text.push_str("}\n");
        text
    }

    /// As a drawing: each op below the last of its inputs, leaves above the first op that uses them.
    pub fn to_svg(&self) -> String {
        const WIDTH: usize = 150;
        const HEIGHT: usize = 64;
        let mut level: HashMap<u64, usize> = HashMap::new();
        for (&id, found) in &self.boxes {
            let below = found.inputs.iter().map(|input| level[input] + 1).max();
            level.insert(id, below.unwrap_or(0));
        }
        // Leaves move down to just above where they are used.
        for (&id, found) in &self.boxes {
            let users = self.boxes.iter().filter(|(_, user)| user.inputs.contains(&id)).map(|(user, _)| level[user]);
            if let (true, Some(first)) = (found.is_leaf, users.min()) {
                level.insert(id, first.saturating_sub(1));
            }
        }
        let mut rows: BTreeMap<usize, Vec<u64>> = BTreeMap::new();
        for (&id, &row) in level.iter().collect::<BTreeMap<_, _>>() {
            rows.entry(row).or_default().push(id);
        }
        let columns = rows.values().map(Vec::len).max().unwrap_or(0);
        let (width, height) = (columns.max(1) * WIDTH, rows.len().max(1) * HEIGHT);
        let mut place: HashMap<u64, (usize, usize)> = HashMap::new();
        for (&row, ids) in &rows {
            for (column, &id) in ids.iter().enumerate() {
                place.insert(id, ((2 * column + 1) * width / (2 * ids.len()), row * HEIGHT + HEIGHT / 2));
            }
        }
        let mut text = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" font-family=\"monospace\" \
             font-size=\"12\" text-anchor=\"middle\">\n"
        );
        for (id, found) in &self.boxes {
            let (x, y) = place[id];
            for input in &found.inputs {
                let (from_x, from_y) = place[input];
                let _ = writeln!(
                    text,
                    "  <line x1=\"{from_x}\" y1=\"{}\" x2=\"{x}\" y2=\"{}\" stroke=\"#888888\"/>",
                    from_y + 18,
                    y - 18
                );
            }
        }
        for (id, found) in &self.boxes {
            let (x, y) = place[id];
            let fill = if found.is_leaf { "#d5e8f7" } else { "#ffffff" };
            let label = found.label.replace('&', "&amp;").replace('<', "&lt;");
            let _ = writeln!(
                text,
                "  <rect x=\"{}\" y=\"{}\" width=\"130\" height=\"36\" rx=\"4\" fill=\"{fill}\" stroke=\"#444444\"/>\n  \
                 <text x=\"{x}\" y=\"{}\">{label}</text>\n  <text x=\"{x}\" y=\"{}\" fill=\"#666666\">{:?}</text>",
                x - 65,
                y - 18,
                y - 3,
                y + 12,
                found.shape
            );
        }
        text.push_str("</svg>\n");
        text
    }
}
