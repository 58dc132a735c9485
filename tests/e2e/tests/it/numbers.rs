//! Dashboards and alerts name numbers that a server exports: the files of `infra/` are held against `/metrics` of a platform
//! on which people have done something. A name or a label with a slip of the pen would show an empty panel, or never fire.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Duration;

use siegel_api::members::ReturnReport;
use siegel_e2e::World;

use crate::support::{code, content};

/// Labels by the name of the number, `le` included.
type Exported = BTreeMap<String, BTreeSet<String>>;

fn exported(metrics: &str) -> Exported {
    let mut exported = Exported::new();
    for line in metrics.lines().filter(|line| !line.starts_with('#')) {
        let end = line.find(['{', ' ']).unwrap_or(line.len());
        let labels =
            line[end..].strip_prefix('{').and_then(|rest| rest.split_once('}')).map_or("", |(labels, _)| labels);
        let names = labels.split("\",").filter_map(|label| Some(label.split_once('=')?.0.to_owned()));
        exported.entry(line[..end].to_owned()).or_default().extend(names);
    }
    exported
}

/// What `text` names that is not there, or has no such label. Prometheus itself adds `instance` and `job`.
fn slips(text: &str, exported: &Exported) -> Vec<String> {
    let part_of_name = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
    let mut found = Vec::new();
    for (at, _) in text.match_indices("siegel_") {
        let rest = &text[at..];
        let name = &rest[..rest.find(|letter| !part_of_name(letter)).unwrap_or(rest.len())];
        let Some(labels) = exported.get(name) else {
            found.push(name.to_owned());
            continue;
        };
        let Some((chosen, _)) = rest[name.len()..].strip_prefix('{').and_then(|rest| rest.split_once('}')) else {
            continue;
        };
        let asked = chosen.replace('\\', ""); // in JSON its quotes are escaped
        for label in asked.split("\",").filter_map(|label| label.split(['=', '!']).next()).map(str::trim) {
            if !["instance", "job"].contains(&label) && !labels.contains(label) {
                found.push(format!("{name}{{{label}}}"));
            }
        }
    }
    found
}

#[test]
fn a_slip_of_the_pen_is_found() {
    let exported =
        exported("# HELP siegel_zone_up x\nsiegel_zone_up{zone=\"zone-a\",name=\"x,y\"} 1\nsiegel_held 0\n# EOF\n");
    let slips = |text| slips(text, &exported);
    assert_eq!(slips(r#"min by (zone) (siegel_zone_up{zone=~"a|b", name!="x"}) + siegel_held"#), [""; 0]);
    assert_eq!(slips(r#"{"expr": "siegel_zone_up{instance=~\"$instance\",zone=\"a\"}"}"#), [""; 0]);
    assert_eq!(slips("siegel_zone_ups"), ["siegel_zone_ups"]);
    assert_eq!(slips(r#"siegel_zone_up{zome="a"} and siegel_hold"#), ["siegel_zone_up{zome}", "siegel_hold"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn dashboards_alerts_and_runbooks_name_what_a_server_exports() {
    let world = World::start().await.unwrap();
    let centre = world.centre("herz").await.unwrap();
    let sender = world.sender(&centre, ReturnReport::Always).await.unwrap();
    let mut events = centre.owner.session.events(None);
    events.listen().await.unwrap();
    let sent = sender.session.upload_bytes(b"a recording".to_vec(), "ecg.edf").send().await.unwrap();
    assert_eq!(content(&centre.owner.session, sent.record, &world.outside("got")).await.unwrap(), b"a recording");
    let stranger = world.centre("other").await.unwrap();
    assert_eq!(code(stranger.owner.session.open_record(sent.record).await), "not-found");

    let ask = async || world.metrics().await.unwrap();
    let mut metrics = ask().await;
    let heard = async {
        // Background work begins by itself; it has run when its readers have handled something.
        let none = "siegel_events_handled_total{name=\"retention.derive\"} 0";
        while metrics.contains(none) {
            siegel_e2e::moment(Duration::from_millis(20)).await;
            metrics = ask().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), heard).await.unwrap();
    let exported = exported(&metrics);

    let infra = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../infra");
    let (mut files, mut named) = (0, 0);
    for directory in ["dashboards", "alerts", "runbooks"] {
        for entry in std::fs::read_dir(infra.join(directory)).unwrap() {
            let path = entry.unwrap().path();
            let text = std::fs::read_to_string(&path).unwrap();
            assert_eq!(
                slips(&text, &exported),
                [""; 0],
                "{}: no server exports these; it does {:?}",
                path.display(),
                exported.keys()
            );
            files += 1;
            named += text.matches("siegel_").count();
        }
    }
    assert!(files >= 8 && named > 80, "{files} files, {named} names: were they read?");
    world.stop().await.unwrap();
}
