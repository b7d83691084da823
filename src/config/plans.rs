//! plans/*.svg: drawings of the floors. A page shows them as part of itself, so a drawing that could run or fetch
//! anything is refused, never repaired: what is refused somebody looks at; what was repaired silently nobody does.

use std::collections::BTreeMap;

use super::files::Folder;
use super::names::{Names, Noun};
use super::report::Report;
use super::svg;

/// A drawing that may be shown.
pub(super) struct Plan {
    pub(super) svg: String,
    /// `viewBox`: left, top, width, height.
    view: [f64; 4],
}

impl Plan {
    /// Whether a place is inside the drawing.
    pub(super) fn contains(&self, (x, y): (f64, f64)) -> bool {
        let [left, top, width, height] = self.view;
        (left..=left + width).contains(&x) && (top..=top + height).contains(&y)
    }

    /// The drawing's corners, for a message.
    pub(super) fn reach(&self) -> String {
        let [left, top, width, height] = self.view;
        format!("from {left}, {top} to {}, {}", left + width, top + height)
    }
}

/// Reads every drawing and declares their names, also of those that are refused.
pub(super) fn read_all(
    folder: &Folder,
    names: &mut Names,
    reports: &mut Vec<Report>,
) -> BTreeMap<String, Plan> {
    let files = folder
        .names
        .iter()
        .filter_map(|name| name.strip_prefix("plans/"));
    names.declare_files(Noun::Plan, files.map(str::to_owned));
    let mut plans = BTreeMap::new();
    for (file, source) in &folder.sources {
        let Some(name) = file.strip_prefix("plans/") else {
            continue;
        };
        match svg::check(source.text()) {
            Ok(view) => {
                let svg = source.text().to_owned();
                plans.insert(name.to_owned(), Plan { svg, view });
            }
            Err(refusals) => reports.extend(refusals.into_iter().map(|refusal| {
                Report::at(source, refusal.span, refusal.message).help(refusal.help)
            })),
        }
    }
    plans
}
