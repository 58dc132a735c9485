//! Conversations between the members of an institution and a second party: M04.

use siegel_api::members::ReturnReport;
use siegel_client::RecordQuery;
use siegel_domain::{Party, RecordKind};
use siegel_e2e::World;

use crate::support::{code, content};

#[tokio::test(flavor = "multi_thread")]
async fn m04_a_conversation_between_members_and_a_second_party() {
    let world = World::start().await.unwrap();
    let centre = world.centre("klinik").await.unwrap();
    let owner = &centre.owner.session;
    let second = world.sender(&centre, ReturnReport::Always).await.unwrap();
    let outsider = world.sender(&centre, ReturnReport::Always).await.unwrap();
    let thread = owner.open_conversation(second.session.party().unwrap(), Some("Befund vom Mai")).await.unwrap();
    let say = async |from: &siegel_client::Session, to: Party, text: &str| {
        let message = from.upload_bytes(text.as_bytes().to_vec(), "message.txt").kind(RecordKind::Message);
        message.conversation(thread).to(to).send().await
    };
    let question = say(owner, second.session.party().unwrap(), "Wie geht es Ihnen?").await.unwrap();
    let answer = say(&second.session, Party::Tenant(centre.tenant), "Besser.").await.unwrap();
    assert_eq!(content(&second.session, question.record, &world.outside("q")).await.unwrap(), b"Wie geht es Ihnen?");
    assert_eq!(content(owner, answer.record, &world.outside("a")).await.unwrap(), b"Besser.");
    let threads = owner.conversations().await.unwrap();
    assert_eq!(threads.len(), 1);
    assert_eq!(threads[0].1.as_ref().map(|subject| subject.as_str()), Some("Befund vom Mai"));
    assert_eq!(threads[0].0.records, 2);
    let query = RecordQuery { conversation: Some(thread), ..RecordQuery::default() };
    assert_eq!(second.session.records(&query).await.unwrap().items.len(), 1, "what was sent to it");
    // A third party sees nothing of it and can say nothing in it.
    assert!(outsider.session.conversations().await.unwrap().is_empty());
    assert_eq!(code(say(&outsider.session, Party::Tenant(centre.tenant), "ich auch").await), "not-found");
    assert_eq!(code(outsider.session.open_record(answer.record).await), "not-found");
    world.stop().await.unwrap();
}
