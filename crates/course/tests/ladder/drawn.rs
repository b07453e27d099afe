//! What an SVG or a page says, read again: whether it is well-formed, and which texts lie on each other.

/// Checks what a program that reads XML insists on: every element is closed, in the right order; attributes are quoted
/// and there once; no reference but the five.
pub fn well_formed(text: &str) -> Result<(), String> {
    let mut open: Vec<&str> = Vec::new();
    let mut rest = text.trim_end();
    while let Some(start) = rest.find('<') {
        let (words, tag) = rest.split_at(start);
        references(words)?;
        if open.is_empty() && !words.trim().is_empty() {
            return Err(format!("text outside: {words}"));
        }
        let end = tag.find('>').ok_or("a tag without an end")?;
        let inside = &tag[1..end];
        rest = &tag[end + 1..];
        if let Some(name) = inside.strip_prefix('/') {
            let last = open.pop();
            if last != Some(name) {
                return Err(format!("</{name}> closes {last:?}"));
            }
            continue;
        }
        let (inside, empty) = inside.strip_suffix('/').map_or((inside, false), |inside| (inside, true));
        let (name, attributes) = inside.split_once(' ').unwrap_or((inside, ""));
        if name.is_empty() || !name.chars().all(|c| c.is_ascii_alphanumeric()) {
            return Err(format!("<{inside}>"));
        }
        attributes_of(attributes).map_err(|why| format!("<{inside}>: {why}"))?;
        if !empty {
            open.push(name);
        }
    }
    if rest.trim().is_empty() && open.is_empty() { Ok(()) } else { Err(format!("not closed: {open:?}")) }
}

fn attributes_of(mut text: &str) -> Result<(), String> {
    let mut names: Vec<&str> = Vec::new();
    while !text.trim().is_empty() {
        let (name, after) = text.trim_start().split_once("=\"").ok_or("an attribute without a value")?;
        let (value, after) = after.split_once('"').ok_or("a value without an end")?;
        if names.contains(&name) || !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == ':') {
            return Err(format!("attribute {name}"));
        }
        references(value)?;
        names.push(name);
        text = after;
    }
    Ok(())
}

fn references(text: &str) -> Result<(), String> {
    let known = |rest: &str| ["amp;", "lt;", "gt;", "quot;", "#39;"].iter().any(|one| rest.starts_with(one));
    if let Some(control) = text.chars().find(|c| c.is_control() && !"\n\t".contains(*c)) {
        return Err(format!("{control:?}"));
    }
    match text.split('&').skip(1).find(|rest| !known(rest)) {
        Some(rest) => Err(format!("&{rest}")),
        None => Ok(()),
    }
}

/// A text's place: its centre, half its size, its angle.
#[derive(Debug)]
struct Place {
    text: String,
    centre: (f64, f64),
    half: (f64, f64),
    angle: f64,
}

/// The texts that lie on others, or outside. Each element is on a line of its own, and there are no turned groups in
/// turned groups.
pub fn overlaps(svg: &str) -> Vec<String> {
    let mut places: Vec<Place> = Vec::new();
    let mut turned: Option<((f64, f64), f64)> = None;
    let (mut width, mut height) = (0.0, 0.0);
    for line in svg.lines() {
        if line.starts_with("<svg") {
            let view: Vec<f64> = attribute(line, "viewBox").split(' ').map(number).collect();
            (width, height) = (view[2], view[3]);
        } else if let Some(rest) = line.strip_prefix("<g transform=\"translate(") {
            let (place, rest) = rest.split_once(')').expect("a place");
            let (x, y) = place.split_once(' ').expect("two numbers");
            let (angle, _) = rest.trim_start_matches(" rotate(").split_once(')').expect("an angle");
            turned = Some(((number(x), number(y)), number(angle)));
        } else if line == "</g>" {
            turned = None;
        } else if line.starts_with("<text") {
            places.push(place(line, turned));
        }
    }
    let mut hits = Vec::new();
    for (index, one) in places.iter().enumerate() {
        let (left, top, right, bottom) = one.bounds();
        if left < -0.5 || top < 0.0 || right > width + 0.5 || bottom > height {
            hits.push(format!("{:?} is outside", one.text));
        }
        let others = places[..index].iter().filter(|other| one.overlaps(other));
        hits.extend(others.map(|other| format!("{:?} on {:?}", one.text, other.text)));
    }
    hits
}

fn place(line: &str, turned: Option<((f64, f64), f64)>) -> Place {
    let size = number(attribute(line, "font-size"));
    let (x, y) = (number(attribute(line, "x")), number(attribute(line, "y")));
    let mut text = String::new();
    for piece in line.split('<').skip(1) {
        text.push_str(piece.split_once('>').map_or("", |(_, text)| text));
    }
    for (escaped, plain) in [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&#39;", "'"), ("&amp;", "&")] {
        text = text.replace(escaped, plain);
    }
    let mono = attribute(line, "font-family").contains("mono");
    let em = |c: char| match (mono, c.is_uppercase()) {
        (true, _) => 0.602,
        (false, true) => 0.72,
        (false, false) => 0.56,
    };
    let width = text.chars().map(em).sum::<f64>() * size;
    let left = match attribute(line, "text-anchor") {
        "start" => x,
        "middle" => x - width / 2.0,
        _ => x - width,
    };
    // From the top of the capitals to the foot of a comma.
    let (middle_x, middle_y) = (left + width / 2.0, y - 0.27 * size);
    let half = (width / 2.0, 0.45 * size);
    match turned {
        None => Place { text, centre: (middle_x, middle_y), half, angle: 0.0 },
        Some(((x, y), angle)) => {
            let (sin, cos) = angle.to_radians().sin_cos();
            let centre = (x + middle_x * cos - middle_y * sin, y + middle_x * sin + middle_y * cos);
            Place { text, centre, half, angle }
        }
    }
}

fn attribute<'a>(line: &'a str, name: &str) -> &'a str {
    let (_, value) = line.split_once(&format!(" {name}=\"")).unwrap_or_else(|| panic!("no {name}: {line}"));
    value.split_once('"').expect("its end").0
}

fn number(text: &str) -> f64 {
    text.parse().unwrap_or_else(|_| panic!("{text:?} is no number"))
}

impl Place {
    fn axes(&self) -> [(f64, f64); 2] {
        let (sin, cos) = self.angle.to_radians().sin_cos();
        [(cos, sin), (-sin, cos)]
    }

    fn reach(&self, axis: (f64, f64)) -> f64 {
        let [x, y] = self.axes();
        self.half.0 * (x.0 * axis.0 + x.1 * axis.1).abs() + self.half.1 * (y.0 * axis.0 + y.1 * axis.1).abs()
    }

    fn bounds(&self) -> (f64, f64, f64, f64) {
        let (w, h) = (self.reach((1.0, 0.0)), self.reach((0.0, 1.0)));
        (self.centre.0 - w, self.centre.1 - h, self.centre.0 + w, self.centre.1 + h)
    }

    /// By the separating axis theorem.
    fn overlaps(&self, other: &Place) -> bool {
        let between = (other.centre.0 - self.centre.0, other.centre.1 - self.centre.1);
        let mut axes = self.axes().into_iter().chain(other.axes());
        axes.all(|axis| {
            let apart = (between.0 * axis.0 + between.1 * axis.1).abs();
            apart + 0.5 < self.reach(axis) + other.reach(axis)
        })
    }
}
