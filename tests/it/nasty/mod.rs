//! The acceptance of the field: all 20 nasty behaviours through the whole daemon, on sockets and on pseudo-terminals, some side by
//! side on one site, one site after the other. No wrong value may ever reach a point, no alarm may be missed, what is wrong must be told as what it is, and the other
//! unit of the line must go on.

mod cases;
mod site;
mod watch;

use std::time::Duration;

use fengsui_sim::panel::PointVerb;
use futures_util::future::join_all;
use serde_json::json;

use self::cases::{Expect, cases};
use self::site::{FAULTY, MODULE, Place};
use self::watch::{Seen, State, Truth, is_true};
use super::site::{Person, TestSite};

/// Longest wait for anything that must happen. A unit that was lost is asked again after at most 30 s.
const BOUND: Duration = Duration::from_secs(40);

/// Lines of one site: as many as two cores serve without starving any.
const WAVE: usize = 12;

type Done = Result<(), String>;

#[tokio::test(flavor = "multi_thread")]
async fn nasty_behaviours_through_the_whole_daemon() {
    let places: Vec<Place> = cases()
        .into_iter()
        .flat_map(|case| case.ways.iter().map(move |way| Place { case, way: *way }))
        .filter(|place| is_chosen(&place.line()))
        .collect();
    let mut failures: Vec<String> = Vec::new();
    for wave in places.chunks(WAVE) {
        failures.extend(accepted(wave).await);
    }
    assert!(
        failures.is_empty(),
        "{} of {} cases:\n{}",
        failures.len(),
        places.len(),
        failures.join("\n")
    );
}

/// Runs these cases on one site; what was not as it must be.
async fn accepted(places: &[Place]) -> Vec<String> {
    let layout = site::layout(places);
    let mut field = TestSite::generated(&layout, |config, lines| {
        site::write(places, config, lines);
    })
    .await;
    let truth = Truth::default();
    for place in places {
        for (unit, device) in FAULTY {
            let bench = Bench::part(&field, &truth, place);
            bench.set(unit, device, PointVerb::Fault);
        }
    }
    let (code, printed) = field.check();
    assert_eq!(code, 0, "{printed}");
    field.run();
    field.ready().await;
    let operator = field.sign_on("operator").await;
    let (documents, stream) = operator.follows_from_now().await;
    let seen = Seen::follow(documents, stream);
    let benches = places.iter().map(|place| Bench {
        seen: Some(&seen),
        operator: Some(&operator),
        ..Bench::part(&field, &truth, place)
    });
    let benches: Vec<Bench<'_>> = benches.collect();
    let ended = join_all(benches.iter().map(Bench::run)).await;
    let metrics = field.metrics().await;
    let mut failures = Vec::new();
    for (bench, done) in benches.iter().zip(ended) {
        let place = &bench.place;
        let told = done
            .and_then(|()| bench.no_wrong_value())
            .and_then(|()| bench.is_counted(&metrics));
        if let Err(why) = told {
            let link = seen.latest(&format!("link/{}", place.line()));
            failures.push(format!(
                "{} {}: {why}\n    {link}",
                place.case.number,
                place.line()
            ));
        }
    }
    field.stop().await;
    failures
}

/// Cases of every run: few enough lines for two cores. `make nasty` runs all of them.
const EVERY_RUN: [&str; 7] = [
    "n06-checksum",
    "n06-short",
    "n07-truncated",
    "n09-noise",
    "n10-echo",
    "n12-byte-count",
    "n13-coil-value-known",
];

/// `FENGSUI_NASTY=overtaken` is one case alone, to look at it, and `FENGSUI_NASTY=all` every one.
#[expect(
    clippy::disallowed_methods,
    reason = "a test is chosen by the one who runs it"
)]
fn is_chosen(line: &str) -> bool {
    match std::env::var("FENGSUI_NASTY") {
        Ok(all) if all == "all" => true,
        Ok(word) => line.contains(&word),
        Err(_) => EVERY_RUN.iter().any(|word| line.contains(word)),
    }
}

/// One case at work.
struct Bench<'a> {
    place: &'a Place,
    site: &'a TestSite,
    truth: &'a Truth,
    seen: Option<&'a Seen>,
    operator: Option<&'a Person>,
}

impl<'a> Bench<'a> {
    fn part(site: &'a TestSite, truth: &'a Truth, place: &'a Place) -> Self {
        Self {
            place,
            site,
            truth,
            seen: None,
            operator: None,
        }
    }

    fn seen(&self) -> &Seen {
        self.seen.expect("the daemon is followed")
    }

    async fn run(&self) -> Done {
        let since = self.seen().of_link(&self.place.line(), 0).len();
        match self.place.case.expect {
            Expect::Reads => self.reads(since).await,
            Expect::Hole(device) => {
                self.reads(since).await?;
                let hole = State {
                    fire: false,
                    fault: true,
                };
                self.shows((1, device), hole).await
            }
            Expect::Lost(words) => self.lost(words).await,
            Expect::Refused => self.refused(since).await,
            Expect::Outage(words) => self.outage(words, since).await,
            Expect::Restart => self.restart().await,
            Expect::Brief => self.brief().await,
            Expect::Unlatched => self.unlatched().await,
            Expect::Cut => self.cut().await,
            Expect::Write(states, most) => self.write(states, most).await,
            Expect::Dropped => self.dropped().await,
        }?;
        self.behave();
        self.good().await
    }

    /// While it lasts every change is seen, and nothing is told as lost.
    async fn reads(&self, since: usize) -> Done {
        self.misbehave();
        self.burns((2, 1)).await?;
        self.burns((1, 3)).await?;
        for _ in 0..2 {
            self.misbehave();
            self.follows((1, 6), PointVerb::Fault).await?;
            self.misbehave();
            self.follows((1, 38), PointVerb::Fault).await?;
            self.follows((1, 6), PointVerb::Repaired).await?;
            self.misbehave();
            self.follows((1, 38), PointVerb::Repaired).await?;
        }
        self.misbehave();
        self.burns((1, 35)).await?;
        self.has_applied()?;
        self.no_loss(since)
    }

    /// The unit is told as lost, the other one goes on; what happened meanwhile is seen when it is back.
    async fn lost(&self, words: &[&str]) -> Done {
        self.misbehave();
        self.set(1, 3, PointVerb::Alarm);
        self.set(1, 6, PointVerb::Fault);
        let line = format!("link/{}", self.place.line());
        self.until("unit 1 is told as lost", |seen| {
            seen.latest(&line)["lost"]
                .as_array()
                .is_some_and(|lost| lost.iter().any(|lost| lost["unit"] == 1))
        })
        .await?;
        let link = self.seen().latest(&line);
        let reason = link["lost"][0]["reason"]["key"]
            .as_str()
            .unwrap_or_default();
        if !words
            .iter()
            .any(|word| reason == format!("fault.link.{word}"))
        {
            return Err(format!("lost for {reason}, not for one of {words:?}"));
        }
        self.until("its points are stale", |seen| {
            self.devices(1)
                .all(|point| seen.latest(&point)["quality"] == "stale")
        })
        .await?;
        self.burns((2, 1)).await?;
        self.follows((2, 2), PointVerb::Fault).await?;
        self.follows((2, 2), PointVerb::Repaired).await?;
        let link = self.seen().latest(&line);
        if link["state"] != "up" {
            return Err("the other unit did not go on".to_owned());
        }
        self.has_applied()?;
        self.behave();
        self.burning((1, 3)).await
    }

    /// The unit answers and refuses.
    async fn refused(&self, since: usize) -> Done {
        self.misbehave();
        self.set(1, 3, PointVerb::Alarm);
        self.until("its points are faulty", |seen| {
            self.devices(1).all(|point| {
                let point = seen.latest(&point);
                point["fault"] == true && point["quality"] == "good"
            })
        })
        .await?;
        self.burns((2, 1)).await?;
        self.has_applied()?;
        self.no_loss(since)?;
        self.behave();
        self.burning((1, 3)).await
    }

    async fn outage(&self, words: &[&str], since: usize) -> Done {
        self.misbehave();
        let line = self.place.line();
        self.until("the line is told as lost", |seen| {
            seen.of_link(&line, since)
                .iter()
                .any(|link| link["state"] == "down")
        })
        .await?;
        self.set(1, 3, PointVerb::Alarm);
        let told = self.seen().of_link(&line, since);
        let down = told.iter().find(|link| link["state"] == "down");
        let reason = down
            .map(|link| link["reason"]["key"].to_string())
            .unwrap_or_default();
        if !words.iter().any(|word| reason.contains(word)) {
            return Err(format!("lost for {reason}, not for one of {words:?}"));
        }
        self.burning((1, 3)).await?;
        self.burns((2, 1)).await
    }

    /// The unit hears nothing right after the connection, and the daemon waits for it.
    async fn cut(&self) -> Done {
        self.misbehave();
        let line = self.place.line();
        self.switch(false).await;
        self.until("the line is told as lost", |seen| {
            seen.latest(&format!("link/{line}"))["state"] == "down"
        })
        .await?;
        self.set(1, 3, PointVerb::Alarm);
        self.switch(true).await;
        self.burning((1, 3)).await?;
        self.burns((2, 1)).await
    }

    async fn switch(&self, up: bool) {
        let campus = &self.site.campus.campus;
        let done = campus.link(&self.place.line(), up).await;
        done.expect("the link follows");
    }

    /// The relay falls off while the line is cut.
    async fn dropped(&self) -> Done {
        self.write(&["done"], 1).await?;
        self.misbehave();
        self.switch(false).await;
        let output = format!("{}-OUT", self.place.line());
        let is_on = || {
            let outputs = self.site.campus.campus.outputs();
            outputs.iter().any(|one| one.id == output && one.feedback)
        };
        self.polled("the relay drops", || !is_on()).await?;
        self.switch(true).await;
        let key = format!("output/{output}");
        self.until("the output is told as it is", |seen| {
            let output = seen.latest(&key);
            output["feedback_active"] == false && output["quality"] == "good"
        })
        .await?;
        self.until_asked(12).await?;
        match self.writes_of(&output) {
            1 => Ok(()),
            count => Err(format!("{count} writes on the wire")),
        }
    }

    fn writes_of(&self, output: &str) -> usize {
        let writes = self.site.campus.campus.writes(0).writes;
        let own = writes
            .iter()
            .filter(|one| one.output.as_deref() == Some(output));
        own.count()
    }

    /// A panel that starts shows calm, or nobody, and then one device after the other.
    async fn restart(&self) -> Done {
        self.burns((1, 3)).await?;
        self.misbehave();
        self.until_applied(2).await?;
        self.burns((2, 1)).await?;
        self.burns((1, 35)).await?;
        self.burning((1, 3)).await
    }

    /// The panel keeps an alarm that is over before it was read.
    async fn brief(&self) -> Done {
        for (unit, device) in [(1, 3), (1, 35), (2, 1)] {
            self.set(unit, device, PointVerb::Alarm);
            self.plain(unit, device, PointVerb::Normal);
        }
        self.burning((1, 3)).await?;
        self.burning((1, 35)).await?;
        self.burning((2, 1)).await
    }

    /// The panel shows an alarm only while there is smoke; four requests for each unit are more than a scan.
    async fn unlatched(&self) -> Done {
        self.misbehave();
        self.set(1, 3, PointVerb::Alarm);
        self.until_asked(12).await?;
        self.truth
            .change(&self.place.point(1, 3), |state| state.fire = false);
        self.plain(1, 3, PointVerb::Normal);
        self.until("it has its incident", |seen| {
            !seen.latest(&self.key(1, 3))["incident"].is_null()
        })
        .await?;
        self.until("it is calm again, and latched here", |seen| {
            let point = seen.latest(&self.key(1, 3));
            point["fire"] == false && !point["latched_at"].is_null()
        })
        .await?;
        // It has kept what it did not show.
        self.truth
            .change(&self.place.point(1, 3), |state| state.fire = true);
        self.behave();
        self.burning((1, 3)).await
    }

    /// A write for a confirmed fire ends as it really ended.
    async fn write(&self, states: &[&str], most: usize) -> Done {
        if self.place.case.expect != Expect::Dropped {
            self.misbehave();
        }
        self.burns((1, 3)).await?;
        let incident = self.seen().latest(&self.key(1, 3))["incident"].clone();
        let incident = incident.as_str().ok_or("no incident")?;
        let operator = self.operator.expect("somebody is signed on");
        let path = format!("incidents/{incident}/confirm_fire");
        let (status, said) = operator.verb(&path, json!({})).await;
        if status != 200 {
            return Err(format!("confirm_fire: {status} {said}"));
        }
        let output = format!("{}-OUT", self.place.line());
        let key = format!("output/{output}");
        // An unknown one is not settled: its feedback says what became of it.
        let is_settled =
            |state: &str| !matches!(state, "idle" | "asked" | "sending" | "sent" | "unknown");
        self.until("the command is settled", |seen| {
            seen.latest(&key)["state"].as_str().is_some_and(is_settled)
        })
        .await?;
        let state = self.seen().latest(&key)["state"].clone();
        let state = state.as_str().unwrap_or_default();
        if !states.contains(&state) {
            return Err(format!(
                "the write ended as {state}, not as one of {states:?}"
            ));
        }
        let outputs = self.site.campus.campus.outputs();
        let real = outputs
            .iter()
            .find(|one| one.id == output)
            .ok_or("no output")?;
        if (state == "done") != real.feedback {
            return Err(format!(
                "{state}, but the device's feedback is {}",
                real.feedback
            ));
        }
        let count = self.writes_of(&output);
        if !(1..=most).contains(&count) {
            return Err(format!("{count} writes on the wire"));
        }
        self.has_applied()
    }

    /// Everything is read again and as it is.
    async fn good(&self) -> Done {
        let line = format!("link/{}", self.place.line());
        self.until("the line and both units are up", |seen| {
            let link = seen.latest(&line);
            link["state"] == "up" && link["lost"].as_array().is_some_and(Vec::is_empty)
        })
        .await?;
        for (unit, device) in self.place.devices() {
            let stands = self.truth.of(&self.place.point(unit, device));
            self.shows((unit, device), stands.last().copied().unwrap_or_default())
                .await?;
        }
        Ok(())
    }

    /// What was told of every point was true, one after the other.
    fn no_wrong_value(&self) -> Done {
        let case = &self.place.case;
        for (unit, device) in self.place.devices() {
            let id = self.place.point(unit, device);
            let (told, stood) = (self.seen().of_point(&id), self.truth.of(&id));
            let burnt = stood.iter().any(|state| state.fire);
            let allowed = |state: State| match case.expect {
                _ if unit == 2 || state.fire && !burnt => false,
                Expect::Refused => state.fault,
                Expect::Hole(hole) => device == hole && state.fault,
                // What a panel shows while it starts: no device, or all calm.
                Expect::Restart => state.fault || !state.fire,
                Expect::Reads
                | Expect::Lost(_)
                | Expect::Outage(_)
                | Expect::Cut
                | Expect::Brief
                | Expect::Unlatched
                | Expect::Write(..)
                | Expect::Dropped => false,
            };
            if !is_true(&told, &stood, allowed) {
                return Err(format!("{id} was told as {told:?}, and stood as {stood:?}"));
            }
        }
        Ok(())
    }

    /// `/metrics` counts it as what it is, for its unit.
    fn is_counted(&self, metrics: &str) -> Done {
        let labels = |kind: &str| {
            let (line, unit) = (self.place.line(), self.unit());
            let unit = if kind == "port" {
                "line".to_owned()
            } else {
                unit.to_string()
            };
            format!("fengsui_field_total{{bus=\"{line}\",unit=\"{unit}\",kind=\"{kind}\"}} ")
        };
        let kinds = self.place.case.kinds;
        let is_there = kinds.iter().any(|kind| {
            let count = metrics
                .lines()
                .find_map(|row| row.strip_prefix(&labels(kind)));
            count.is_some_and(|count| count != "0")
        });
        let own = format!("bus=\"{}\"", self.place.line());
        let counted = metrics
            .lines()
            .filter(|row| row.contains(&own) && !row.ends_with(" 0"));
        match is_there {
            true => Ok(()),
            false => Err(format!(
                "none of {kinds:?} is counted: {:#?}",
                counted.collect::<Vec<_>>()
            )),
        }
    }

    fn key(&self, unit: u8, device: u16) -> String {
        format!("point/{}", self.place.point(unit, device))
    }

    /// The documents of a unit's points.
    fn devices(&self, of: u8) -> impl Iterator<Item = String> {
        let devices = self.place.devices().filter(move |(unit, _)| *unit == of);
        devices.map(|(unit, device)| self.key(unit, device))
    }

    /// Something happens to a device, and is true from now on.
    fn set(&self, unit: u8, device: u16, verb: PointVerb) {
        let point = self.place.point(unit, device);
        self.truth.change(&point, |state| match verb {
            PointVerb::Alarm => state.fire = true,
            PointVerb::Fault => state.fault = true,
            PointVerb::Repaired => state.fault = false,
            _ => panic!("{verb:?} changes no truth here"),
        });
        self.plain(unit, device, verb);
    }

    /// Something happens to a device that the panel shows otherwise.
    fn plain(&self, unit: u8, device: u16, verb: PointVerb) {
        let point = self.place.point(unit, device);
        let campus = &self.site.campus.campus;
        campus.point(&point, verb).expect("there is such a point");
    }

    /// It alarms, and is seen with its incident.
    async fn burns(&self, (unit, device): (u8, u16)) -> Done {
        self.set(unit, device, PointVerb::Alarm);
        self.burning((unit, device)).await
    }

    /// Its alarm is seen and has its incident.
    async fn burning(&self, (unit, device): (u8, u16)) -> Done {
        let key = self.key(unit, device);
        self.until(&format!("{key} burns"), |seen| {
            let point = seen.latest(&key);
            point["fire"] == true && !point["incident"].is_null()
        })
        .await
    }

    /// A change that is seen.
    async fn follows(&self, (unit, device): (u8, u16), verb: PointVerb) -> Done {
        self.set(unit, device, verb);
        let stands = self.truth.of(&self.place.point(unit, device));
        let stands = stands.last().copied().unwrap_or_default();
        self.shows((unit, device), stands).await
    }

    async fn shows(&self, (unit, device): (u8, u16), wanted: State) -> Done {
        let key = self.key(unit, device);
        self.until(&format!("{key} is {wanted:?}"), |seen| {
            let point = seen.latest(&key);
            let is = |what: &str| point[what] == true;
            point["quality"] == "good" && is("fire") == wanted.fire && is("fault") == wanted.fault
        })
        .await
    }

    async fn until(&self, what: &str, is: impl Fn(&Seen) -> bool) -> Done {
        self.seen().until(what, BOUND, is).await
    }

    fn unit(&self) -> u8 {
        if self.place.is_write() { MODULE } else { 1 }
    }

    fn misbehave(&self) {
        for order in site::orders(&self.place.case) {
            let campus = &self.site.campus.campus;
            let done = campus.misbehave(&self.place.line(), self.unit(), order);
            done.expect("the simulator can do it");
        }
    }

    fn behave(&self) {
        let campus = &self.site.campus.campus;
        let done = campus.behave(&self.place.line(), self.unit(), None);
        done.expect("there is such a unit");
    }

    /// How many replies the behaviour has spoiled.
    fn applied(&self) -> u64 {
        let units = self.site.campus.campus.units();
        let line = self.place.line();
        let unit = units
            .iter()
            .find(|one| one.line == line && one.unit == self.unit());
        unit.map_or(0, |unit| unit.applied.values().sum())
    }

    /// It really was wrong. What only refuses has nothing to refuse when it is asked rightly.
    fn has_applied(&self) -> Done {
        let gates = ["one-client", "max", "pause", "warm-up", "watchdog"];
        let is_gate = gates.contains(&self.place.case.name);
        if self.applied() == 0 && !is_gate {
            return Err("the behaviour never showed".to_owned());
        }
        Ok(())
    }

    async fn until_applied(&self, times: u64) -> Done {
        self.polled("the behaviour shows", || self.applied() >= times)
            .await
    }

    /// Waits until so many more requests were heard on the line.
    async fn until_asked(&self, more: u64) -> Done {
        let asked = || {
            let links = self.site.campus.campus.links();
            let line = self.place.line();
            let link = links.iter().find(|link| link.id == line);
            link.map_or(0, |link| link.requests)
        };
        let first = asked();
        self.polled("requests", || asked() >= first + more).await
    }

    /// Waits for something of the simulator, which tells no changes.
    async fn polled(&self, what: &str, is: impl Fn() -> bool) -> Done {
        let asking = async {
            let mut pause = tokio::time::interval(Duration::from_millis(50));
            while !is() {
                pause.tick().await;
            }
        };
        let waited = tokio::time::timeout(BOUND, asking).await;
        waited.map_err(|_| format!("not within {} s: {what}", BOUND.as_secs()))
    }

    fn no_loss(&self, since: usize) -> Done {
        let told = self.seen().of_link(&self.place.line(), since);
        let is_well = |link: &serde_json::Value| {
            link["state"] == "up" && link["lost"].as_array().is_some_and(Vec::is_empty)
        };
        match told.iter().find(|link| !is_well(link)) {
            Some(link) => Err(format!("a loss was told: {link}")),
            None => Ok(()),
        }
    }
}
