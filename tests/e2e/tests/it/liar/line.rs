//! Answers that are none: without end, nonsense, of another kind, or sending people elsewhere.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::http::{HeaderValue, StatusCode, header};
use siegel_e2e::Answer;

use super::{KEYS, PART, RECORD, ROSTER, SMALL, Stage, nothing_left, refused};
use crate::support::{bytes, file, save};

/// A host that nobody should ever ask; counts who does.
async fn elsewhere() -> (String, Arc<AtomicUsize>) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (url, asked) = (format!("http://{}", listener.local_addr().unwrap()), Arc::new(AtomicUsize::new(0)));
    let count = asked.clone();
    tokio::spawn(async move {
        while listener.accept().await.is_ok() {
            count.fetch_add(1, Ordering::Relaxed);
        }
    });
    (url, asked)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_is_none_is_refused_and_leads_nowhere() {
    let stage = Stage::set().await;
    let owner = stage.hasty_owner().await;
    let plain = bytes(21, 1_500_000);
    let sent = stage.sender.session.upload(file(&stage.world, "ecg.edf", &plain)).send().await.unwrap();
    let opened = owner.open_record(sent.record).await.unwrap();
    let got = stage.world.outside("got");
    std::fs::create_dir(&got).unwrap();
    let (url, strangers) = elsewhere().await;

    type Lie = Arc<dyn Fn(&mut Answer) + Send + Sync>;
    let redirect = |status: StatusCode, to: &str| -> Lie {
        let to = HeaderValue::from_str(to).unwrap();
        Arc::new(move |answer| {
            answer.status = status;
            answer.headers.insert(header::LOCATION, to.clone());
        })
    };
    let body = |text: &'static str, kind: &'static str| -> Lie {
        Arc::new(move |answer| {
            answer.body = text.as_bytes().to_vec();
            answer.headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
        })
    };
    let deep: &'static str = Box::leak("[".repeat(100_000).into_boxed_str());
    let lies: Vec<(&str, Lie)> = vec![
        ("without end", Arc::new(|answer| answer.endless = true)),
        ("sixteen mebibytes", Arc::new(|answer| answer.body = vec![b' '; 16 << 20])),
        ("a web page", body("<html>Willkommen im Hotel-WLAN</html>", "text/html")),
        ("half a JSON", body("{\"entries\":[", "application/json")),
        ("another JSON", body("{\"surprise\":true}", "application/json")),
        ("JSON without bottom", body(deep, "application/json")),
        ("nothing", body("", "application/json")),
        ("no UTF-8", Arc::new(|answer| answer.body = vec![0xff, 0xfe, 0x00, 0x7b])),
        (
            "compressed",
            Arc::new(|answer| {
                answer.headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
                answer.body = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 0xff];
            }),
        ),
        ("another host, for good", redirect(StatusCode::PERMANENT_REDIRECT, &url)),
        ("another host, for now", redirect(StatusCode::TEMPORARY_REDIRECT, &format!("{url}/v1/records/small"))),
        ("a file", redirect(StatusCode::FOUND, "file:///etc/passwd")),
    ];
    for (why, lie) in lies {
        stage.liar.repent();
        for route in [ROSTER, KEYS, RECORD] {
            let lie = lie.clone();
            stage.liar.lie(route, move |_, answer| lie(answer));
        }
        refused(stage.sender_again().refresh_directory().await.map(drop), "answer", why);
        refused(owner.open_record(sent.record).await, "answer", why);
        stage.sends_nothing(&stage.sender_again(), "answer", why).await;
        // The answer to the record itself: it may have arrived, and is not said to have.
        stage.liar.repent();
        let again = lie.clone();
        stage.liar.lie(SMALL, move |_, answer| again(answer));
        refused(stage.sender_again().upload_bytes(b"x".to_vec(), "a.txt").send().await, "answer", why);
        // And bytes of a record: a part is no JSON, so what counts is that nothing comes of it.
        stage.liar.repent();
        stage.liar.lie(PART, move |_, answer| lie(answer));
        assert!(save(&opened, &got.join("ecg.edf")).await.is_err(), "{why}");
        nothing_left(&got, &plain[..64], why);
    }
    assert_eq!(strangers.load(Ordering::Relaxed), 0, "no redirect was followed");
    stage.end().await;
}
