//! Rotation, affine and perspective maps and elastic displacement with random parameters.

use tensor::{DType, Generator, Tensor};

use super::functional::{self, Affine, Map, Rotation};
use super::{Action, Interpolation, Invertibility, Picture, Pixels, Record, Transform};

/// A rotation by an angle from a range. PyTorch: `torchvision.transforms.RandomRotation`.
#[derive(Clone, Debug)]
pub struct RandomRotation {
    degrees: [f64; 2],
    options: Rotation,
}

impl RandomRotation {
    /// Counterclockwise, by `degrees[0]` to `degrees[1]`.
    pub fn new(degrees: [f64; 2]) -> RandomRotation {
        RandomRotation { degrees, options: Rotation { interpolation: Interpolation::Nearest, ..Rotation::default() } }
    }

    /// Interpolation, centre, fill, and whether the result grows.
    #[must_use]
    pub fn options(mut self, options: Rotation) -> RandomRotation {
        self.options = options;
        self
    }
}

/// Rotation, shift, scale and shear from ranges. PyTorch: `torchvision.transforms.RandomAffine`.
#[derive(Clone, Debug)]
pub struct RandomAffine {
    /// The range of the rotation, in degrees.
    pub degrees: [f64; 2],
    /// The greatest shifts, as parts of `[width, height]`.
    pub translate: [f64; 2],
    /// The range of the magnification.
    pub scale: [f64; 2],
    /// The ranges of the shears along x and y, in degrees.
    pub shear: [[f64; 2]; 2],
    /// How values between pixels are found.
    pub interpolation: Interpolation,
    /// The colour beyond the picture.
    pub fill: Option<Vec<f64>>,
    /// The fixed point `[x, y]`; by default the middle.
    pub center: Option<[f64; 2]>,
}

impl RandomAffine {
    /// A rotation by `degrees[0]` to `degrees[1]`, without shift, scale or shear; set those fields for more.
    pub fn new(degrees: [f64; 2]) -> RandomAffine {
        RandomAffine {
            degrees,
            translate: [0.0; 2],
            scale: [1.0; 2],
            shear: [[0.0; 2]; 2],
            interpolation: Interpolation::Nearest,
            fill: None,
            center: None,
        }
    }

    /// A map that was drawn, or chosen.
    #[track_caller]
    pub(super) fn exactly(&self, picture: Picture, to: Affine) -> (Picture, Record) {
        let from = picture.size();
        let map = functional::affine_map(from, &to, picture.rule());
        let Some(inverse) = map.inverse() else {
            tensor::fault!("random_affine", [x: picture.pixels().shape()], "{to:?} flattens the picture");
        };
        let (interpolation, fill) = (self.interpolation, self.fill.clone());
        Record::of(Warped { kind: Kind::Affine(to), from, map, inverse, interpolation, fill }, picture)
    }
}

/// A change of the point of view, with a probability. PyTorch: `torchvision.transforms.RandomPerspective`.
#[derive(Clone, Debug)]
pub struct RandomPerspective {
    distortion_scale: f64,
    p: f64,
    interpolation: Interpolation,
    fill: Option<Vec<f64>>,
}

impl RandomPerspective {
    /// Corners move by up to half of `distortion_scale` of the picture, with probability `p`.
    pub fn new(distortion_scale: f64, p: f64) -> RandomPerspective {
        RandomPerspective { distortion_scale, p, interpolation: Interpolation::Bilinear, fill: None }
    }

    /// How values between pixels are found.
    #[must_use]
    pub fn interpolation(mut self, interpolation: Interpolation) -> RandomPerspective {
        self.interpolation = interpolation;
        self
    }

    /// The colour beyond the picture.
    #[must_use]
    pub fn fill(mut self, fill: &[f64]) -> RandomPerspective {
        self.fill = Some(fill.to_vec());
        self
    }
}

/// A smooth random displacement of every pixel. PyTorch: `torchvision.transforms.ElasticTransform`.
#[derive(Clone, Debug)]
pub struct ElasticTransform {
    alpha: [f64; 2],
    sigma: [f64; 2],
    interpolation: Interpolation,
    fill: Option<Vec<f64>>,
}

impl ElasticTransform {
    /// Displacements of strength `alpha` (torchvision's default is 50), smoothed over `sigma` pixels (5).
    pub fn new(alpha: f64, sigma: f64) -> ElasticTransform {
        ElasticTransform { alpha: [alpha; 2], sigma: [sigma; 2], interpolation: Interpolation::Bilinear, fill: None }
    }

    /// Strength and smoothness of their own along x and y; nothing is smoothed unless both are over 0.
    #[must_use]
    pub fn axes(mut self, alpha: [f64; 2], sigma: [f64; 2]) -> ElasticTransform {
        (self.alpha, self.sigma) = (alpha, sigma);
        self
    }

    /// The colour beyond the picture.
    #[must_use]
    pub fn fill(mut self, fill: &[f64]) -> ElasticTransform {
        self.fill = Some(fill.to_vec());
        self
    }

    /// How values between pixels are found.
    #[must_use]
    pub fn interpolation(mut self, interpolation: Interpolation) -> ElasticTransform {
        self.interpolation = interpolation;
        self
    }
}

#[derive(Clone, Debug)]
enum Kind {
    Rotation(f64, Rotation),
    Affine(Affine),
    Perspective([[f64; 2]; 4], [[f64; 2]; 4]),
}

/// A map of the plane that was drawn.
#[derive(Clone, Debug)]
struct Warped {
    kind: Kind,
    from: [usize; 2],
    /// From the result to the picture, and from the picture to the result.
    map: Map,
    inverse: Map,
    interpolation: Interpolation,
    fill: Option<Vec<f64>>,
}

impl Warped {
    fn run(&self, picture: &Picture, interpolation: Interpolation, fill: Option<&[f64]>) -> Picture {
        match &self.kind {
            Kind::Rotation(angle, options) => {
                let fill = fill.map(<[f64]>::to_vec);
                functional::rotate(picture, *angle, &Rotation { interpolation, fill, ..options.clone() })
            }
            Kind::Affine(to) => functional::affine(picture, to, interpolation, fill),
            Kind::Perspective(start, end) => functional::perspective(picture, *start, *end, interpolation, fill),
        }
    }
}

impl Action for Warped {
    fn name(&self) -> &'static str {
        match self.kind {
            Kind::Rotation(..) => "RandomRotation",
            Kind::Affine(_) => "RandomAffine",
            Kind::Perspective(..) => "RandomPerspective",
        }
    }

    fn invertibility(&self) -> Invertibility {
        Invertibility::Survivors
    }

    fn forward(&self, picture: Picture) -> Picture {
        self.run(&picture, self.interpolation, self.fill.as_deref())
    }

    fn backward(&self, picture: Picture) -> Picture {
        functional::warp(&picture, self.inverse, self.from, self.interpolation, None)
    }

    fn point(&self, point: [f64; 2]) -> [f64; 2] {
        self.inverse.apply(point)
    }

    fn point_back(&self, point: [f64; 2]) -> [f64; 2] {
        self.map.apply(point)
    }

    fn mask(&self, mask: Picture) -> Picture {
        self.run(&mask, Interpolation::Nearest, None)
    }

    fn mask_back(&self, mask: Picture) -> Picture {
        functional::warp(&mask, self.inverse, self.from, Interpolation::Nearest, None)
    }
}

fn between(generator: &mut Generator, [low, high]: [f64; 2]) -> f64 {
    low + (high - low) * generator.uniform()
}

impl Transform for RandomRotation {
    fn apply(&self, picture: Picture, generator: &mut Generator) -> (Picture, Record) {
        let angle = between(generator, self.degrees);
        let from = picture.size();
        let (map, _) = functional::rotation_map(from, angle, &self.options, picture.rule());
        let inverse = map.inverse().expect("a rotation can be undone");
        let (interpolation, fill) = (self.options.interpolation, self.options.fill.clone());
        let kind = Kind::Rotation(angle, self.options.clone());
        Record::of(Warped { kind, from, map, inverse, interpolation, fill }, picture)
    }

    fn invertibility(&self) -> Invertibility {
        Invertibility::Survivors
    }
}

impl Transform for RandomAffine {
    /// # Panics
    /// If the magnification drawn is not positive.
    fn apply(&self, picture: Picture, generator: &mut Generator) -> (Picture, Record) {
        let [rows, columns] = picture.size();
        let angle = between(generator, self.degrees);
        let [reach_x, reach_y] = [self.translate[0] * columns as f64, self.translate[1] * rows as f64];
        // Whole pixels, as torchvision draws them.
        let translate = [between(generator, [-reach_x, reach_x]), between(generator, [-reach_y, reach_y])]
            .map(f64::round_ties_even);
        let scale = between(generator, self.scale);
        let shear = self.shear.map(|range| between(generator, range));
        self.exactly(picture, Affine { angle, translate, scale, shear, center: self.center })
    }

    fn invertibility(&self) -> Invertibility {
        Invertibility::Survivors
    }
}

impl Transform for RandomPerspective {
    fn apply(&self, picture: Picture, generator: &mut Generator) -> (Picture, Record) {
        let from @ [rows, columns] = picture.size();
        if generator.uniform() >= self.p || rows < 2 || columns < 2 {
            return (picture, Record::default());
        }
        let (right, bottom) = (columns - 1, rows - 1);
        let reach = |n: usize| (self.distortion_scale * (n / 2) as f64) as usize + 1;
        let mut inward = |n: usize| generator.below(reach(n));
        let corner = |x: usize, y: usize| [x as f64, y as f64];
        let end = [
            corner(inward(columns), inward(rows)),
            corner(right - inward(columns), inward(rows)),
            corner(right - inward(columns), bottom - inward(rows)),
            corner(inward(columns), bottom - inward(rows)),
        ];
        let start = [corner(0, 0), corner(right, 0), corner(right, bottom), corner(0, bottom)];
        let map = functional::perspective_coefficients(start, end).map(Map::perspective);
        let Some((map, inverse)) = map.and_then(|map| Some((map, map.inverse()?))) else {
            // Corners that fell together leave the picture as it is.
            return (picture, Record::default());
        };
        let (interpolation, fill) = (self.interpolation, self.fill.clone());
        Record::of(Warped { kind: Kind::Perspective(start, end), from, map, inverse, interpolation, fill }, picture)
    }

    fn invertibility(&self) -> Invertibility {
        Invertibility::Survivors
    }
}

#[derive(Clone, Debug)]
struct Displaced {
    displacement: Tensor,
    interpolation: Interpolation,
    fill: Option<Vec<f64>>,
}

impl Displaced {
    /// How far the point shown at `[x, y]` lies away, in pixels: evenly between the middles of pixels, where it is given. A
    /// step between pixels would keep [`point`](Action::point) from converging.
    fn at(&self, [x, y]: [f64; 2]) -> [f64; 2] {
        let &[_, rows, columns, _] = self.displacement.shape() else { return [0.0; 2] };
        let between = |v: f64, n: usize| {
            let v = (v - 0.5).clamp(0.0, (n - 1) as f64);
            (v as usize, (v as usize + 1).min(n - 1), v.fract())
        };
        let ((top, bottom, down), (left, right, across)) = (between(y, rows), between(x, columns));
        let view = self.displacement.view_as::<f32>();
        let of = |k: usize| {
            let row = |row: usize| {
                let [a, b] = [left, right].map(|column| f64::from(view.at(&[0, row, column, k])));
                a + (b - a) * across
            };
            row(top) + (row(bottom) - row(top)) * down
        };
        [of(0) * columns as f64 / 2.0, of(1) * rows as f64 / 2.0]
    }

    fn run(&self, picture: &Picture, sign: f64, interpolation: Interpolation, fill: Option<&[f64]>) -> Picture {
        functional::elastic_transform(picture, &self.displacement.mul_scalar(sign), interpolation, fill)
    }
}

impl Action for Displaced {
    fn name(&self) -> &'static str {
        "ElasticTransform"
    }

    fn invertibility(&self) -> Invertibility {
        Invertibility::Lossy("a displacement has no exact inverse: the opposite displacement comes near")
    }

    fn forward(&self, picture: Picture) -> Picture {
        self.run(&picture, 1.0, self.interpolation, self.fill.as_deref())
    }

    fn backward(&self, picture: Picture) -> Picture {
        self.run(&picture, -1.0, self.interpolation, None)
    }

    fn point(&self, point: [f64; 2]) -> [f64; 2] {
        // The fixed point of q = p - d(q), which converges where the displacement is smooth.
        (0..20).fold(point, |q, _| {
            let [dx, dy] = self.at(q);
            [point[0] - dx, point[1] - dy]
        })
    }

    fn point_back(&self, point: [f64; 2]) -> [f64; 2] {
        let [dx, dy] = self.at(point);
        [point[0] + dx, point[1] + dy]
    }

    fn mask(&self, mask: Picture) -> Picture {
        self.run(&mask, 1.0, Interpolation::Nearest, None)
    }

    fn mask_back(&self, mask: Picture) -> Picture {
        self.run(&mask, -1.0, Interpolation::Nearest, None)
    }
}

impl Transform for ElasticTransform {
    fn apply(&self, picture: Picture, generator: &mut Generator) -> (Picture, Record) {
        let [rows, columns] = picture.size();
        if rows == 0 || columns == 0 {
            return (picture, Record::default());
        }
        // A kernel must fit into the reflected border; beyond that, torchvision refuses.
        let widest = |n: usize| 2 * n - 1;
        let mut field = |size: usize, alpha: f64, sigma: f64| {
            let kernel = |n: usize| (((8.0 * sigma) as usize + 1) | 1).min(widest(n));
            let noise = generator.uniform_between([1, rows, columns], -1.0, 1.0, DType::F32);
            let smooth = if self.sigma.iter().all(|&sigma| sigma > 0.0) {
                functional::gaussian_blur(&noise, [kernel(columns), kernel(rows)], Some(self.sigma))
            } else {
                noise
            };
            smooth.mul_scalar(alpha / size as f64)
        };
        let dx = field(columns, self.alpha[0], self.sigma[0]);
        let dy = field(rows, self.alpha[1], self.sigma[1]);
        let displacement = Tensor::stack(&[&dx, &dy], 3);
        Record::of(Displaced { displacement, interpolation: self.interpolation, fill: self.fill.clone() }, picture)
    }

    fn invertibility(&self) -> Invertibility {
        Invertibility::Lossy("a displacement has no exact inverse: the opposite displacement comes near")
    }
}
