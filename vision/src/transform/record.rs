//! What a transform did to one picture, in a form that can be repeated, followed and undone.

use std::fmt::Debug;
use std::sync::Arc;

use super::Picture;

/// What can be undone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Invertibility {
    /// Everything, exactly for `u8` and within rounding for floats.
    Exact,
    /// What survived: pixels that were kept go back to where they came from, in the picture's own size.
    Survivors,
    /// Not, for this reason; [`Record::invert`] does what comes nearest.
    Lossy(&'static str),
}

impl Invertibility {
    /// What can be undone of one after the other.
    #[must_use]
    pub fn and(self, other: Invertibility) -> Invertibility {
        match (self, other) {
            (lossy @ Invertibility::Lossy(_), _) | (_, lossy @ Invertibility::Lossy(_)) => lossy,
            (Invertibility::Exact, other) => other,
            (Invertibility::Survivors, _) => Invertibility::Survivors,
        }
    }
}

/// One thing done to a picture, with nothing left to chance.
///
/// Points are `[x, y]` in pixels from the top left corner, so that the first pixel's centre is (0.5, 0.5).
pub trait Action: Debug + Send + Sync {
    /// The transform's name.
    fn name(&self) -> &'static str;

    /// What can be undone.
    fn invertibility(&self) -> Invertibility;

    /// Does it.
    fn forward(&self, picture: Picture) -> Picture;

    /// Undoes it as far as that goes.
    fn backward(&self, picture: Picture) -> Picture;

    /// Where a point of the picture goes.
    fn point(&self, point: [f64; 2]) -> [f64; 2] {
        point
    }

    /// Where a point of the result came from.
    fn point_back(&self, point: [f64; 2]) -> [f64; 2] {
        point
    }

    /// Does to a mask what happens to pixels' places, and nothing to its values.
    fn mask(&self, mask: Picture) -> Picture {
        mask
    }

    /// Undoes that; pixels that did not survive become 0.
    fn mask_back(&self, mask: Picture) -> Picture {
        mask
    }
}

/// Something that an inverse could not bring back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lost {
    /// The transform's name.
    pub transform: &'static str,
    /// Why.
    pub reason: &'static str,
}

/// A picture after undoing.
#[derive(Clone, Debug)]
pub struct Undone {
    /// The picture, as near to the original as it can be brought.
    pub picture: Picture,
    /// What could not be undone.
    pub lost: Vec<Lost>,
}

/// Everything that happened to one picture, in order; cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Record {
    actions: Vec<Arc<dyn Action>>,
}

impl Record {
    /// Does an action and records it.
    pub fn of(action: impl Action + 'static, picture: Picture) -> (Picture, Record) {
        let picture = action.forward(picture);
        (picture, Record { actions: vec![Arc::new(action)] })
    }

    /// This, then more.
    #[must_use]
    pub fn then(mut self, more: Record) -> Record {
        self.actions.extend(more.actions);
        self
    }

    /// What was done, in order.
    pub fn actions(&self) -> &[Arc<dyn Action>] {
        &self.actions
    }

    /// What can be undone of it all.
    pub fn invertibility(&self) -> Invertibility {
        self.actions.iter().map(|action| action.invertibility()).fold(Invertibility::Exact, Invertibility::and)
    }

    /// Does the same to another picture, with the same draws.
    pub fn repeat(&self, picture: impl Into<Picture>) -> Picture {
        self.actions.iter().fold(picture.into(), |picture, action| action.forward(picture))
    }

    /// Undoes everything, from the last to the first.
    pub fn invert(&self, picture: impl Into<Picture>) -> Undone {
        let picture = self.actions.iter().rev().fold(picture.into(), |picture, action| action.backward(picture));
        let lost = |action: &Arc<dyn Action>| match action.invertibility() {
            Invertibility::Lossy(reason) => Some(Lost { transform: action.name(), reason }),
            _ => None,
        };
        Undone { picture, lost: self.actions.iter().filter_map(lost).collect() }
    }

    /// Where points `[x, y]` of the picture went.
    pub fn points(&self, points: &[[f64; 2]]) -> Vec<[f64; 2]> {
        let walk = |&p: &[f64; 2]| self.actions.iter().fold(p, |p, action| action.point(p));
        points.iter().map(walk).collect()
    }

    /// Where points of the result came from.
    pub fn points_back(&self, points: &[[f64; 2]]) -> Vec<[f64; 2]> {
        let walk = |&p: &[f64; 2]| self.actions.iter().rev().fold(p, |p, action| action.point_back(p));
        points.iter().map(walk).collect()
    }

    /// The smallest boxes `[left, top, right, bottom]` around where boxes of the picture went.
    pub fn boxes(&self, boxes: &[[f64; 4]]) -> Vec<[f64; 4]> {
        boxes.iter().map(|b| bounding(&self.points(&corners(b)))).collect()
    }

    /// The smallest boxes around where boxes of the result came from.
    pub fn boxes_back(&self, boxes: &[[f64; 4]]) -> Vec<[f64; 4]> {
        boxes.iter().map(|b| bounding(&self.points_back(&corners(b)))).collect()
    }

    /// A mask over the picture as a mask over the result: moved with the pixels, nearest, values untouched.
    pub fn mask(&self, mask: impl Into<Picture>) -> Picture {
        self.actions.iter().fold(mask.into(), |mask, action| action.mask(mask))
    }

    /// A mask over the result as a mask over the picture; 0 where nothing survived.
    pub fn mask_back(&self, mask: impl Into<Picture>) -> Picture {
        self.actions.iter().rev().fold(mask.into(), |mask, action| action.mask_back(mask))
    }
}

fn corners(&[left, top, right, bottom]: &[f64; 4]) -> [[f64; 2]; 4] {
    [[left, top], [right, top], [right, bottom], [left, bottom]]
}

fn bounding(points: &[[f64; 2]]) -> [f64; 4] {
    points.iter().fold([f64::MAX, f64::MAX, f64::MIN, f64::MIN], |[l, t, r, b], &[x, y]| {
        [l.min(x), t.min(y), r.max(x), b.max(y)]
    })
}
