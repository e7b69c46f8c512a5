//! What stands behind a number, with the numbers written out: explanations and the usage browser.

use crate::explain::{list, matching, pages};
use crate::harness::{World, all_time, field, ms, two_accounts, used};
use local::AccessLevel;
use local::tokens::Tokens;
use pendo_simulator::{DEFAULT_APP, Kind, RawRow, SECOND_APP};
use reqwest::Method;
use serde_json::{Value, json};
use shared::explain::{ExplainError, ExplanationQuery, UsageQuery, explain, usage};
use shared::id::ObjectKind;

/// Ann on two days and Bob on one, in two features and a guide.
async fn small() -> World {
    let world = two_accounts().await;
    for id in ["export", "import"] {
        world.pendo().add_feature(id, id);
    }
    let feature = |visitor: &str, id: &str, at: &str, events: u32| {
        let row = RawRow::new(Kind::Feature, id, visitor, Some("A-1"), ms(at));
        world.pendo().inject(RawRow { events, ..row });
    };
    feature("ann@x.test", "export", "2026-06-28T08:00:00Z", 3);
    feature("ann@x.test", "export", "2026-06-28T09:00:00Z", 4);
    feature("ann@x.test", "import", "2026-06-29T09:00:00Z", 5);
    feature("bob@x.test", "export", "2026-06-29T10:00:00Z", 6);
    world.pendo().inject(used(Kind::Guide, "ann@x.test", Some("A-1"), "2026-06-29T11:00:00Z", 1));
    let fields = [
        json!({"name": "Exports", "object": "account", "usage": {"kind": "feature", "ids": ["export"]},
               "function": "count", "window": {"rolling_days": 7}}),
        field("Guides", "contact", "guide", "count", &all_time()),
        field("Last", "contact", "feature", "last_used", &json!({"rolling_days": 1})),
    ];
    world.fields(&fields).await;
    world
}

/// The events of the rows that are shown, in their order.
async fn events(world: &World, query: &str) -> Vec<u64> {
    let (_, rows) = pages(world, &format!("/v1/usage?object=account&id=A-1{query}"), 2).await;
    rows.iter().map(|row| row["events"].as_u64().unwrap()).collect()
}

#[tokio::test]
async fn an_explanation_says_what_is_counted_whose_it_is_and_what_is_not() {
    let world = small().await;
    let explanation = world.get("/v1/values/explain?object=account&id=A-1&field=exports").await.expect(200);
    let name = |person: &Value| (person["visitor"].clone(), person["events"].clone(), person["contacts"].clone());
    let people: Vec<_> = list(&explanation, "items").iter().map(name).collect();
    let expected = [("ann@x.test", 7, "C-1"), ("bob@x.test", 6, "C-2")];
    assert_eq!(people, expected.map(|(visitor, events, contact)| (json!(visitor), json!(events), json!([contact]))));
    assert_eq!((&explanation["value"], &explanation["definition"]["version"]), (&json!(13), &json!(1)));
    assert_eq!(
        (&explanation["from"], &explanation["to"]),
        (&json!("2026-06-24T00:00:00Z"), &json!("2026-06-30T12:00:00Z"))
    );
    let left_out = &explanation["left_out"][0];
    assert_eq!((&left_out["why"], &left_out["events"]), (&json!("other_objects"), &json!(5)));
    let matching = &explanation["matching"];
    assert_eq!((&matching["key"], &matching["linked"][0]["id"]), (&json!("A-1"), &json!("A-1")), "{matching}");
    assert_eq!(matching["rule"], json!({"pendo": "accountId", "object": "id", "ignore_case": false}));
    let said = explanation["sentence"].as_str().unwrap();
    assert!(said.starts_with("Exports of account A-1 is 13: 2 people with 13 events"), "{said}");
    let of_id =
        format!("/v1/values/explain?object=account&id=A-1&field={}", explanation["definition"]["id"].as_str().unwrap());
    assert_eq!(world.get(&of_id).await.expect(200), explanation, "a field's id does as well as its name");
}

#[tokio::test]
async fn what_happened_in_apps_that_a_field_does_not_name_is_left_out_and_shown() {
    let world = two_accounts().await;
    for (app_id, events) in [(DEFAULT_APP, 3), (SECOND_APP, 5)] {
        let row = used(Kind::Page, "ann@x.test", Some("A-1"), "2026-06-28T08:00:00Z", events);
        world.pendo().inject(RawRow { app_id, ..row });
    }
    let mut definition = field("Views", "account", "page", "count", &all_time());
    definition["usage"]["apps"] = json!([SECOND_APP]);
    world.field(&definition).await;
    let explanation = world.get("/v1/values/explain?object=account&id=A-1&field=Views").await.expect(200);
    let left_out = &explanation["left_out"];
    assert_eq!(
        (&explanation["value"], &left_out[0]["why"], &left_out[0]["events"]),
        (&json!(5), &json!("other_apps"), &json!(3)),
        "{explanation:#}"
    );
}

#[tokio::test]
async fn a_null_says_why_and_what_to_do() {
    let world = World::empty().await;
    for (visitor, account) in [("ann@x", "k-1"), ("twin@x", "k-2"), ("cid@x", "k-2")] {
        world.pendo().inject(used(Kind::Event, visitor, Some(account), "2026-06-28T08:00:00Z", 3));
    }
    world.connect_with(&json!({"history_from": "2026-06-20"})).await;
    world.upload("accounts", "id,code\nA-1,k-1\nA-2,k-2\nA-3,k-2\nA-4,k-4\nA-5,\n").await;
    world.upload("contacts", "id,account_id,email\nC-1,A-1,twin@x\nC-2,A-1,twin@x\n").await;
    world.matching(&matching()).await;
    let fields = [
        field("Month", "account", "event", "count", &json!({"rolling_days": 30})),
        field("Today", "account", "event", "last_used", &json!({"rolling_days": 1, "complete_days": false})),
        field("Ever", "contact", "event", "count", &all_time()),
    ];
    world.fields(&fields).await;
    for (object, id, name, reason, why, what) in [
        ("account", "A-1", "Month", "not_read", "begins at 2026-06-01T00:00:00Z", "shorter window"),
        ("account", "A-1", "Today", "never_used", "nothing that the field counts", "/v1/usage"),
        ("account", "A-2", "Month", "ambiguous", "fits \"A-3\" as well", "\"code\" of its own"),
        ("account", "A-4", "Month", "unmatched", "whose accountId is \"k-4\"", "PUT /v1/directory/accounts"),
        ("account", "A-5", "Month", "unmatched", "nothing in \"code\"", "Fill \"code\""),
        ("contact", "C-1", "Ever", "ambiguous", "fits \"C-2\" as well", "PUT /v1/directory/contacts"),
    ] {
        let path = format!("/v1/values/explain?object={object}&id={id}&field={name}");
        let explanation = world.get(&path).await.expect(200);
        assert_eq!((&explanation["reason"], &explanation["value"]), (&json!(reason), &Value::Null), "{explanation:#}");
        let part = |name: &str| explanation["advice"][name].as_str().unwrap().to_owned();
        assert!(part("why").contains(why) && part("what_to_do").contains(what), "{}", explanation["advice"]);
        assert!(explanation["sentence"].as_str().unwrap().contains("has no value"), "{explanation:#}");
    }
    let ambiguous = world.get("/v1/values/explain?object=account&id=A-2&field=Month").await.expect(200);
    assert_eq!((&ambiguous["items"], &ambiguous["pendo"]), (&json!([]), &Value::Null));
    world.delete("/v1/connection?data=keep").await.expect(200);
    let frozen = world.get("/v1/values/explain?object=account&id=A-1&field=Today").await.expect(200);
    assert_eq!((&frozen["reason"], &frozen["is_current"]), (&json!("disconnected"), &json!(true)), "{frozen:#}");
    assert!(frozen["advice"]["what_to_do"].as_str().unwrap().contains("POST /v1/connection"), "{frozen:#}");
}

#[tokio::test]
async fn while_a_change_is_not_computed_yet_an_explanation_says_so() {
    let world = small().await;
    let path = "/v1/values/explain?object=contact&id=C-1&field=Guides";
    world.stack.hold_jobs();
    let swapped = "id,account_id,email\nC-1,A-1,bob@x.test\nC-2,A-2,ann@x.test\n";
    world.upload_as("contacts", "text/csv", swapped).await.expect(200);
    let between = world.get(path).await.expect(200);
    assert_eq!(
        (&between["value"], &between["total"]["events"], &between["is_current"]),
        (&json!(1), &json!(0), &json!(false))
    );
    world.stack.release_jobs();
    world.idle().await;
    let after = world.get(path).await.expect(200);
    assert_eq!(
        (&after["value"], &after["total"]["events"], &after["is_current"]),
        (&json!(0), &json!(0), &json!(true))
    );
}

#[tokio::test]
async fn a_window_with_more_rows_than_somebody_waits_for_is_not_explained() {
    let world = small().await;
    let explained = async |rows_max| {
        let (object, id, field) = (ObjectKind::Account, "A-1".to_owned(), "Exports".to_owned());
        let query = ExplanationQuery { object, id, field, after: None, limit: 10, rows_max };
        explain(world.stack.context(), &world.workspace(), &query).await
    };
    assert!(matches!(explained(3).await, Err(ExplainError::TooMuch { rows: 4 })), "all features in the window");
    assert_eq!(explained(4).await.unwrap().line.value, 13);
}

#[tokio::test]
async fn the_browser_shows_what_is_asked_for_and_a_span_ends_before_its_end() {
    let world = small().await;
    assert_eq!(events(&world, "").await, [1, 6, 5, 4, 3], "the newest first");
    assert_eq!(events(&world, "&kind=feature").await, [6, 5, 4, 3]);
    assert_eq!(events(&world, "&kind=page").await, [0; 0]);
    assert_eq!(events(&world, "&usage_object=export").await, [6, 4, 3]);
    assert_eq!(events(&world, "&visitor=bob@x.test").await, [6]);
    assert_eq!(events(&world, "&visitor=nobody").await, [0; 0]);
    assert_eq!(
        events(&world, "&from=2026-06-28T09:00:00Z&to=2026-06-29T10:00:00Z").await,
        [5, 4],
        "from, and before to"
    );
    assert_eq!(events(&world, "&to=2026-06-29").await, [4, 3], "a date is its midnight in UTC");
    assert_eq!(
        events(&world, "&from=2026-06-29T10:00:00.001Z").await,
        [1],
        "an hour belongs to a span if it begins in it"
    );
    let contact = world.get("/v1/usage?object=contact&id=C-2").await.expect(200);
    assert_eq!((list(&contact, "items").len(), &contact["items"][0]["visitor"]), (1, &json!("bob@x.test")));
}

#[tokio::test]
async fn usage_as_a_table_has_the_same_rows_and_runs_nothing() {
    let world = two_accounts().await;
    let row = RawRow::new(Kind::Page, "=1+\"2\"", "ann@x.test", Some("A-1"), ms("2026-06-28T08:00:00Z"));
    world.pendo().inject(RawRow { events: 2, ..row.clone() });
    world.pendo().inject(RawRow { object_id: "p".to_owned(), ..row });
    world.field(&field("Views", "account", "page", "count", &all_time())).await;
    let path = "/v1/usage?object=account&id=A-1&format=csv&limit=1";
    let first = world.get(path).await;
    let cursor = first.headers["x-next-cursor"].to_str().unwrap();
    let second = world.get(&format!("{path}&cursor={cursor}")).await;
    assert_eq!((first.status, second.status, second.headers.contains_key("x-next-cursor")), (200, 200, false));
    assert_eq!(first.headers["content-type"], "text/csv; charset=utf-8");
    let head = "hour,kind,usage_object,event_type,app,visitor,pendo_account,events,minutes,first,last,excluded";
    let mut lines: Vec<&str> = first.text.lines().chain(second.text.lines()).filter(|line| *line != head).collect();
    lines.sort_unstable();
    let at = "2026-06-28T08:00:00.000Z";
    assert_eq!(
        lines,
        [
            format!("2026-06-28T08:00:00Z,page,\"'=1+\"\"2\"\"\",,-323232,ann@x.test,A-1,2,1,{at},{at},false"),
            format!("2026-06-28T08:00:00Z,page,p,,-323232,ann@x.test,A-1,1,1,{at},{at},false"),
        ]
    );
}

#[tokio::test]
async fn a_page_that_reads_much_for_little_ends_early_and_the_next_goes_on() {
    let world = small().await;
    let context = world.stack.context();
    let (mut seen, mut pages, mut after) = (Vec::new(), 0, None);
    loop {
        let query = UsageQuery {
            object: ObjectKind::Account,
            id: "A-1".to_owned(),
            kind: None,
            usage_object: Some("export".to_owned()),
            visitor: Some("ann@x.test".to_owned()),
            from: None,
            to: None,
            after,
            limit: 100,
            rows_max: 1,
        };
        let page = usage(context, &world.workspace(), &query).await.unwrap();
        seen.extend(page.items.iter().map(|line| line.events));
        (pages, after) = (pages + 1, page.next);
        if after.is_none() {
            break;
        }
    }
    assert_eq!((seen, pages > 1), (vec![4, 3], true), "{pages} pages");
}

#[tokio::test]
async fn a_row_that_comes_between_two_pages_neither_hides_another_nor_shows_it_twice() {
    let world = small().await;
    let path = "/v1/usage?object=account&id=A-1&kind=feature&limit=2";
    let first = world.get(path).await.expect(200);
    for (at, events) in [("2026-06-29T10:00:00Z", 50), ("2026-06-28T09:00:00Z", 60)] {
        let row = RawRow::new(Kind::Feature, "late", "ann@x.test", Some("A-1"), ms(at));
        world.pendo().inject(RawRow { events, ..row });
    }
    for _ in 0..9 {
        world.tick_after(1).await;
    }
    world.tick_after(24).await;
    let mut rest = Vec::new();
    let mut next = first["next"].as_str().map(str::to_owned);
    while let Some(cursor) = next {
        let page = world.get(&format!("{path}&cursor={cursor}")).await.expect(200);
        rest.extend(list(&page, "items").iter().map(|row| row["events"].as_u64().unwrap()));
        next = page["next"].as_str().map(str::to_owned);
    }
    let first: Vec<u64> = list(&first, "items").iter().map(|row| row["events"].as_u64().unwrap()).collect();
    rest.sort_unstable();
    assert_eq!((first, rest), (vec![6, 5], vec![3, 4, 60]));
}

#[tokio::test]
async fn what_is_not_there_or_makes_no_sense_is_refused_with_its_place() {
    let world = small().await;
    let (explain, browse) = ("/v1/values/explain?", "/v1/usage?");
    for (path, query, status, pointer) in [
        (explain, "object=account&id=A-1&field=No", 404, "?field"),
        (explain, "object=contact&id=C-1&field=Exports", 404, "?field"),
        (explain, "object=account&id=A-9&field=Exports", 404, "?id"),
        (explain, "object=account&id=C-1&field=Exports", 404, "?id"),
        (explain, "object=account&id=A-1", 422, "?field"),
        (explain, "object=account&field=Exports", 422, "?id"),
        (explain, "id=A-1&field=Exports", 422, "?object"),
        (explain, "object=visitor&id=A-1&field=Exports", 422, "?object"),
        (explain, "object=account&id=A-1&field=Exports&limit=101", 422, "?limit"),
        (explain, "object=account&id=A-1&field=Exports&cursor=YWNjb3VudC9BLTE", 422, "?cursor"),
        (explain, "object=account&id=A-1&field=Exports&format=csv", 422, "?format"),
        (browse, "object=account&id=A-9", 404, "?id"),
        (browse, "object=account", 422, "?id"),
        (browse, "id=A-1", 422, "?object"),
        (browse, "object=account&id=A-1&kind=nps", 422, "?kind"),
        (browse, "object=account&id=A-1&from=yesterday", 422, "?from"),
        (browse, "object=account&id=A-1&to=12", 422, "?to"),
        (browse, "object=account&id=A-1&format=xml", 422, "?format"),
        (browse, "object=account&id=A-1&cursor=YWNjb3VudC9BLTE", 422, "?cursor"),
        (browse, "object=account&id=A-1&field=Exports", 422, "?field"),
    ] {
        let reply = world.get(&format!("{path}{query}")).await;
        assert_eq!(
            (reply.status, &reply.json()["pointer"]),
            (status, &json!(pointer)),
            "{path}{query}: {}",
            reply.text
        );
    }
    let paths = [format!("{explain}object=account&id=A-1&field=Exports"), format!("{browse}object=account&id=A-1")];
    let standard = world.stack.token(AccessLevel::Standard).unwrap();
    let other = world.stack.tokens().sign(&Tokens::claims("other", "high")).unwrap();
    for path in &paths {
        assert_eq!(world.call_as(&standard, Method::GET, path, None, "").await.status, 403, "visitors are named");
        let reply = world.call_as(&other, Method::GET, path, None, "").await;
        assert_eq!((reply.status, &reply.json()["type"]), (409, &json!("/problems/not-connected")), "{}", reply.text);
    }
    let connection = json!({"region": "us", "integration_key": world.pendo().key()}).to_string();
    let json_type = Some("application/json");
    world.call_as(&other, Method::POST, "/v1/connection", json_type, connection).await.expect(201);
    world.idle().await;
    for (path, slug) in paths.iter().zip(["/problems/unknown-field-id", "/problems/unknown-object"]) {
        let reply = world.call_as(&other, Method::GET, path, None, "").await;
        assert_eq!((reply.status, &reply.json()["type"]), (404, &json!(slug)), "{}", reply.text);
    }
}
