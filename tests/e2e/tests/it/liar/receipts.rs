//! "Arrived" and "erased" count only with a receipt that verifies.

use siegel_api::records::CommitAnswer;
use siegel_api::retention::{EraseTarget, Receipt};
use siegel_e2e::files_below;
use siegel_envelope::Signed;
use siegel_envelope::receipt::UploadReceipt;

use super::{SMALL, Stage, flipped, refused, statement_key, stranger};

#[tokio::test(flavor = "multi_thread")]
async fn f29_no_upload_counts_as_arrived_without_its_own_receipt() {
    let stage = Stage::set().await;
    let earlier = stage.sender.session.upload_bytes(b"earlier".to_vec(), "a.txt").send().await.unwrap();
    let sign = statement_key(&stage.world).await;
    let before = files_below(&stage.sender.dir.path().join("receipts"));
    let resigned = move |answer: &CommitAnswer, change: fn(&mut UploadReceipt)| {
        let honest = Signed::<UploadReceipt>::open(&answer.receipt, &sign.public()).unwrap();
        let mut receipt = (*honest).clone();
        change(&mut receipt);
        sign.sign(receipt).to_bytes().into()
    };
    type Lie = Box<dyn Fn(&mut CommitAnswer) + Send + Sync>;
    let old = earlier.receipt.to_bytes();
    let lies: Vec<(&str, Lie)> = vec![
        ("no receipt", Box::new(|told| told.receipt = Vec::new().into())),
        ("a changed receipt", Box::new(|told| told.receipt = flipped(&told.receipt))),
        ("the receipt of an earlier record", {
            let id = earlier.receipt_id;
            Box::new(move |told| (told.receipt, told.receipt_id) = (old.clone().into(), id))
        }),
        ("a receipt by another signer", {
            let key = stranger().sign;
            Box::new(move |told| {
                let receipt = siegel_envelope::SignedBytes::from_bytes_of::<UploadReceipt>(&told.receipt).unwrap();
                told.receipt = key.sign(receipt.peek::<UploadReceipt>().unwrap()).to_bytes().into();
            })
        }),
        ("a receipt for another manifest", {
            let resigned = resigned.clone();
            Box::new(move |told| {
                told.receipt = resigned(told, |receipt| receipt.manifest = siegel_envelope::Digest::of(b"x"))
            })
        }),
        ("a receipt for another number of parts", {
            let resigned = resigned.clone();
            Box::new(move |told| told.receipt = resigned(told, |receipt| receipt.parts += 1))
        }),
        ("a receipt for another centre", {
            Box::new(move |told| {
                told.receipt = resigned(told, |receipt| receipt.tenant = siegel_domain::TenantId::from_bytes([1; 16]));
            })
        }),
    ];
    let large = stage.world.outside("large.edf");
    std::fs::write(&large, crate::support::bytes(5, 1_500_000)).unwrap();
    for (why, lie) in lies {
        stage.liar.repent();
        let lie = std::sync::Arc::new(lie);
        let again = lie.clone();
        stage.liar.lie(SMALL, move |_, answer| answer.change(|told| lie(told)));
        stage.liar.lie("POST /v1/records/*/commit", move |_, answer| answer.change(|told| again(told)));
        let session = &stage.sender.session;
        refused(session.upload_bytes(b"arrived?".to_vec(), "a.txt").send().await, "untrusted-receipt", why);
        refused(session.upload(&large).send().await, "untrusted-receipt", why);
        assert_eq!(files_below(&stage.sender.dir.path().join("receipts")), before, "{why}: it was kept");
    }
    // Once the platform is honest again, the same file brings the receipt of what had arrived, and goes no second time.
    stage.liar.repent();
    let sent = stage.sender.session.upload(&large).send().await.unwrap();
    assert!(sent.resumed_bytes > 0 && stage.liar.asked("PUT /v1/records/*/parts/*").is_empty());
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn f29_no_erasure_counts_without_its_own_receipt() {
    let stage = Stage::set().await;
    let owner = &stage.centre.owner.session;
    let mut erased = Vec::new();
    for text in ["one", "two"] {
        let sent = stage.sender.session.upload_bytes(text.as_bytes().to_vec(), "a.txt").send().await.unwrap();
        let erasure = owner.erase(EraseTarget::Record(sent.record)).await.unwrap();
        let done = owner.await_erasure(erasure, std::time::Duration::from_secs(20)).await.unwrap();
        erased.push(done.receipts[0]);
    }
    let kept = std::sync::Arc::new(std::sync::Mutex::new(None));
    let honest = kept.clone();
    stage.liar.lie("GET /v1/receipts/*", move |_, answer| {
        honest.lock().unwrap().get_or_insert_with(|| answer.json::<Receipt>().receipt);
    });
    owner.receipt(erased[1]).await.unwrap();
    std::fs::remove_dir_all(stage.centre.owner.dir.path().join("receipts")).unwrap();
    let of_another = kept.lock().unwrap().take().unwrap();
    for (why, receipt) in [("another record's", Some(of_another)), ("a changed one", None)] {
        stage.liar.repent();
        stage.liar.lie("GET /v1/receipts/*", move |_, answer| {
            answer.change::<Receipt>(|told| told.receipt = receipt.clone().unwrap_or_else(|| flipped(&told.receipt)));
        });
        refused(owner.receipt(erased[0]).await, "untrusted-receipt", why);
        assert!(files_below(&stage.centre.owner.dir.path().join("receipts")).is_empty(), "{why}: it was kept");
    }
    stage.end().await;
}
