//! The pages without scripts, used as a text browser uses them: forms as they stand on the page, and nothing else.

use std::collections::BTreeMap;

use super::*;

/// A form of a page.
#[derive(Debug, Default)]
struct Form {
    action: String,
    post: bool,
    fields: BTreeMap<String, String>,
    options: Vec<String>,
    button: String,
}

fn attribute(tag: &str, name: &str) -> Option<String> {
    let (_, rest) = tag.split_once(&format!(" {name}=\""))?;
    let value = rest.split('"').next()?;
    let value = value
        .replace("&quot;", "\"")
        .replace("&#39;", "'")
        .replace("&lt;", "<");
    Some(value.replace("&gt;", ">").replace("&amp;", "&"))
}

/// Every form, read from the text.
fn forms(page: &str) -> Vec<Form> {
    let read = |text: &str| {
        let text = text.split("</form>").next().expect("an end");
        let mut tags = text.split('<');
        let head = format!("<form{}", tags.next().expect("attributes"));
        let mut form = Form {
            action: attribute(&head, "action").expect("an action"),
            post: head.contains("method=\"post\""),
            ..Form::default()
        };
        for tag in tags {
            let tag = &format!("<{tag}");
            if tag.starts_with("<input") || tag.starts_with("<select") {
                let name = attribute(tag, "name").expect("a name");
                form.fields
                    .insert(name, attribute(tag, "value").unwrap_or_default());
            } else if tag.starts_with("<option") {
                form.options.push(attribute(tag, "value").expect("a value"));
            } else if tag.starts_with("<button") {
                form.button = tag.split('>').nth(1).expect("words").to_owned();
            }
        }
        form
    };
    page.split("<form").skip(1).map(read).collect()
}

fn form<'a>(forms: &'a [Form], button: &str) -> &'a Form {
    let words: Vec<_> = forms.iter().map(|form| &form.button).collect();
    let found = forms.iter().find(|form| form.button.starts_with(button));
    found.unwrap_or_else(|| panic!("{button} is not among {words:?}"))
}

fn encoded(fields: &BTreeMap<String, String>) -> String {
    let word = |text: &str| {
        text.bytes()
            .map(|byte| format!("%{byte:02X}"))
            .collect::<String>()
    };
    let pairs = fields
        .iter()
        .map(|(name, value)| format!("{}={}", word(name), word(value)));
    pairs.collect::<Vec<_>>().join("&")
}

fn posted(browser: &Browser, path: &str, fields: &BTreeMap<String, String>) -> RequestBuilder {
    let request = browser.request(Method::POST, path);
    let request = request.header("content-type", "application/x-www-form-urlencoded");
    request.body(encoded(fields))
}

async fn sent(browser: &Browser, form: &Form, filled: &[(&str, &str)]) -> Response {
    let mut fields = form.fields.clone();
    for (name, value) in filled {
        assert!(fields.contains_key(*name), "{name} is no field of {form:?}");
        fields.insert((*name).to_owned(), (*value).to_owned());
    }
    let request = match form.post {
        true => posted(browser, &form.action, &fields),
        false => browser.request(
            Method::GET,
            &format!("{}?{}", form.action, encoded(&fields)),
        ),
    };
    request.send().await.expect("an answer")
}

async fn page(browser: &Browser, path: &str) -> String {
    let response = browser.get(path).await;
    assert_eq!(response.status(), 200);
    assert_eq!(
        response.headers()["content-type"],
        "text/html; charset=utf-8"
    );
    let page = response.text().await.expect("a page");
    assert!(
        !page.contains("<script") && !page.contains(">plain.") && !page.contains("\"zh\":"),
        "{page}"
    );
    page
}

/// Signs on at the form; no cookie and no token but those of the page.
async fn signed_on(house: &House, account: &str, language: &str) -> Browser {
    let browser = house.browser();
    let start = page(&browser, &format!("/plain?lang={language}")).await;
    let forms = forms(&start);
    let sign_on = forms.first().expect("a form");
    let filled = [("account", account), ("password", PASSWORD)];
    let response = sent(&browser, sign_on, &filled).await;
    assert_eq!(response.url().path(), "/plain");
    assert_eq!(response.status(), 200);
    browser
}

#[tokio::test(flavor = "multi_thread")]
async fn a_false_alarm_is_worked_through_with_forms_alone() {
    let house = House::open().await;
    let (incident, _) = house.alarm().await;
    let operator = signed_on(&house, "op", "zh").await;
    let overview = page(&operator, "/plain?lang=zh").await;
    assert!(overview.contains("http-equiv=\"refresh\" content=\"5;url=/plain?lang=zh\""));
    assert!(
        overview.contains("首火警") && overview.contains("核实中") && overview.contains("张伟")
    );
    let taken = sent(&operator, form(&forms(&overview), "接警"), &[])
        .await
        .text()
        .await;
    assert!(taken.expect("a page").contains("已执行"));
    // The guard works with the same page.
    let guard = signed_on(&house, "post2", "zh").await;
    for (button, filled) in [
        ("收到", &[][..]),
        ("已到", &[]),
        ("误报", &[("text.cause", "steam")]),
    ] {
        let orders = page(&guard, "/plain?lang=zh").await;
        let forms_of_it = forms(&orders);
        let mut offered = form(&forms_of_it, button);
        let own_page;
        if !offered.post {
            own_page = forms(
                &sent(&guard, offered, &[])
                    .await
                    .text()
                    .await
                    .expect("a page"),
            );
            offered = own_page.first().expect("a form");
            assert!(offered.options.contains(&"steam".to_owned()));
        }
        let done = sent(&guard, offered, filled).await;
        assert_eq!(
            done.status(),
            200,
            "{button}: {}",
            done.text().await.expect("a page")
        );
    }
    let document = house
        .document(&format!("incident/{incident}"))
        .expect("an incident");
    assert_eq!(document["verdict"]["by"]["id"], "post2");
    let overview = page(&operator, "/plain?lang=zh").await;
    assert!(
        overview.contains("停止警报") && overview.contains("误报"),
        "{overview}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_held_verb_has_a_page_of_its_own_and_the_same_form_twice_is_one_deed() {
    let house = House::open().await;
    let (incident, _) = house.alarm().await;
    let operator = signed_on(&house, "op", "en").await;
    let overview = page(&operator, "/plain?lang=en").await;
    let offered = forms(&overview);
    let confirm = form(&offered, "Confirm fire");
    assert!(!confirm.post, "it is looked at before it is done");
    let own = sent(&operator, confirm, &[])
        .await
        .text()
        .await
        .expect("a page");
    assert!(
        !own.contains("http-equiv"),
        "a page with a form stands still"
    );
    let own = forms(&own);
    let confirm = own.first().expect("a form");
    assert_eq!(sent(&operator, confirm, &[]).await.status(), 200);
    let seq = house.handle.seq();
    assert_eq!(sent(&operator, confirm, &[]).await.status(), 200);
    assert_eq!(house.handle.seq(), seq, "the second time changes nothing");
    let document = house
        .document(&format!("incident/{incident}"))
        .expect("an incident");
    assert_eq!(document["class"], "confirmed");
    // 119, connected; then somebody else presses the same, and reads who has done it.
    let overview = page(&operator, "/plain?lang=en").await;
    let both = forms(&overview);
    assert!(
        overview.contains("<h3>119</h3>"),
        "what is read out stands there"
    );
    let call = both.iter().find(|form| {
        form.fields
            .get("body")
            .is_some_and(|body| body.contains("\"connected\":true"))
    });
    let call = call.expect("119 is offered");
    assert_eq!(sent(&operator, call, &[]).await.status(), 200);
    let leader = signed_on(&house, "lead", "en").await;
    let mut late = Form {
        action: call.action.clone(),
        post: true,
        fields: call.fields.clone(),
        ..Form::default()
    };
    let token = forms(&page(&leader, "/plain?lang=en").await);
    let csrf = token
        .iter()
        .find_map(|form| form.fields.get("csrf"))
        .expect("a token")
        .clone();
    late.fields.insert("csrf".to_owned(), csrf);
    late.fields
        .insert("key".to_owned(), "of-the-leader".to_owned());
    let refused = sent(&leader, &late, &[]).await;
    assert_eq!(refused.status(), 409);
    assert!(
        refused
            .text()
            .await
            .expect("a page")
            .contains("Settled by 张伟 at")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_report_is_made_with_a_form_and_what_is_personal_stays_out_of_the_journal() {
    let house = House::open().await;
    let clerk = signed_on(&house, "clerk", "zh").await;
    let offered = forms(&page(&clerk, "/plain?lang=zh").await);
    let own = sent(&clerk, form(&offered, "人工报警"), &[])
        .await
        .text()
        .await
        .expect("a page");
    let own = forms(&own);
    let report = own.first().expect("a form");
    let place = report
        .options
        .iter()
        .find(|option| option.len() > 1)
        .expect("a compartment");
    let filled = [
        ("text.compartment", place.as_str()),
        ("text.how", "phone"),
        ("text.caller", "李四"),
        ("text.phone", "13800138000"),
        ("text.text", "<b>冒烟</b>"),
    ];
    let done = sent(&clerk, report, &filled).await;
    assert_eq!(done.status(), 200, "{}", done.text().await.expect("a page"));
    let incident = house.document("incident/").expect("an incident");
    assert_eq!(incident["reported"]["by"], "李四");
    assert_eq!(incident["reported"]["phone_last4"], "8000");
    let overview = page(&clerk, "/plain?lang=zh").await;
    assert!(!overview.contains("<b>冒烟"));
}

#[tokio::test(flavor = "multi_thread")]
async fn forms_of_other_sites_and_of_nobody_do_nothing() {
    let house = House::open().await;
    let (incident, _) = house.alarm().await;
    let operator = signed_on(&house, "op", "zh").await;
    let offered = forms(&page(&operator, "/plain?lang=zh").await);
    let take = form(&offered, "接警");
    let seq = house.handle.seq();
    let mut forged = Form {
        action: take.action.clone(),
        post: true,
        fields: take.fields.clone(),
        ..Form::default()
    };
    forged.fields.insert("csrf".to_owned(), "x".repeat(43));
    assert_eq!(sent(&operator, &forged, &[]).await.status(), 403);
    let elsewhere = posted(&operator, "/plain/act", &take.fields);
    let elsewhere = elsewhere
        .header("sec-fetch-site", "cross-site")
        .send()
        .await;
    assert_eq!(elsewhere.expect("an answer").status(), 403);
    assert_eq!(sent(&house.browser(), take, &[]).await.status(), 401);
    for path in [
        "/api/v1/device",
        "/api/v1/incidents/site/mute",
        "/api/v1/incidents/a/b/c",
        "",
        "//x",
    ] {
        let mut strange = Form {
            action: take.action.clone(),
            post: true,
            fields: take.fields.clone(),
            ..Form::default()
        };
        strange.fields.insert("path".to_owned(), path.to_owned());
        assert_eq!(sent(&operator, &strange, &[]).await.status(), 404, "{path}");
    }
    assert_eq!(house.handle.seq(), seq);
    let document = house
        .document(&format!("incident/{incident}"))
        .expect("an incident");
    assert_eq!(document["taken"], Value::Null);
    let off = form(&offered, "退出");
    assert_eq!(sent(&operator, off, &[]).await.status(), 200);
    assert!(
        page(&operator, "/plain")
            .await
            .contains("type=\"password\"")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_school_sees_and_is_offered_nothing_and_nobody_is_told_how_to_begin() {
    let house = House::open().await;
    house.alarm().await;
    let school = signed_on(&house, "school", "zh").await;
    let overview = page(&school, "/plain?lang=zh").await;
    assert!(overview.contains("首火警"));
    let words: Vec<String> = forms(&overview)
        .into_iter()
        .map(|form| form.button)
        .collect();
    assert_eq!(words, ["退出"]);
    let empty = House::with(Box::new(MemoryStore::new("test"))).await;
    empty.until(|| empty.handle.health().ready).await;
    let start = page(&empty.browser(), "/plain").await;
    assert!(start.contains("fengsui user add NAME --role director"));
    let wrong = forms(&start);
    let wrong = sent(
        &empty.browser(),
        &wrong[0],
        &[("account", "a"), ("password", "b")],
    )
    .await;
    assert_eq!(wrong.status(), 401);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_weakens_asks_for_the_password_on_its_own_page() {
    let house = House::open().await;
    let leader = signed_on(&house, "lead", "zh").await;
    let own = async || {
        let overview = page(&leader, "/plain?lang=zh").await;
        let offered = forms(&overview);
        let manual = form(&offered, "联动转手动");
        assert!(!manual.post, "it has a page of its own");
        let own = sent(&leader, manual, &[]).await.text().await;
        forms(&own.expect("a page")).remove(0)
    };
    let fresh = own().await;
    assert!(!fresh.fields.contains_key("password"));
    house.age("lead").await;
    let aged = own().await;
    let with = |password| [("text.reason", "检修"), ("password", password)];
    let refused = sent(&leader, &aged, &with("guess")).await;
    assert_eq!(refused.status(), 403);
    assert!(refused.text().await.expect("a page").contains("密码不对"));
    assert_eq!(house.document("summary").expect("it")["mode"], "auto");
    // The page from before asks for nothing; the daemon does all the same.
    let early = sent(&leader, &fresh, &[("text.reason", "检修")]).await;
    assert_eq!(early.status(), 403);
    let done = sent(&leader, &aged, &with(PASSWORD)).await;
    assert_eq!(done.status(), 200);
    assert_eq!(house.document("summary").expect("it")["mode"], "manual");
}
