//! Shifting along axes, where what leaves at one end comes back at the other.

use crate::{Tensor, shape};

impl Tensor {
    /// The elements shifted by `shifts[i]` along `axes[i]`, round and round; with one shift and no axes, the flattened
    /// tensor is shifted. The adjoint shifts back. PyTorch: `torch.roll`.
    ///
    /// ```
    /// # use gradus_tensor::Tensor;
    /// assert_eq!(Tensor::from([1i64, 2, 3]).roll(&[1], &[0]).to_vec::<i64>(), [3, 1, 2]);
    /// ```
    ///
    /// # Panics
    /// If there are not as many shifts as axes, or an axis does not exist.
    #[track_caller]
    pub fn roll(&self, shifts: &[isize], axes: &[isize]) -> Tensor {
        if axes.is_empty() && shifts.len() == 1 {
            let flat = self.reshape([self.len()]);
            return flat.roll(shifts, &[0]).reshape(self.shape());
        }
        if shifts.len() != axes.len() {
            crate::fault!("roll", [input: self.shape()], "{} shifts for {} axes", shifts.len(), axes.len());
        }
        let mut result = self.clone();
        for (&shift, &axis) in shifts.iter().zip(axes) {
            shape::axis("roll", axis, self.shape());
            let size = self.size(axis);
            if self.rank() == 0 || size == 0 {
                continue;
            }
            let cut = (-shift).rem_euclid(size as isize) as usize;
            if cut > 0 {
                let (front, back) = (result.narrow(axis, 0, cut), result.narrow(axis, cut, size - cut));
                result = Tensor::cat(&[&back, &front], axis);
            }
        }
        result
    }
}
