//! Curves as pictures: one SVG file each in `docs/benchmarks/`, with axes from zero.

use std::fmt::Write as _;
use std::path::Path;

const WIDTH: f64 = 640.0;
const HEIGHT: f64 = 320.0;
/// Room for the axes' numbers and names.
const LEFT: f64 = 70.0;
const TOP: f64 = 44.0;
const RIGHT: f64 = 150.0;
const BOTTOM: f64 = 52.0;
const COLOURS: [&str; 4] = ["#1b6ca8", "#c8553d", "#3d8361", "#7a5195"];
const STEPS: u32 = 4;

pub(crate) struct Line {
    pub(crate) name: &'static str,
    pub(crate) points: Vec<(f64, f64)>,
}

pub(crate) struct Chart {
    /// The file's.
    pub(crate) name: &'static str,
    pub(crate) title: &'static str,
    /// What the axis from left to right counts.
    pub(crate) across: &'static str,
    pub(crate) lines: Vec<Line>,
}

impl Chart {
    /// Writes the file, and says where it is.
    pub(crate) fn draw(&self) {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/benchmarks");
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join(format!("{}.svg", self.name)), self.svg()).unwrap();
        println!("\n(docs/benchmarks/{}.svg)", self.name);
    }

    fn svg(&self) -> String {
        let points = || self.lines.iter().flat_map(|line| &line.points);
        let (x_end, y_end) = (round(points().map(|point| point.0)), round(points().map(|point| point.1)));
        let x = |value: f64| LEFT + value / x_end * (WIDTH - LEFT - RIGHT);
        let y = |value: f64| HEIGHT - BOTTOM - value / y_end * (HEIGHT - TOP - BOTTOM);
        let mut svg = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" font-family=\"sans-serif\" \
             font-size=\"12\">\n<rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n<text x=\"{LEFT}\" y=\"22\" \
             font-size=\"14\">{}</text>\n",
            self.title
        );
        let mut put = |text: String| writeln!(svg, "{text}").unwrap();
        for step in 0..=STEPS {
            let share = f64::from(step) / f64::from(STEPS);
            let (at_x, at_y) = (x(x_end * share), y(y_end * share));
            let right = WIDTH - RIGHT;
            put(format!("<path d=\"M{LEFT} {at_y:.1}H{right}\" stroke=\"#ddd\"/>"));
            put(format!(
                "<text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
                LEFT - 6.0,
                at_y + 4.0,
                short(y_end * share)
            ));
            put(format!(
                "<text x=\"{at_x:.1}\" y=\"{}\" text-anchor=\"middle\">{}</text>",
                HEIGHT - BOTTOM + 18.0,
                short(x_end * share)
            ));
        }
        put(format!("<text x=\"{LEFT}\" y=\"{}\">{}</text>", HEIGHT - 12.0, self.across));
        for (line, colour) in self.lines.iter().zip(COLOURS) {
            let path: Vec<String> = line.points.iter().map(|at| format!("{:.1} {:.1}", x(at.0), y(at.1))).collect();
            put(format!("<path d=\"M{}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\"/>", path.join("L")));
            for at in &line.points {
                put(format!("<circle cx=\"{:.1}\" cy=\"{:.1}\" r=\"3\" fill=\"{colour}\"/>", x(at.0), y(at.1)));
            }
            if let Some(last) = line.points.last() {
                let (at_x, at_y) = (x(last.0) + 8.0, y(last.1) + 4.0);
                put(format!("<text x=\"{at_x:.1}\" y=\"{at_y:.1}\" fill=\"{colour}\">{}</text>", line.name));
            }
        }
        svg + "</svg>\n"
    }
}

/// Where an axis ends: the next of 1, 2, 4 or 8 times a power of ten.
fn round(values: impl Iterator<Item = f64>) -> f64 {
    let most = values.fold(f64::MIN_POSITIVE, f64::max);
    let power = 10_f64.powf(most.log10().floor());
    [1.0, 2.0, 4.0, 8.0, 10.0].map(|times| times * power).into_iter().find(|end| *end >= most).unwrap_or(most)
}

fn short(number: f64) -> String {
    match number {
        number if number >= 1e6 => format!("{} M", number / 1e6),
        number if number >= 1e4 => format!("{} k", number / 1e3),
        number => format!("{}", (number * 1000.0).round() / 1000.0),
    }
}
