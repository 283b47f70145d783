//! Options that are one number for all parameter groups, or one for each.

use serde::{Deserialize, Serialize};

use crate::optim::Optimizer;

/// One number for all parameter groups, or a list with one for each; a number, an array or a vector becomes either.
///
/// ```
/// use gradus_nn::schedule::PerGroup;
/// let (all, each) = (PerGroup::from(0.1), PerGroup::from([0.1, 0.01]));
/// assert_eq!((all.at(1), each.at(1)), (0.1, 0.01));
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum PerGroup {
    /// One for all.
    All(f64),
    /// One for each group, in order.
    Each(Vec<f64>),
}

impl PerGroup {
    /// The number of a group.
    ///
    /// # Panics
    /// If the list is shorter.
    #[track_caller]
    pub fn at(&self, group: usize) -> f64 {
        match self {
            PerGroup::All(value) => *value,
            PerGroup::Each(values) => values[group],
        }
    }

    /// Refuses a list that has not as many numbers as there are groups.
    #[track_caller]
    pub(super) fn expect_groups(&self, scheduler: &str, name: &str, optimizer: &dyn Optimizer) {
        let groups = optimizer.groups();
        if let PerGroup::Each(values) = self
            && values.len() != groups
        {
            tensor::fault!(scheduler, [], "{name} has {} numbers for {groups} parameter groups", values.len());
        }
    }
}

impl From<f64> for PerGroup {
    fn from(value: f64) -> PerGroup {
        PerGroup::All(value)
    }
}

impl From<Vec<f64>> for PerGroup {
    fn from(values: Vec<f64>) -> PerGroup {
        PerGroup::Each(values)
    }
}

impl<const N: usize> From<[f64; N]> for PerGroup {
    fn from(values: [f64; N]) -> PerGroup {
        PerGroup::Each(values.to_vec())
    }
}
