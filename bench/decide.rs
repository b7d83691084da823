//! How long from alarms in their slots until they are decided, committed and to be seen: one at a time, and 500 at once in 50
//! compartments, on SQLite with `synchronous=FULL`. A loop of `fdatasync` in the same minute says what the disk gives.

#![expect(
    clippy::print_stdout,
    reason = "the figures are what this program is for"
)]
#![expect(clippy::expect_used, reason = "a bench that cannot go on ends")]
#![expect(clippy::panic, reason = "a bench that cannot go on ends")]

mod common;

use std::io::Write;
use std::path::Path;
use std::sync::Arc;

use common::{Figures, engine, stopwatch};
use fengsui::domain::point::{Conditions, Quality, Reading};
use fengsui::domain::site::Site;

/// Alarms at once.
const ALARMS: usize = 500;
/// Compartments that they stand in.
const COMPARTMENTS: usize = 50;
/// Rounds of [`ALARMS`].
const ROUNDS: usize = 20;
/// Single alarms.
const SINGLES: usize = 200;

fn main() {
    let folder = tempfile::tempdir().expect("a folder");
    let sync = fdatasync(folder.path());
    sync.print("fdatasync of 4 KiB");
    let mut single = Figures::default();
    let mut many = Figures::default();
    for round in 0..ROUNDS {
        let path = folder.path().join(format!("{round}.db"));
        let running = engine(&path, Arc::new(site()));
        let points: Vec<_> = (0..ALARMS)
            .map(|n| format!("B-{n:04}").as_str().into())
            .collect();
        let mut changes = running.handle.changes();
        let watch = stopwatch();
        for point in &points {
            running
                .handle
                .observe(point, reading(&running.handle, true));
        }
        let mut left: std::collections::BTreeSet<String> = points
            .iter()
            .map(|point| format!("point/{point}"))
            .collect();
        while !left.is_empty() {
            let change = changes.blocking_recv().expect("a change");
            let elapsed = watch.elapsed();
            for key in change.documents.keys() {
                if left.remove(&**key) {
                    many.push(elapsed);
                }
            }
        }
        running.stop();
    }
    for round in 0..SINGLES / 50 {
        let path = folder.path().join(format!("single-{round}.db"));
        let running = engine(&path, Arc::new(site()));
        for n in 0..50 {
            let point = format!("B-{n:04}").as_str().into();
            let key = format!("point/{point}");
            let mut changes = running.handle.changes();
            let watch = stopwatch();
            running
                .handle
                .observe(&point, reading(&running.handle, true));
            while !changes
                .blocking_recv()
                .expect("a change")
                .documents
                .contains_key(key.as_str())
            {}
            single.push(watch.elapsed());
        }
        running.stop();
    }
    single.print("1 alarm, decide + commit");
    many.print("500 alarms at once, decide + commit");
}

fn reading(handle: &fengsui::engine::handle::Handle, fire: bool) -> Reading {
    Reading {
        conditions: Conditions {
            fire,
            ..Conditions::default()
        },
        quality: Quality::Good,
        at: handle.now().engine,
    }
}

/// The shipped site with 500 more smoke detectors in 50 compartments of their own.
fn site() -> Site {
    let mut site = common::shipped().site;
    let model = site
        .points
        .values()
        .find(|point| point.kind.is_fire())
        .cloned()
        .expect("a detector");
    let compartment = site.compartments[&model.compartment].clone();
    for n in 0..COMPARTMENTS {
        let mut new = compartment.clone();
        new.id = format!("B-{n}").into();
        site.compartments.insert(new.id.clone(), new);
    }
    for n in 0..ALARMS {
        let mut new = model.clone();
        new.id = format!("B-{n:04}").into();
        new.compartment = format!("B-{}", n % COMPARTMENTS).into();
        site.points.insert(new.id.clone(), new);
    }
    site
}

fn fdatasync(folder: &Path) -> Figures {
    let mut file = std::fs::File::create(folder.join("sync")).expect("a file");
    let mut figures = Figures::default();
    for _ in 0..500 {
        let watch = stopwatch();
        file.write_all(&[7; 4096]).expect("written");
        file.sync_data().expect("synced");
        figures.push(watch.elapsed());
    }
    figures
}
