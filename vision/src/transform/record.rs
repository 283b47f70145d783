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

    /// If it makes several pictures of one, stacked in a new first axis: what happened to each. Else nothing.
    fn each(&self) -> Vec<Record> {
        Vec::new()
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
        (picture, action.into())
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

    /// What happened to each picture of the result: one record per picture of a [`FiveCrop`](super::FiveCrop) or
    /// [`TenCrop`](super::TenCrop), in their order, and this record where there is one picture. Points, boxes and masks travel
    /// through each of them, and each puts its own picture back.
    ///
    /// ```
    /// use gradus_vision::transform::{FiveCrop, Picture, Transform, sample_generator};
    /// use gradus_vision::{Image, Mode};
    /// let photo = Image::from_bytes(&[1, 2, 3, 4, 5, 6], Mode::L, [2, 3]);
    /// let (crops, record) = FiveCrop::new([1, 1]).apply(photo.into(), &mut sample_generator(0, 0, 0));
    /// let crops = crops.into_tensor(); // [5, 1, 1, 1]
    /// let right = &record.each()[1]; // The top right corner.
    /// assert_eq!(right.points(&[[2.5, 0.5]]), [[0.5, 0.5]]);
    /// assert_eq!(right.invert(crops.select(0, 1)).picture.to_image().to_bytes(), [0, 0, 3, 0, 0, 0]);
    /// ```
    pub fn each(&self) -> Vec<Record> {
        self.actions.iter().fold(vec![Record::default()], |records, action| {
            let several = action.each();
            if several.is_empty() {
                let this = Record { actions: vec![action.clone()] };
                return records.into_iter().map(|record| record.then(this.clone())).collect();
            }
            // The axis of the later one comes first.
            several.iter().flat_map(|this| records.iter().map(|record| record.clone().then(this.clone()))).collect()
        })
    }

    /// Panics if a point goes to several pictures.
    #[track_caller]
    fn single(&self, op: &str) {
        if let Some((action, count)) = self.actions.iter().map(|a| (a, a.each().len())).find(|(_, count)| *count > 0) {
            tensor::fault!(op, [], "{} makes {count} pictures of one; ask each of each()", action.name());
        }
    }

    /// Where points `[x, y]` of the picture went.
    ///
    /// # Panics
    /// If the result is several pictures: each of [`each`](Record::each) knows where points went.
    #[track_caller]
    pub fn points(&self, points: &[[f64; 2]]) -> Vec<[f64; 2]> {
        self.single("points");
        let walk = |&p: &[f64; 2]| self.actions.iter().fold(p, |p, action| action.point(p));
        points.iter().map(walk).collect()
    }

    /// Where points of the result came from.
    ///
    /// # Panics
    /// As [`points`](Record::points).
    #[track_caller]
    pub fn points_back(&self, points: &[[f64; 2]]) -> Vec<[f64; 2]> {
        self.single("points_back");
        let walk = |&p: &[f64; 2]| self.actions.iter().rev().fold(p, |p, action| action.point_back(p));
        points.iter().map(walk).collect()
    }

    /// The smallest boxes `[left, top, right, bottom]` around where boxes of the picture went.
    ///
    /// # Panics
    /// As [`points`](Record::points).
    #[track_caller]
    pub fn boxes(&self, boxes: &[[f64; 4]]) -> Vec<[f64; 4]> {
        self.single("boxes");
        boxes.iter().map(|b| bounding(&self.points(&corners(b)))).collect()
    }

    /// The smallest boxes around where boxes of the result came from.
    ///
    /// # Panics
    /// As [`points`](Record::points).
    #[track_caller]
    pub fn boxes_back(&self, boxes: &[[f64; 4]]) -> Vec<[f64; 4]> {
        self.single("boxes_back");
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

/// One action, done.
impl<A: Action + 'static> From<A> for Record {
    fn from(action: A) -> Record {
        Record { actions: vec![Arc::new(action)] }
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
