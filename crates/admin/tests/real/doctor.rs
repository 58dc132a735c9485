//! `doctor` on real parts: what is well is said to be, and a part that is cut has its line, and no other does.

use siegel_admin::doctor::{Finding, Health, examine};

use crate::world::World;

fn failures(all: &[Finding]) -> Vec<&Finding> {
    all.iter().filter(|line| line.health == Health::Fail && !["space", "port"].contains(&line.check)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_part_has_its_line_and_a_cut_one_says_so() {
    let Some(world) = World::started().await else { return };
    let all = examine(&world.place(), true).await;
    for check in
        ["parts", "postgres", "databases", "zone-a", "zone-b", "openbao", "tenant-keys", "kafka", "clocks", "clock"]
    {
        assert!(all.iter().any(|line| line.check == check), "{check} is looked at");
    }
    assert!(failures(&all).is_empty(), "{:#?}", failures(&all));
    assert!(all.iter().all(|line| line.health == Health::Ok || !line.next.is_empty()));
    let seen = |check: &str, words: &str| all.iter().any(|line| line.check == check && line.seen.contains(words));
    assert!(seen("postgres", "the primary") && seen("postgres", "a commit waits for the standby"), "{all:#?}");
    assert!(seen("databases", "1 tenant"), "{all:#?}");
    assert!(seen("zone-a", "writes create-only") && seen("zone-b", "writes create-only"), "{all:#?}");
    assert!(seen("openbao", "3 of 3 nodes open") && seen("openbao", "AppRoles signed in"), "{all:#?}");
    assert!(seen("tenant-keys", "1 key read"), "{all:#?}");
    assert!(seen("kafka", "6 users of services signed in"), "{all:#?}");

    // Nothing that opens anything is in any of it.
    let file = std::fs::read_to_string(world.file()).unwrap();
    let secrets = file.lines().filter_map(|line| line.split_once(" = \"")?.1.strip_suffix('"'));
    let secrets: Vec<_> = secrets.filter(|value| value.len() == 48).collect();
    assert!(secrets.len() > 10, "the test knows the credentials");
    let told = serde_json::to_string(&all).unwrap();
    assert!(secrets.iter().all(|secret| !told.contains(secret)));

    for (proxy, check, words) in [
        ("s3-b", "zone-b", "does not answer"),
        ("vault-c", "openbao", "does not answer"),
        ("kafka", "kafka", "does not answer"),
    ] {
        world.cut(proxy, true).await;
        let all = examine(&world.place(), false).await;
        world.cut(proxy, false).await;
        let failed = failures(&all);
        assert!(!failed.is_empty(), "{proxy} is cut and nobody says so");
        for line in failed {
            assert!(line.check == check && line.seen.contains(words) && !line.next.is_empty(), "{proxy}: {line:?}");
        }
        assert!(failures(&examine(&world.place(), false).await).is_empty(), "{proxy} is back");
    }
    a_password_that_is_wrong_is_named(&world).await;
    world.end().await;
}

/// By a parts file with another's password.
async fn a_password_that_is_wrong_is_named(world: &World) {
    let right = std::fs::read_to_string(world.file()).unwrap();
    let mut table: toml::Table = right.parse().unwrap();
    table["postgres"].as_table_mut().unwrap().insert("admin_password".into(), "wrong".into());
    table["s3"].as_array_mut().unwrap()[0].as_table_mut().unwrap().insert("admin_secret".into(), "wrong".into());
    table["kafka"]["users"].as_table_mut().unwrap().insert("upload".into(), "wrong".into());
    std::fs::write(world.file(), table.to_string()).unwrap();
    let all = examine(&world.place(), false).await;
    std::fs::write(world.file(), right).unwrap();
    let failed = failures(&all);
    for (check, words) in
        [("postgres", "refuses us"), ("zone-a", "refuses us"), ("kafka", "the user upload refuses us")]
    {
        assert!(failed.iter().any(|line| line.check == check && line.seen.contains(words)), "{check}: {failed:#?}");
    }
    assert!(failed.iter().all(|line| ["postgres", "zone-a", "kafka"].contains(&line.check)), "{failed:#?}");
}
