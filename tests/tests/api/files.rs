//! `get-avatar`, `csv-users` and the bucket behind them, over the real S3 protocol with real signatures.

use super::budgets::budget;
use aws_smithy_runtime_api::client::http::{HttpConnector, HttpConnectorFuture, SharedHttpConnector, http_client_fn};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_types::body::SdkBody;
use bytes::Bytes;
use http::{Request, StatusCode};
use serde_json::{Value, json};
use shared::store::files::{FileKey, FileStore, LOCAL_BUCKET, PART_BYTES, SERVE, Upload};
use shared::store::grants::{FileAction, Grant};
use shared::store::meter::metered;
use shared_files::{Links, S3Files};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use tests::{Answer, App};

const HOST: &str = "chat.example.com:9000";

/// Calls a method by way of a named host.
async fn call(app: &App, method: &str, fields: Value) -> Answer {
    let form = tests::app::encode(fields.as_object().unwrap());
    let request = Request::post(format!("/stepchat/{method}"))
        .header("host", HOST)
        .header("content-type", "application/x-www-form-urlencoded")
        .header("authorization", format!("Bearer {}", app.token));
    app.send(request.body(form.into()).unwrap()).await
}

/// Opens an address of that host as a browser does, without any credentials.
async fn open(app: &App, address: &str) -> Answer {
    let path = address.strip_prefix(&format!("http://{HOST}")).unwrap_or_else(|| panic!("{address}"));
    app.send(Request::get(path).header("host", HOST).body(Bytes::new()).unwrap()).await
}

/// The picture behind an address: its pixels as red, green and blue.
async fn picture(app: &App, first: &str, last: &str) -> (String, Vec<u8>) {
    let answer = call(app, "get-avatar", json!({ "first_name": first, "last_name": last })).await;
    let address = answer.response().as_str().unwrap().to_owned();
    let answer = open(app, &address).await;
    assert_eq!((answer.status, answer.headers["content-type"].to_str().unwrap()), (StatusCode::OK, "image/png"));
    assert!(answer.headers["cache-control"].to_str().unwrap().contains("immutable"));
    let mut decoder = png::Decoder::new(std::io::Cursor::new(answer.bytes));
    decoder.set_transformations(png::Transformations::EXPAND);
    let mut reader = decoder.read_info().unwrap();
    let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
    let frame = reader.next_frame(&mut pixels).unwrap();
    assert_eq!((frame.width, frame.height, frame.color_type), (512, 512, png::ColorType::Rgb));
    (address, pixels)
}

/// Each row of pixels with letters on it, as the share of white.
fn ink(pixels: &[u8]) -> usize {
    pixels.chunks(3).filter(|pixel| pixel.iter().all(|part| *part > 250)).count()
}

#[tokio::test]
async fn names_of_every_script_are_drawn_and_tell_apart() {
    let app = App::new().await;
    let mut seen = BTreeMap::new();
    for (first, last) in [
        ("Ivan", "Petrov"),
        ("Иван", "Петров"),
        ("Άγγελος", "Ωραίος"),
        ("Արամ", "Խաչատրյան"),
        ("გიორგი", "ბერიძე"),
        ("דוד", "כהן"),
        ("محمد", "علي"),
        ("ܝܘܚܢܢ", "ܡܪܝܡ"),
        ("शिव", "कुमार"),
        ("অমিত", "রায়"),
        ("ਸਿੰਘ", "ਕੌਰ"),
        ("અમિત", "પટેલ"),
        ("ଅମିତ", "ଦାସ"),
        ("தமிழ்", "குமார்"),
        ("రామ", "కృష్ణ"),
        ("ರಾಮ", "ಗೌಡ"),
        ("രാമ", "മേനോൻ"),
        ("සුනිල්", "පෙරේරා"),
        ("เอก", "ไพศาล"),
        ("ສົມ", "ໄຊ"),
        ("བསྟན", "འཛིན"),
        ("အောင်", "မြင့်"),
        ("អង្គ", "ខ្មែរ"),
        ("አበበ", "ተስፋ"),
        ("ᏣᎳᎩ", "ᎠᏂ"),
        ("ᐃᓄᒃ", "ᓄᓇ"),
        ("ⴰⵎⵣⵉⵖ", "ⵉⴷⵉⵔ"),
        ("ߒߞߏ", "ߊߡߊ"),
        ("明", "王"),
        ("喆", "鑫"),
        ("ひろし", "タナカ"),
        ("민준", "김"),
        ("ꦗꦮ", "ꦧꦭ"),
        ("Đặng", "Ứng"),
        ("7up", "Łódź"),
    ] {
        let (address, pixels) = picture(&app, first, last).await;
        assert!(ink(&pixels) > 1_500, "{first} {last}: {} white pixels", ink(&pixels));
        assert_eq!(seen.insert(pixels, address), None, "{first} {last} looks like another name");
    }
    let addresses: BTreeSet<_> = seen.values().collect();
    assert_eq!(addresses.len(), seen.len());
}

#[tokio::test]
async fn the_same_name_is_one_picture_at_one_address_for_ever() {
    let app = App::new().await;
    let first = picture(&app, "Ivan", "Petrov").await;
    app.wait_millis(400 * 24 * 60 * 60 * 1000);
    assert_eq!(picture(&app, " Ivan ", "Petrov").await, first);
    // The form of the page's example: https://example.com/stepchat/uploads/13-04-23/9455859.png
    let below = first.0.strip_prefix(&format!("http://{HOST}/stepchat/uploads/")).unwrap();
    let (day, file) = below.split_once('/').unwrap();
    assert!(day.len() == 8 && file.strip_suffix(".png").unwrap().parse::<u64>().is_ok(), "{below}");
    // It can be stored with a user.
    let id = app.add_stepchat_user(json!({ "profile_image": first.0 })).await;
    assert_eq!(app.stepchat("get-user", json!({ "user_id": id })).await.response()["profile_image"], first.0);
}

#[tokio::test]
async fn pictures_keep_the_callers_scheme_and_prefix() {
    let app = App::new().await;
    let request = Request::get(format!("/v1/stepchat/get-avatar?first_name=Ivan&token={}", app.token));
    let request = request.header("host", "api.example.com").header("x-forwarded-proto", "https");
    let address = app.send(request.body(Bytes::new()).unwrap()).await.response();
    assert!(address.as_str().unwrap().starts_with("https://api.example.com/v1/stepchat/uploads/"), "{address}");
}

#[tokio::test]
async fn only_pictures_are_served_without_a_link() {
    let app = App::new().await;
    let (address, _) = picture(&app, "Ivan", "").await;
    assert_eq!(app.file_uses(), SERVE.iter().copied().collect::<BTreeSet<Grant>>());
    assert_eq!(app.last_line()["method"], "picture");
    let missing = format!("{}/1.png", address.rsplit_once('/').unwrap().0);
    let answer = open(&app, &missing).await;
    assert_eq!((answer.status, answer.text.as_str()), (StatusCode::NOT_FOUND, "No such picture.\n"));
    call(&app, "csv-users", json!({})).await.response();
    for path in ["exports/1-users.csv", "uploads/../exports/1-users.csv", "uploads/22-11-26/1.csv", "uploads/"] {
        let answer = open(&app, &format!("http://{HOST}/stepchat/{path}")).await;
        assert!(answer.text.contains("function-not-found"), "{path}: {}", answer.text);
    }
}

/// The rows behind a link, the header first.
async fn rows(app: &App, link: &str) -> Vec<Vec<String>> {
    let answer = open(app, link).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
    assert_eq!(answer.headers["content-type"], "text/csv; charset=utf-8");
    assert_eq!(answer.headers["content-disposition"], "attachment; filename=users.csv");
    let text = answer.text.strip_prefix('\u{feff}').expect("a byte order mark");
    // Not flexible: every row has as many cells as the header.
    let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(text.as_bytes());
    reader.records().map(|record| record.unwrap().iter().map(str::to_owned).collect()).collect()
}

const HEADER: [&str; 17] = [
    "ID",
    "First Name",
    "Last Name",
    "Email",
    "Profile Image",
    "Type",
    "Creation Time",
    "Birthdate",
    "City",
    "Company",
    "Country",
    "Facebook",
    "Language",
    "LinkedIn",
    "Phone",
    "Twitter",
    "Website",
];

#[tokio::test]
async fn the_file_holds_every_user_by_first_name_in_the_originals_columns() {
    let app = App::new().await;
    let extra = json!({
        "birthday": ["1980-01-02", "Birthdate"], "city": "Москва", "phone": "+79191234567", "linkedin": "in/ivan",
        "mobile": ["+7 (919) 1", "Phone"], "my_site": ["https://ivan.example", "WEBSITE"], "vat": ["DE1", "VAT number"],
    });
    let fields = json!({ "first_name": "Ivan", "last_name": "Petrov", "email": "ivan@example.com", "extra": extra });
    let ivan = app.add_stepchat_user(fields).await;
    let lead =
        json!({ "first_name": "Anna", "user_type": "lead", "last_name": "", "extra": { "tag": ["x", "VAT number"] } });
    let anna = app.add_stepchat_user(lead).await;
    let gone = app.add_stepchat_user(json!({ "first_name": "Gone", "email": "gone@example.com" })).await;
    app.stepchat("delete-user", json!({ "user_id": gone })).await;
    app.stepchat("update-bot", json!({ "name": "Robot" })).await.response();
    let answer = call(&app, "csv-users", json!({})).await;
    assert!(answer.json().get("next_cursor").is_none());
    assert!(app.last_line()["round_trips"].as_u64().unwrap() <= budget("csv-users"));
    let link = answer.response().as_str().unwrap().to_owned();
    let path = link.split('?').next().unwrap();
    assert!(path.starts_with(&format!("http://{HOST}/files/exports/")) && path.ends_with("-users.csv"), "{link}");
    let rows = rows(&app, &link).await;
    let header: Vec<&str> = HEADER
        .iter()
        .copied()
        .chain(["Phone [mobile]", "WEBSITE [my_site, for Website]", "VAT number [tag]", "VAT number [vat]"])
        .collect();
    assert_eq!(rows[0], header);
    let names: Vec<&str> = rows[1..].iter().map(|row| row[1].as_str()).collect();
    assert_eq!(names.len(), 3, "{rows:#?}");
    assert!(names.is_sorted_by_key(|name| name.to_lowercase()), "{names:?}");
    let row = |id: &str| rows.iter().find(|row| row[0] == id).unwrap().clone();
    let picture = "https://stepchat.io/user.svg";
    assert_eq!(
        row(&ivan),
        [
            &*ivan,
            "Ivan",
            "Petrov",
            "ivan@example.com",
            picture,
            "user",
            "2026-11-22 00:00:00",
            "1980-01-02",
            "Москва",
            "",
            "",
            "",
            "",
            "in/ivan",
            "+79191234567",
            "",
            "https://ivan.example",
            "'+7 (919) 1",
            "https://ivan.example",
            "",
            "DE1"
        ]
    );
    assert_eq!(row(&anna)[5..7], ["lead", "2026-11-22 00:00:00"]);
    assert_eq!(row(&anna)[17..], ["", "", "x", ""]);
}

#[tokio::test]
async fn nasty_cells_come_back_whole_and_start_no_formula() {
    let app = App::new().await;
    let nasty = ["=1+1", "+SUM(1)", "-2", "@x", "a,b", "a\"b\"", "a\r\nb", "a\nb", "\u{feff}x", "'q", "ё\u{1f642}"];
    for (place, cell) in nasty.iter().enumerate() {
        let name = format!("u{place:02}");
        app.add_stepchat_user(json!({ "first_name": name, "last_name": cell, "extra": { "note": ["=1", cell] } }))
            .await;
    }
    let link = call(&app, "csv-users", json!({})).await.response().as_str().unwrap().to_owned();
    let rows = rows(&app, &link).await;
    for (place, cell) in nasty.iter().enumerate() {
        let row = rows.iter().find(|row| row[1] == format!("u{place:02}")).unwrap();
        let expected = if cell.starts_with(['=', '+', '-', '@']) { format!("'{cell}") } else { (*cell).to_owned() };
        // Names are trimmed when they are stored, as in the original.
        assert_eq!(row[2], expected.trim(), "{cell:?}");
    }
    assert!(rows[0].iter().skip(17).all(|name| !name.starts_with('=')), "{:?}", rows[0]);
}

#[tokio::test]
async fn some_users_and_the_rest_behind_a_cursor() {
    let app = App::with(|name| (name == "STEPCHAT_EXPORT_USERS").then(|| "2".into())).await;
    let mut ids = Vec::new();
    for name in ["a", "b", "b", "c", "d"] {
        ids.push(app.add_stepchat_user(json!({ "first_name": name, "extra": { "x": name } })).await);
    }
    let mut found = Vec::new();
    let mut fields = json!({});
    loop {
        let answer = call(&app, "csv-users", fields.clone()).await;
        let page = rows(&app, answer.response().as_str().unwrap()).await;
        assert!(page.len() <= 3);
        found.extend(page[1..].iter().map(|row| row[0].clone()));
        match answer.json().get("next_cursor") {
            Some(next) => fields = json!({ "cursor": next }),
            None => break,
        }
        // Who was there last may go.
        app.stepchat("delete-user", json!({ "user_id": found.last().unwrap() })).await;
    }
    let all: BTreeSet<&String> = found.iter().collect();
    assert_eq!((found.len(), all.len()), (6, 6), "{found:?}");
    let some = json!({ "user_ids": [ids[0], ids[3], ids[4], 999], "users_id": [1] });
    let first = call(&app, "csv-users", some.clone()).await;
    let names = |rows: Vec<Vec<String>>| rows[1..].iter().map(|row| row[1].clone()).collect::<Vec<_>>();
    let left = names(rows(&app, first.response().as_str().unwrap()).await);
    let mut rest = some;
    rest["cursor"] = first.json()["next_cursor"].clone();
    let rest = call(&app, "csv-users", rest).await;
    // Two of these have been deleted above, after they were exported.
    assert!(rest.json().get("next_cursor").is_none() && left.len() <= 2, "{left:?}");
    for nobody in [json!(["abc"]), json!("2.5")] {
        let none = call(&app, "csv-users", json!({ "user_ids": nobody })).await;
        assert_eq!(rows(&app, none.response().as_str().unwrap()).await.len(), 1, "a header");
    }
}

#[tokio::test]
async fn a_link_works_as_long_as_it_says_and_for_nothing_else() {
    let app = App::with(|name| (name == "STEPCHAT_EXPORT_LINK_SECONDS").then(|| "2".into())).await;
    let link = call(&app, "csv-users", json!({})).await.response().as_str().unwrap().to_owned();
    assert_eq!(open(&app, &link).await.status, StatusCode::OK);
    let (start, signature) = link.split_once("X-Amz-Signature=").unwrap();
    let (first, rest) = signature.split_at(1);
    let other = if first == "0" { "1" } else { "0" };
    let longer = link.replace("X-Amz-Expires=2", "X-Amz-Expires=9");
    assert_ne!(longer, link);
    for forged in [
        format!("{start}X-Amz-Signature={other}{rest}"),
        longer,
        link.replace("-users.csv", "0-users.csv"),
        link.split('?').next().unwrap().to_owned(),
    ] {
        let answer = open(&app, &forged).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{forged}: {}", answer.text);
    }
    let elsewhere = link.strip_prefix(&format!("http://{HOST}")).unwrap();
    let elsewhere = Request::get(elsewhere).header("host", "other.example.com").body(Bytes::new()).unwrap();
    assert_eq!(app.send(elsewhere).await.status, StatusCode::FORBIDDEN);
    tokio::time::sleep(Duration::from_millis(3_200)).await;
    let expired = open(&app, &link).await;
    assert_eq!(expired.status, StatusCode::FORBIDDEN, "{}", expired.text);
    assert!(expired.text.contains("expired"), "{}", expired.text);
}

#[tokio::test]
async fn no_secret_is_in_a_file() {
    let app = App::new().await;
    let fields = json!({ "first_name": "Ivan", "email": "i@example.com", "password": "Canary-Passw0rd-4711!", "user_type": "admin" });
    app.add_stepchat_user(fields).await;
    let link = call(&app, "csv-users", json!({})).await.response().as_str().unwrap().to_owned();
    let text = open(&app, &link).await.text;
    let token = app.app.tokens.of(shared::ids::UserId::new(2).unwrap(), 1);
    for secret in ["Canary-Passw0rd-4711!", "argon2", &app.token, &token] {
        assert!(!text.contains(secret), "{secret}");
    }
    assert!(text.contains("i@example.com"));
    assert!(!link.contains(tests::app::FILES_SECRET) && !app.log().join("\n").contains("X-Amz-Signature"));
}

#[tokio::test]
async fn a_big_file_goes_in_parts_and_comes_back_whole() {
    let app = App::new().await;
    let text = "x".repeat(60_000);
    let users = PART_BYTES * 2 / text.len() + 20;
    for number in 0..users {
        let fields = json!({ "first_name": format!("u{number:04}"), "extra": { "big": format!("{number} {text}") } });
        app.add_stepchat_user(fields).await;
    }
    let answer = call(&app, "csv-users", json!({})).await;
    assert!(app.file_uses().contains(&Grant::files(shared::store::files::Folder::Exports, FileAction::PutObject)));
    let rows = rows(&app, answer.response().as_str().unwrap()).await;
    assert_eq!(rows.len(), users + 2);
    for number in 0..users {
        let row = rows.iter().find(|row| row[1] == format!("u{number:04}")).unwrap();
        assert_eq!(row[17], format!("{number} {text}"));
    }
}

/// A transport whose second part never arrives.
#[derive(Debug)]
struct LosesParts(SharedHttpConnector);

impl HttpConnector for LosesParts {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        if request.uri().contains("partNumber=2") {
            return HttpConnectorFuture::ready(Ok(HttpResponse::new(400.try_into().unwrap(), SdkBody::empty())));
        }
        self.0.call(request)
    }
}

#[tokio::test]
async fn of_a_file_that_fails_half_way_nothing_is_left() {
    let app = App::new().await;
    let folder = tempfile::tempdir().unwrap();
    let bucket = switchboard::files::Files::open(folder.path(), "secret").unwrap();
    let inner = bucket.connector();
    let connector = SharedHttpConnector::new(LosesParts(inner));
    let transport = http_client_fn(move |_, _| connector.clone());
    let files = S3Files::new(&bucket.endpoint("http://embedded"), LOCAL_BUCKET, transport, Links::Endpoint);
    let key = FileKey::fresh_export();
    let mut upload = Upload::new(&files, &key);
    let (result, readings) = metered(upload.write(&vec![b'x'; PART_BYTES * 2])).await;
    assert!(result.is_err());
    let abort = Grant::files(key.folder(), FileAction::AbortMultipartUpload);
    assert!(readings.files.contains(&abort), "{readings:?}");
    assert_eq!(files.read(&key).await, Ok(None));
    let left: Vec<_> = std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(!left.iter().any(|name| name.to_string_lossy().contains("part-")), "{left:?}");
    drop(app);
}

#[tokio::test]
async fn a_file_is_written_once() {
    let app = App::new().await;
    let key = FileKey::picture("22-11-26", 7).unwrap();
    let files = app.files.store();
    assert_eq!(files.create(&key, Bytes::from_static(b"first")).await, Ok(true));
    assert_eq!(files.create(&key, Bytes::from_static(b"second")).await, Ok(false));
    assert_eq!(files.read(&key).await, Ok(Some(Bytes::from_static(b"first"))));
    let export = FileKey::fresh_export();
    for expected in [true, false] {
        let upload = Upload::new(files.as_ref(), &export);
        assert_eq!(upload.finish().await.is_ok(), expected);
    }
}

#[test]
fn expired_exports_go_and_pictures_stay() {
    let folder = tempfile::tempdir().unwrap();
    let files = switchboard::files::Files::open(folder.path(), "secret").unwrap();
    let bucket = folder.path().join(LOCAL_BUCKET);
    let old = std::time::SystemTime::now() - Duration::from_hours(24 * 3);
    for (name, days_old) in [
        ("files/exports/1-users.csv", true),
        ("files/exports/2-users.csv", false),
        ("files/uploads/22-11-26/1.png", true),
        (".upload_id-1.part-1", true),
        (".upload-1.json", false),
    ] {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, "x").unwrap();
        if days_old {
            std::fs::File::options().write(true).open(&path).unwrap().set_modified(old).unwrap();
        }
    }
    assert_eq!(files.sweep().unwrap(), 2);
    assert!(!bucket.join("exports/1-users.csv").exists() && bucket.join("exports/2-users.csv").exists());
    assert!(bucket.join("uploads/22-11-26/1.png").exists());
    assert_eq!(files.sweep().unwrap(), 0);
}
