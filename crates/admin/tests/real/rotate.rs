//! Rotating while others work: whoever opens and seals meanwhile, with nothing cached, never fails.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use siegel_admin::args::Command;
use siegel_admin::cmd;
use siegel_platform::db::{self, TenantDbs};
use siegel_platform::inspect::vault::{Asker, TenantKey};
use siegel_platform::parts::PartEnv;
use siegel_platform::secrets::{Secrets, SecretsError, VaultSettings};

use crate::world::World;

const PLACE: &[&str] = &["table", "row"];

/// A process that has just started: it knows no key. Signing in is not what is looked at: it is tried until it is done.
pub(crate) async fn fresh(world: &World) -> Secrets {
    loop {
        let env = PartEnv::of_its_own();
        match Secrets::open_vault(VaultSettings::from_parts(&world.file(), "upload").unwrap(), env).await {
            Ok(secrets) => return secrets,
            Err(SecretsError::Unavailable(_)) => {}
            Err(error) => panic!("{error}"),
        }
    }
}

pub(crate) async fn rotate(world: &World, words: &[&str]) -> String {
    let args = world.args(&[&["rotate"], words].concat());
    let Command::Rotate { command } = &args.command else { panic!("a rotation was asked for") };
    let mut out = Vec::new();
    cmd::rotate::run(&mut out, &args, &world.place(), command).await.unwrap();
    String::from_utf8(out).unwrap()
}

async fn versions(world: &World) -> TenantKey {
    let asker = Asker::new(&world.parts.vault.nodes, &world.parts.ca_file).unwrap();
    let given = asker.sign_in(&world.parts.vault.role("operator").unwrap()).await.unwrap();
    let key = asker.tenant_key(&given, &world.tenant.to_string()).await.unwrap().unwrap();
    asker.sign_out(given).await;
    key
}

#[tokio::test(flavor = "multi_thread")]
async fn tenant_keys_rotate_under_load_and_nothing_fails() {
    let Some(world) = World::started().await else { return };
    let old = world.platform.ctx().secrets.wrap(world.tenant, PLACE, b"from before").await.unwrap();
    let (ended, opened) = (AtomicBool::new(false), AtomicUsize::new(0));
    let load = async || {
        while !ended.load(Ordering::Relaxed) {
            let secrets = fresh(&world).await;
            let sealed = secrets.wrap(world.tenant, PLACE, b"meanwhile").await.unwrap();
            assert_eq!(*secrets.unwrap(world.tenant, PLACE, &old).await.unwrap(), b"from before");
            assert_eq!(*secrets.unwrap(world.tenant, PLACE, &sealed).await.unwrap(), b"meanwhile");
            opened.fetch_add(1, Ordering::Relaxed);
        }
    };
    let rotations = async {
        for turn in 1..=3 {
            assert!(rotate(&world, &["tenant-keys"]).await.starts_with("1 rotated"));
            let after = opened.load(Ordering::Relaxed) + 5; // some begin and end after it
            while opened.load(Ordering::Relaxed) < after {
                tokio::task::yield_now().await;
            }
            assert_eq!(versions(&world).await, TenantKey { latest: turn + 1, oldest: 1 });
        }
        ended.store(true, Ordering::Relaxed);
    };
    tokio::join!(load(), load(), rotations);
    assert!(opened.load(Ordering::Relaxed) >= 15);

    assert!(rotate(&world, &["tenant-keys", "--trim"]).await.starts_with("1 trimmed"));
    assert_eq!(versions(&world).await, TenantKey { latest: 4, oldest: 4 });
    let secrets = fresh(&world).await;
    assert_eq!(*secrets.unwrap(world.tenant, PLACE, &old).await.unwrap(), b"from before", "the data key is the same");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn passwords_of_databases_rotate_under_load_and_nothing_fails() {
    let Some(world) = World::started().await else { return };
    let ctx = world.platform.ctx();
    let name = Secrets::of_role("upload");
    let first = ctx.secrets.get(&name).await.unwrap().unwrap();
    let (ended, opened) = (AtomicBool::new(false), AtomicUsize::new(0));
    // Connections of its own each time: one that stands would not notice.
    let load = async || {
        while !ended.load(Ordering::Relaxed) {
            let dbs = TenantDbs::new(&ctx.state_dir, "upload", &siegel_upload::app::MIGRATIONS, ctx.db_options());
            let upload = dbs.get(world.tenant).await.unwrap();
            db::query("SELECT 1").fetch_all(upload.reader()).await.unwrap();
            dbs.close_all().await;
            opened.fetch_add(1, Ordering::Relaxed);
        }
    };
    let rotations = async {
        for _ in 0..3 {
            assert!(rotate(&world, &["postgres-passwords"]).await.starts_with("7 roles"));
            let after = opened.load(Ordering::Relaxed) + 5; // some begin and end after it
            while opened.load(Ordering::Relaxed) < after {
                tokio::task::yield_now().await;
            }
        }
        ended.store(true, Ordering::Relaxed);
    };
    tokio::join!(load(), load(), rotations);
    assert_ne!(*ctx.secrets.get(&name).await.unwrap().unwrap(), *first);
    world.end().await;
}
