//! Rectangles at any angle: what lies on what.

use crate::svg::Point;

/// A rectangle, turned by an angle in degrees about its centre.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(in super::super) struct Quad {
    pub(in super::super) centre: Point,
    pub(in super::super) half: Point,
    pub(in super::super) angle: f64,
}

impl Quad {
    pub(in super::super) fn new((x, y): Point, (w, h): Point) -> Self {
        Quad { centre: (x + w / 2.0, y + h / 2.0), half: (w / 2.0, h / 2.0), angle: 0.0 }
    }

    /// A line as a very thin one.
    pub(in super::super) fn line(one: Point, other: Point) -> Self {
        let (dx, dy) = (other.0 - one.0, other.1 - one.1);
        Quad {
            centre: ((one.0 + other.0) / 2.0, (one.1 + other.1) / 2.0),
            half: (dx.hypot(dy) / 2.0, 0.4),
            angle: dy.atan2(dx).to_degrees(),
        }
    }

    fn axes(&self) -> [Point; 2] {
        let (sin, cos) = self.angle.to_radians().sin_cos();
        [(cos, sin), (-sin, cos)]
    }

    /// Whether two have more than an edge in common (by the separating axis theorem).
    pub(in super::super) fn overlaps(&self, other: &Quad) -> bool {
        let between = (other.centre.0 - self.centre.0, other.centre.1 - self.centre.1);
        // Most are far from each other.
        let far = |quad: &Quad| quad.half.0 + quad.half.1;
        if between.0.abs().max(between.1.abs()) > far(self) + far(other) {
            return false;
        }
        let reach = |quad: &Quad, axis: Point| {
            let [x, y] = quad.axes();
            quad.half.0 * dot(x, axis).abs() + quad.half.1 * dot(y, axis).abs()
        };
        let mut axes = self.axes().into_iter().chain(other.axes());
        axes.all(|axis| dot(between, axis).abs() + 0.01 < reach(self, axis) + reach(other, axis))
    }

    /// The rectangle that it fits in, unturned: left, top, right, bottom.
    pub(in super::super) fn bounds(&self) -> (f64, f64, f64, f64) {
        let [x, y] = self.axes();
        let w = self.half.0 * x.0.abs() + self.half.1 * y.0.abs();
        let h = self.half.0 * x.1.abs() + self.half.1 * y.1.abs();
        (self.centre.0 - w, self.centre.1 - h, self.centre.0 + w, self.centre.1 + h)
    }
}

fn dot(one: Point, other: Point) -> f64 {
    one.0 * other.0 + one.1 * other.1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn overlaps_are_seen_at_every_angle() {
        let one = Quad::new((0.0, 0.0), (10.0, 10.0));
        assert!(one.overlaps(&Quad::new((9.0, 9.0), (5.0, 5.0))));
        assert!(!one.overlaps(&Quad::new((10.0, 0.0), (5.0, 5.0))), "they only touch");
        assert!(one.overlaps(&Quad::line((-5.0, 5.0), (15.0, 5.0))));
        // A corner's bounds overlap, the turned thing itself doesn't.
        assert!(!one.overlaps(&Quad::line((9.0, 20.0), (20.0, 9.0))));
        assert!(one.overlaps(&Quad::line((-1.0, 20.0), (20.0, -1.0))));
    }
}
