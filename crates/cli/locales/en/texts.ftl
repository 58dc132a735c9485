# What the commands say.

## Words

yes = yes
no = no
role-owner = owner
role-member = member
role-sender = sender
role-dealer = dealer
kind-recording = recording
kind-report = report
kind-message = message
standing-invited = invited
standing-pending = waits for confirmation
standing-active = active
standing-not-in-roster = NOT in the signed list
standing-removed = removed
return-report-always = always
return-report-never = never
return-report-ask = asked each time
phase-provisioning = being set up
phase-ready = ready
phase-suspended = suspended
phase-failed = failed
unreadable-not-confirmed = (sender not confirmed yet)
unreadable-untrusted = (DOES NOT VERIFY)
unreadable-other = (not readable)
name-you = { $name } (you)
from-passed-on = { $from }, passed on by { $by }

## Headings

head-default = *
head-name = Name
head-role = Role
head-tenant = Centre
head-url = Address
head-state = State
head-id = Id
head-since = Since
head-return-report = Report back
head-record = Record
head-kind = Kind
head-when = When
head-size = Size
head-from = From
head-file = File
head-fetched = Fetched
head-receipt = Receipt
head-path = Path
head-conversation = Conversation
head-with = With
head-subject = Subject
head-records = Records
head-last = Last
head-device = Device
head-key = Key
head-handle = Handle
head-owner = Owner enrolled
head-comment = Comment

## Password

password-prompt = Password:
password-new = New password:
password-again = Once more:
password-differs = The two are different; please start over.
password-rule = The password needs at least 11 characters: upper and lower case, a digit, a special character. A sentence is easier to remember and harder to guess.
password-strength-fair = This keeps the rule, not more. Longer would be better.
password-strength-good = A good password.
password-strength-strong = A very good password.
password-lack-length = 11 characters
password-lack-too-long = at most 1024 bytes
password-lack-upper = an upper-case letter
password-lack-lower = a lower-case letter
password-lack-digit = a digit
password-lack-special = a special character
password-lack-common = something of your own (not one of the commonest passwords, not your name)

## enrol

enrol-code-prompt = Enrolment code:
enrol-at = Platform: { $url }
enrol-tenant = Centre: { $name } — you become: { $role }
enrol-expires = The code is good until { $when }.
enrol-fingerprint =
    The centre's fingerprint: { $fingerprint }
    Compare it with the centre, by telephone or on paper. Only if every digit is right is it really them.
enrol-fingerprint-ask = Is every digit right? [y/N]
enrol-working = Making keys …
enrol-done = Enrolled. Profile "{ $name }" lies in { $path }
enrol-next-owner = Go on with: siegel login --profile { $name }, then siegel sender add "Practice …"
enrol-next-member = Now a member has to confirm you (siegel member confirm). Sign in: siegel login --profile { $name }
enrol-next-sender = You can send at once: siegel put FILE --profile { $name }. The centre will confirm you (siegel sender confirm).
enrol-next-dealer = Create a centre: siegel tenant create HANDLE "Name" --profile { $name }
enrol-owner-fingerprint = Your centre's fingerprint, to read out on the telephone: { $fingerprint }

## login, logout, whoami, profile

login-as = Signing in as { $login }
login-done = Signed in. Your keys lie in memory only; they are forgotten after { $idle } without use.
login-not-confirmed = Nobody at the centre has confirmed you yet; until then you can read nothing.
login-not-needed = This profile signs in by the device's key; it needs no password.
logout-done = Signed out. The keys are forgotten.
logout-nothing = Nobody was signed in.
logout-not-told = The platform could not be reached; the session ends there by itself. ({ $why })
whoami-profile = Profile { $name } at { $url }
whoami-tenant = Centre: { $name } ({ $handle })
whoami-principal = Role: { $role } ({ $id })
whoami-login = Login name: { $login }
whoami-device = Device: { $id }
whoami-confirmed = Confirmed by the centre.
whoami-not-confirmed = Not confirmed yet.
profile-none = This machine is not enrolled anywhere yet.
profile-selected = From now on profile { $name } is used.
profile-remove-ask = Delete profile { $name } with its keys? What is sealed to this device only is lost then. [y/N]
profile-removed = Profile { $name } is deleted.

## put, get, ls, reply, inbox

put-done = { $file } arrived: { $record } ({ $size } in { $took }, { $rate })
put-resumed = { $size } were there already and were not sent again.
put-degraded = A storage zone is away; the second copy follows. The receipt says so, too.
put-directory-silent = The directory has confirmed nothing new for { $hours } hours. Someone may be holding back that a key was replaced or a person removed: please ask the centre by telephone.
put-receipt = The platform's receipt, verified: { $path }
put-return-report-ask = Shall the report come back to you? [y/N]
get-done = Opened: { $path } ({ $size } in { $took }, { $rate })
get-from = From: { $from } (signature verified)
get-note = Note: { $note }
ls-empty = There is nothing here.
ls-more = There are more than { $limit }; --limit shows further.
inbox-empty = Nothing new.
inbox-watching = Waiting for news; end with Ctrl+C.
inbox-record = { $when }  { $record }  { $file } ({ $size }) from { $from }
inbox-unreadable = { $when }  { $record }  can't be opened: { $why }
inbox-enrolled = Somebody used a code: { $id }. Confirm: siegel sender confirm { $id } (or siegel member confirm { $id })
inbox-event = { $when }  { $kind }  { $subject }

## erase, receipt

erase-ask = Erase { $what } at once and for good? Nobody can bring it back. [y/N]
erase-running = From now on nobody can read it. Both storage zones are being emptied …
erase-receipt = Receipt { $id }: key destroyed { $gone }, { $objects } objects absent, out of backups by { $horizon } at the latest
erase-done = Erased: { $records }
erase-going-on = Erasing goes on ({ $job }), it waits for: { $waiting }
receipt-none = No receipts.
receipt-damaged = { $path } is no valid receipt of this platform.
receipt-kind-upload = taken
receipt-kind-erase = erased
receipt-verified = The platform's signature is good.
receipt-upload = { $record } taken on { $when }, { $size } sealed
receipt-zone =   Zone { $zone } ({ $where }): { $parts } of { $of } parts
receipt-erase = { $record } erased; asked for on { $when }
receipt-key-gone =   Second-layer key destroyed: { $when }
receipt-object =   Zone { $zone }: { $object } seen absent { $when }
receipt-horizon =   In backups until { $when } at most

## sender, member, device, conversation, key, tenant

invite-code = Code for { $name }, shown only now:
invite-how = Hand it over yourself, not over this platform. It is good once, until { $until }.
sender-compare = Fingerprint to compare on the telephone: { $fingerprint }
sender-then-confirm = When the sender has used the code: siegel sender confirm { $id }
member-then-confirm = When the person has used the code: siegel member confirm { $id }
sender-none = No senders yet. Add one: siegel sender add "Practice …"
sender-confirmed = Confirmed: { $name } ({ $id })
nothing-to-confirm = Nobody waits for confirmation.
sender-set = Saved.
sender-remove-ask = Remove sender { $name }? It can send no more then. [y/N]
sender-removed = Removed: { $name }
member-none = No members.
member-confirmed = Confirmed: { $id }. It can read now.
member-remove-ask = Remove { $name }? The centre gets a new key then. [y/N]
member-removed = Removed: { $name }. The centre has a new key.
device-none = No devices.
device-this = this one
device-active = active
device-revoked-state = revoked
device-revoke-ask = Revoke device { $id }? The centre gets a new key then. [y/N]
device-revoked = Revoked: { $id }. The centre has a new key.
conversation-none = No conversations.
conversation-opened = Conversation { $id }. Send in it: siegel put FILE --conversation { $id }
key-root = Fingerprint of { $name }: { $fingerprint }
key-party = Key that is sealed to ({ $party }): { $fingerprint }
key-epoch = It is the centre's key number { $number }, of { $when }.
key-device = This device's key: { $fingerprint }
key-rotate-ask = Give the centre a new key? Everything so far stays readable. [y/N]
key-rotated = The centre now has key number { $number }.
roster-none = Nobody in the list.
roster-verified = { $entries } signed entries verified, from the root { $root } on.
tenant-none = No centres yet. Create one: siegel tenant create HANDLE "Name"
tenant-created = Created: { $name } ({ $id })
tenant-code = Code for the first owner of { $name }, shown only now:
tenant-code-how = It is good until { $until }. Hand it over in person. The centre's keys are made there; you never see them.
tenant-comment-set = Comment saved. The centre sees it, too; patients' data do not belong there.
tenant-show-name = { $name } ({ $handle }, { $id })
tenant-show-state = State: { $state }
tenant-show-comment = Comment: { $comment }
tenant-show-where = Data stay in: { $where }
durability-available = If a storage zone is lost, work goes on with the other.
durability-strict = If a storage zone is lost, nothing is taken until it is back.
tenant-owner-enrolled = The owner has enrolled.
tenant-owner-missing = Nobody has enrolled yet.
tenant-condition = Open: { $kind } — { $message }

## doctor

doctor-good =   ✓ { $text }
doctor-bad =   ✗ { $text }
doctor-keys-good = This device's keys lie where only you can read them.
doctor-keys-bad = This device's keys can't be used: { $why }
doctor-agent-runs = You are signed in.
doctor-agent-none = You are not signed in (siegel login).
doctor-proxy = The line goes through the proxy { $proxy }.
doctor-no-proxy = No proxy in the environment.
doctor-reached = { $url } answers in { $trip } (version { $version }).
doctor-not-reached = The platform can't be reached: { $why }
doctor-tls-good = The connection really is with the platform; nobody in between opens it.
doctor-intercepted = Someone in between opens the encryption: the certificate is from "{ $issuer }". Ask IT to leave this host alone.
doctor-tls-bad = The certificate is not right: { $why }
doctor-other-url = The platform calls itself { $url }; under another address it takes no sign-in.
doctor-clock-good = The clock is right (off by { $skew }).
doctor-clock-hint = The clock is off by { $skew }; set it when you can.
doctor-clock-bad = The clock is off by { $skew }; the platform takes no sign-in like that. Set it.
doctor-statement-good = The platform signs with the key that this profile knows.
doctor-statement-bad = The platform signs with ANOTHER key than when you enrolled. Call the provider.
doctor-rate = Downloading: { $rate } (measured with { $size }).
