//! The little linear algebra that matching needs, in as many dimensions as there can be features. Unused ones are 0 throughout.

/// The most features: four parts of the window before, size, tenure, and two levels before that.
pub(super) const WIDTH: usize = 8;

/// A unit's features.
pub(super) type Vector = [f64; WIDTH];

/// A symmetric matrix over features.
pub(super) type Matrix = [Vector; WIDTH];

/// `left · right`.
pub(super) fn dot(left: &[f64], right: &[f64]) -> f64 {
    left.iter().zip(right).map(|(left, right)| left * right).sum()
}

/// The square of the distance of two points.
pub(super) fn distance(left: &Vector, right: &Vector) -> f64 {
    left.iter().zip(right).map(|(left, right)| (left - right) * (left - right)).sum()
}

/// Adds `factor · what` to `to`.
pub(super) fn add(to: &mut Vector, what: &Vector, factor: f64) {
    to.iter_mut().zip(what).for_each(|(to, what)| *to += factor * what);
}

/// `left − right`.
pub(super) fn less(mut left: Vector, right: &Vector) -> Vector {
    add(&mut left, right, -1.0);
    left
}

/// Adds `what · what'` to the matrix `to`.
pub(super) fn add_square(to: &mut Matrix, what: &Vector) {
    to.iter_mut().zip(what).for_each(|(row, factor)| add(row, what, *factor));
}

/// The mean of some points; nothing if there are none.
pub(super) fn mean<'a>(points: impl Iterator<Item = &'a Vector>) -> Option<Vector> {
    let (mut sum, mut count) = (Vector::default(), 0.0);
    for point in points {
        add(&mut sum, point, 1.0);
        count += 1.0;
    }
    (count > 0.0).then(|| sum.map(|value| value / count))
}

/// A lower triangle: `L` of `L L' = A` (Cholesky).
pub(super) struct Triangle {
    rows: Matrix,
}

impl Triangle {
    /// Splits a matrix, with `ridge` times its diagonal added to it. A row that is nothing, or nothing beyond the rows before
    /// it, gives zeros: what does not vary neither separates nor explains.
    pub(super) fn of(matrix: &Matrix, ridge: f64) -> Self {
        let mut rows = Matrix::default();
        for (at, given) in matrix.iter().enumerate() {
            for column in 0..at {
                let pivot = rows[column][column];
                let rest = given[column] - dot(&rows[column][..column], &rows[at][..column]);
                rows[at][column] = if pivot > 0.0 { rest / pivot } else { 0.0 };
            }
            let whole = given[at] * (1.0 + ridge);
            let rest = whole - dot(&rows[at][..at], &rows[at][..at]);
            rows[at][at] = if rest > whole * 1e-12 && rest.is_normal() { rest.sqrt() } else { 0.0 };
        }
        Self { rows }
    }

    /// `L⁻¹ x`: coordinates in which everything varies by 1 and nothing goes together.
    pub(super) fn whiten(&self, point: &Vector) -> Vector {
        let mut white = Vector::default();
        for (at, row) in self.rows.iter().enumerate() {
            let rest = point[at] - dot(&row[..at], &white[..at]);
            white[at] = if row[at] > 0.0 { rest / row[at] } else { 0.0 };
        }
        white
    }

    /// `A⁻¹ x`.
    pub(super) fn solve(&self, point: &Vector) -> Vector {
        let mut solved = self.whiten(point);
        for at in (0..WIDTH).rev() {
            let pivot = self.rows[at][at];
            let below: f64 = (at + 1..WIDTH).map(|lower| self.rows[lower][at] * solved[lower]).sum();
            solved[at] = if pivot > 0.0 { (solved[at] - below) / pivot } else { 0.0 };
        }
        solved
    }
}
