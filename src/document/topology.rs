//! A site, its lines and the hub as a drawing: what failed is crossed out, the ways that are left are
//! drawn strong. SVG without scripts, links or fonts from elsewhere.

mod canvas;
mod layout;

use crate::network::simulate::{Failures, Hop, Outcome, PairVerdict, Scene, Verdict};
use canvas::{Canvas, Paint, Point, Shape};
use layout::Layout;

/// The drawing of a scene in which `failures` last; `outcomes` are those of these failures.
pub fn svg(scene: &Scene, failures: &Failures, outcomes: &[Outcome]) -> String {
    let layout = Layout::of(scene);
    let mut canvas = Canvas::new(layout.width, layout.height);
    title(&mut canvas, scene, failures, outcomes);
    let below = |part: &&canvas::Part| matches!(part.shape, Shape::Cloud | Shape::Segment);
    for part in layout.parts.iter().filter(below) {
        canvas.part(part);
    }
    for cable in &layout.cables {
        canvas.line(&cable.points, if cable.dashed { Paint::Tunnel } else { Paint::Cable });
    }
    for outcome in outcomes.iter().filter(|outcome| outcome.pair.verdict != Verdict::Lost) {
        ways(&mut canvas, &layout, &outcome.pair);
    }
    for part in layout.parts.iter().filter(|part| !below(part)) {
        canvas.part(part);
    }
    for (at, label) in &layout.labels {
        canvas.label(*at, label);
    }
    for element in failures.elements() {
        for point in layout.crosses(*element) {
            canvas.cross(point);
        }
    }
    verdicts(&mut canvas, &layout, outcomes);
    legend(&mut canvas, &layout);
    canvas.finish()
}

fn title(canvas: &mut Canvas, scene: &Scene, failures: &Failures, outcomes: &[Outcome]) {
    canvas.heading(Point(32, 44), &format!("{}: {failures}", scene.surroundings.tenant));
    let worst = outcomes.iter().map(|outcome| outcome.pair.verdict).max();
    let longest = outcomes.iter().filter_map(|outcome| outcome.outage.as_ref()).max_by_key(|outage| outage.max_ms);
    let spans = outcomes.iter().filter_map(|outcome| outcome.outage.as_ref()).map(|outage| outage.min_ms).min();
    let outage = match (longest, spans) {
        (Some(longest), Some(min)) if longest.max_ms > 0 => {
            format!("predicted outage {} to {} s", seconds(min), seconds(longest.max_ms))
        }
        (Some(_), _) => "no outage".to_owned(),
        (None, _) => String::new(),
    };
    let told = match worst {
        None => String::new(),
        Some(Verdict::Reachable) => format!("every pair is reachable; {outage}"),
        Some(_) => {
            let count = |verdict| outcomes.iter().filter(|outcome| outcome.pair.verdict == verdict).count();
            let (lost, degraded) = (count(Verdict::Lost), count(Verdict::Degraded));
            format!("{lost} of {} pairs lost, {degraded} degraded; {outage}", outcomes.len())
        }
    };
    canvas.text(Point(32, 70), told.trim_end_matches("; "), "note");
}

fn seconds(ms: u32) -> f64 {
    f64::from(ms) / 1000.0
}

/// Both ways of a pair.
fn ways(canvas: &mut Canvas, layout: &Layout, pair: &PairVerdict) {
    let paint = if pair.verdict == Verdict::Reachable { Paint::Way } else { Paint::PoorWay };
    for hops in [&pair.path, &pair.back] {
        let stops: Vec<&Hop> = hops.iter().collect();
        for step in stops.windows(2) {
            if let [from, to] = step {
                canvas.line(&layout.between(&from.node, &to.node), paint);
            }
        }
    }
}

/// Beside each server, what becomes of it for each client.
fn verdicts(canvas: &mut Canvas, layout: &Layout, outcomes: &[Outcome]) {
    for (name, at) in &layout.servers {
        let own = outcomes.iter().filter(|outcome| *outcome.pair.server == **name);
        for (row, outcome) in own.enumerate() {
            let y = at.1 + 16 * i32::try_from(row).unwrap_or(0);
            let outage = match &outcome.outage {
                Some(outage) if outage.max_ms > 0 => {
                    format!(" after {}-{} s", seconds(outage.min_ms), seconds(outage.max_ms))
                }
                _ => String::new(),
            };
            let text = format!("{}: {}{outage}", outcome.pair.client, outcome.pair.verdict);
            canvas.verdict(Point(at.0, y), &text, outcome.pair.verdict);
        }
    }
}

fn legend(canvas: &mut Canvas, layout: &Layout) {
    let y = layout.height - 28;
    let mut x = 32;
    for (paint, text) in [
        (Paint::Way, "way in use"),
        (Paint::PoorWay, "way that not every session survives"),
        (Paint::Cable, "cable or line"),
        (Paint::Tunnel, "tunnel"),
    ] {
        canvas.line(&[Point(x, y - 4), Point(x + 36, y - 4)], paint);
        canvas.text(Point(x + 46, y), text, "note");
        x += 74 + 7 * i32::try_from(text.len()).unwrap_or(0);
    }
    canvas.cross(Point(x + 10, y - 4));
    canvas.text(Point(x + 32, y), "failed", "note");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_of_the_inventory_is_no_markup() {
        let mut canvas = Canvas::new(10, 10);
        canvas.text(Point(0, 0), "<script>&\"'\u{202e}\u{7}", "note");
        let text = canvas.finish();
        assert!(text.contains("&lt;script&gt;&amp;&quot;&#39;"), "{text}");
        assert!(!text.contains('\u{202e}') && !text.contains('\u{7}'), "{text}");
    }
}
