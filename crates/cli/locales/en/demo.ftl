# The demonstration (siegel demo).

## Demonstration

demo-building = Building the platform (this takes a while the first time only) …
demo-program-missing = { $path } is missing.
next-demo-program-missing = Put siegel-server and siegel-admin beside this program, or start it with: cargo run -- demo
demo-build-failed = The platform could not be built.
demo-server-failed =
    The platform did not start. Its log ({ $log }) ends like this:
    { $last }
demo-server-hangs = The platform could not be stopped.
demo-admin-failed = siegel-admin failed: { $why }
demo-recording-failed = The recording failed: { $why }
demo-search-failed = The search failed: { $why }
demo-centre-name = Heart Centre North
demo-stranger-name = Somebody else's Practice
demo-bar-upload =   sealing and sending
demo-bar-download =   fetching and opening

## The acts

demo-act-start = The platform starts, on this machine, with a certificate of its own
demo-where = Everything lies in { $path }
demo-platform = It answers at { $url }, encrypted only; its log: { $log }
demo-act-dealer = A dealer is let in
demo-dealer-code = The provider gave him a code (siegel-admin dealer add).
demo-dealer-in = His device has a key of its own now, in { $path }
demo-act-create = He sets an evaluation centre up
demo-created = { $name }, comment "{ $comment }"; data stay in the EU
demo-owner-code = He hands the owner's code over in person. He has no keys.
demo-act-owner = The centre's owner enrols
demo-keys-where = Keys on this device and nowhere else: { $path }
demo-owner-in = Signed in as { $login }. The password stayed on her machine; the centre's first key was made there.
demo-comment-seen = She sees what the dealer noted, too: "{ $comment }"
demo-root = The centre's fingerprint: { $fingerprint }
demo-act-sender = The centre sets a sender up, a practice
demo-sender-invited = { $name } gets a code, by telephone. The platform can't read the name.
demo-fingerprint-same = The practice compares the fingerprint, digit by digit: { $fingerprint }
demo-sender-confirmed = The centre checks that the keys really came with this code, and signs.
demo-act-record = The practice records
demo-recorded = { $path } ({ $size })
demo-act-upload = It seals the recording and sends it
demo-line-cut = At { $percent } % the line breaks …
demo-resumed = … and it goes on: { $size } were there already.
demo-uploaded = { $record } arrived ({ $size }, { $rate })
demo-zone = Storage zone { $zone }: { $parts } of { $of } parts
demo-receipt = The platform's receipt, verified: { $path }
demo-told = The centre is told at once ({ $kind }).
demo-act-evaluate = The centre fetches the recording and opens it
demo-listed = In the list: { $file }, "{ $note }"
demo-opened = { $path } ({ $size }, { $rate })
demo-same = The same file, byte by byte; the practice's signature is good.
demo-act-report = It writes the report, and since the practice wishes it, it goes back
demo-report-line = │ { $line }
demo-report-any = File: { $size }, arrived whole
demo-report-sent = Sent to the practice, sealed: { $record }
demo-act-back = The practice reads the report
demo-report-read = { $path }
demo-act-stranger = Someone else tries
demo-stranger-asks = The platform does not even tell another practice that the record exists.
demo-stranger-tries = Even with everything the platform has of it, none of their keys opens it ({ $attempts } attempts).
demo-act-search = Is there anything in the clear at the platform?
demo-act-search-again = And once more, after the platform was stopped
demo-search-control = Cross-check: at the practice, where the recording lies open, the search finds it ({ $hits } hits).
demo-searched = Searched: { $files } files, { $size } (databases, both zones, events, log), for { $canaries } things in { $patterns } spellings: names, notes, codes, passwords, keys, pieces of the recording
demo-search-nothing = Nothing found.
canary-text = a name or text
canary-code = a code
canary-password = a password
canary-key = a key
canary-file = a piece of the recording
demo-act-erase = The centre erases both, at once and for good
demo-zones-before = Before, both zones hold { $files } files, { $size }
demo-erased = { $record }: key destroyed, { $objects } objects seen absent; in backups until { $horizon } at most
demo-zones-after = Afterwards: { $files } files, { $size }; only the notes that it was erased are left
demo-receipts-verified = { $count } receipts verified, without asking the platform

## The end

demo-good = Everything went well, in { $took }. There is no key at the platform, and nothing that could be read.
demo-bad = The demonstration failed in act { $act }.
demo-kept = Everything still lies in { $path }
demo-removed = The directory is deleted; with --keep it would stay.

## What should not have happened

demo-wrong-tenant = The centre sees something else than the dealer set up.
demo-wrong-password = The demonstration's password does not keep the rule.
demo-wrong-list = The recording is not in the centre's list.
demo-wrong-bytes = What arrived is not what was sent.
demo-wrong-wish = The wish for a report was lost.
demo-wrong-untold = Nobody told the recipient that something came.
demo-wrong-fingerprint = The code carries another fingerprint than the centre's.
demo-wrong-role = The sender is not what it should be.
demo-wrong-uncut = The line could not be cut in time.
demo-wrong-resume = After the cut the upload began anew.
demo-wrong-stranger = Someone else got further than they may.
demo-wrong-erase = Erasing was not finished or not signed for.
demo-wrong-zones = A storage zone still holds something of the erased record.
demo-wrong-receipts = Receipts are missing.
demo-wrong-search = The search does not even find what is there.
demo-found = Something lies at the platform in the clear (above).
