//! Upload over zones on S3, each with a server of its own that the test kills. `SIEGEL_TEST_ZONES=s3` runs the tests of
//! `tests/it` on such zones, too.
#![expect(clippy::unwrap_used, reason = "a test that can't go on says where")]

#[path = "../it/directory.rs"]
mod directory;
#[expect(dead_code, reason = "the people of the other tests")]
#[path = "../it/people.rs"]
mod people;
#[expect(dead_code, reason = "the world of the other tests")]
#[path = "../it/world.rs"]
mod world;

mod zones;
