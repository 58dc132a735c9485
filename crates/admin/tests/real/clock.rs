//! `clock` on real parts shows theirs beside the machine's.

use siegel_admin::args::Command;
use siegel_admin::cmd;

use crate::world::World;

#[tokio::test(flavor = "multi_thread")]
async fn the_parts_clocks_are_shown_beside_the_machines() {
    let Some(world) = World::started().await else { return };
    let args = world.args(&["--json", "clock", "status"]);
    let Command::Clock { command } = &args.command else { panic!("the clock was asked for") };
    let mut out = Vec::new();
    cmd::clock::run(&mut out, &args, &world.place(), command).await.unwrap();
    let said: serde_json::Value = serde_json::from_slice(&out).unwrap();
    let others = said["others"].as_array().unwrap();
    let who: Vec<_> = others.iter().map(|other| other["who"].as_str().unwrap()).collect();
    assert!(["PostgreSQL", "zone-a", "zone-b"].iter().all(|part| who.contains(part)), "{who:?}");
    // One machine, one clock.
    let off =
        |other: &serde_json::Value| other["ahead_ms"].as_i64().unwrap().abs() - other["within_ms"].as_i64().unwrap();
    assert!(others.iter().all(|other| off(other) < 2_000), "{others:?}");
    world.end().await;
}
