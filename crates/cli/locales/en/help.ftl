# Help: cmd-… per command, arg-… per option.

## Frame

help-usage = Usage:
help-commands = Commands
help-options = Options
help-general = General
help-arguments = Arguments
help-examples = Examples:

## Commands

cmd = Exchange records sealed: only those they are meant for can read them.
cmd-examples =
    siegel enrol CODE                 enrol this device
    siegel put recording.edf          send a recording
    siegel inbox                      what has come
    siegel get rec_…                  open a record
    siegel doctor                     what is wrong with the line
    siegel demo                       all of it once, on this machine
cmd-enrol = Enrols this device with a code
cmd-enrol-more = The code says where to go. For senders and members siegel shows the centre's fingerprint: compare it with them before you agree. The keys are made on this device and do not leave it.
cmd-enrol-examples =
    siegel enrol siegel-pWF…                        asks for the fingerprint
    siegel enrol siegel-pWF… --name anna.bell       as a person, with a password
    siegel enrol --code-stdin --expect-fingerprint "12345 67890 …" < code.txt
cmd-login = Signs a member in
cmd-login-more = The password does not leave this machine. The keys then lie in the memory of a background program, until you sign out or they were not used for a while. Senders and dealers do not need this.
cmd-login-examples =
    siegel login
    siegel login --password-stdin < password.txt
cmd-logout = Signs out and forgets the keys
cmd-logout-examples = siegel logout
cmd-whoami = Shows whom the platform takes this profile for
cmd-whoami-examples =
    siegel whoami
    siegel whoami --json
cmd-put = Seals files on this device and sends them
cmd-put-more = Without --to it goes to the centre. If the line breaks, repeat the same command: it goes on where it stopped. Name, size, type and note are sealed with it.
cmd-put-examples =
    siegel put recording.edf --return-report yes
    siegel put *.edf --note "24 h, please look at the night"
    siegel put letter.pdf --to snd_… --kind message
cmd-get = Fetches a record, verifies and opens it
cmd-get-more = The file gets its name only when its last piece was verified, too. If one is wrong, nothing is left behind.
cmd-get-examples =
    siegel get rec_…
    siegel get rec_… -o reports/
    siegel get rec_… --range 0-255 > head.bin
cmd-ls = Lists records with their names
cmd-ls-examples =
    siegel ls
    siegel ls --sent --kind report
    siegel ls --json -n 500
cmd-reply = Sends the report on a record to its sender
cmd-reply-more = Only if the sender wishes it. The centre can still open the report itself.
cmd-reply-examples = siegel reply rec_… report.pdf --note "no findings"
cmd-inbox = Shows what nobody has fetched yet
cmd-inbox-examples =
    siegel inbox
    siegel inbox --watch
    siegel inbox --watch --json | ./evaluate
cmd-erase = Erases at once and for good
cmd-erase-more = First the key is destroyed, then both storage zones are emptied. The receipt names both, and the day until which backups may still hold it.
cmd-erase-examples =
    siegel erase rec_…
    siegel erase --conversation cnv_… --yes
cmd-receipt = Shows and verifies the platform's receipts
cmd-receipt-list = Lists the receipts on this device
cmd-receipt-list-examples =
    siegel receipt list
    siegel receipt list --remote
cmd-receipt-show = Shows a receipt, verified
cmd-receipt-show-examples = siegel receipt show rcp_…
cmd-receipt-verify = Verifies a receipt file, also offline
cmd-receipt-verify-examples = siegel receipt verify rcp_….receipt
cmd-conversation = Conversations: records that belong together
cmd-conversation-list = Lists the conversations
cmd-conversation-list-examples = siegel conversation list
cmd-conversation-open = Opens a conversation
cmd-conversation-open-examples =
    siegel conversation open snd_… --subject "A question"
    siegel put answer.pdf --conversation cnv_… --to snd_…    # siegel conversation open shows cnv_…
cmd-sender = The senders of this centre
cmd-sender-list = Lists the senders
cmd-sender-list-examples = siegel sender list
cmd-sender-add = Sets a sender up and shows its code
cmd-sender-add-more = Hand the code over yourself. Only members of your centre can read the name.
cmd-sender-add-examples = siegel sender add "Dr Summer's practice" --return-report always
cmd-sender-confirm = Confirms senders that have used their code
cmd-sender-confirm-examples =
    siegel sender confirm snd_…
    siegel sender confirm --all
cmd-sender-set = Changes whether reports go back to a sender
cmd-sender-set-examples = siegel sender set snd_… --return-report never
cmd-sender-remove = Removes a sender
cmd-sender-remove-examples = siegel sender remove snd_…
cmd-member = The members of this centre
cmd-member-list = Lists the members
cmd-member-list-examples = siegel member list
cmd-member-invite = Invites a member and shows the code
cmd-member-invite-examples =
    siegel member invite "Anna Bell"
    siegel member invite "Dr Ott" --owner
cmd-member-confirm = Confirms a member that has used its code
cmd-member-confirm-more = Only then does it get the centre's keys. No program can do this by itself.
cmd-member-confirm-examples = siegel member confirm mbr_…
cmd-member-remove = Removes a member; the centre gets a new key
cmd-member-remove-examples = siegel member remove mbr_…
cmd-device = Registered devices
cmd-device-list = Lists devices
cmd-device-list-examples =
    siegel device list
    siegel device list --of mbr_…
cmd-device-revoke = Revokes a lost or stolen device
cmd-device-revoke-examples = siegel device revoke dev_…
cmd-key = Keys and fingerprints
cmd-key-show = Shows fingerprints to compare
cmd-key-show-examples =
    siegel key show
    siegel key show snd_…
cmd-key-roster = Shows the verified list of who belongs
cmd-key-roster-examples = siegel key roster
cmd-key-rotate = Gives the centre a new key
cmd-key-rotate-examples = siegel key rotate
cmd-tenant = Sets centres up (for dealers)
cmd-tenant-list = Lists this dealer's centres
cmd-tenant-list-examples = siegel tenant list
cmd-tenant-create = Creates a centre and shows the owner's code
cmd-tenant-create-examples = siegel tenant create heart-centre-north "Heart Centre North" --comment "customer 4711"
cmd-tenant-show = Shows a centre
cmd-tenant-show-examples = siegel tenant show heart-centre-north
cmd-tenant-self = Shows one's own centre as the dealer sees it
cmd-tenant-self-examples = siegel tenant self
cmd-tenant-comment = Changes a centre's comment
cmd-tenant-comment-more = At most 200 characters. The centre sees it, too; patients' data do not belong there.
cmd-tenant-comment-examples = siegel tenant comment heart-centre-north "customer 4711, contract B"
cmd-tenant-code = Makes a new code for the first owner
cmd-tenant-code-examples = siegel tenant code heart-centre-north
cmd-profile = The centres that this machine is enrolled at
cmd-profile-list = Lists the profiles
cmd-profile-list-examples = siegel profile list
cmd-profile-use = Chooses the profile for all further commands
cmd-profile-use-examples = siegel profile use heart-centre-north
cmd-profile-remove = Deletes a profile with its keys
cmd-profile-remove-examples = siegel profile remove heart-centre-north
cmd-doctor = Checks what stands between this machine and the platform
cmd-doctor-examples =
    siegel doctor
    siegel doctor --url https://siegel.example:8443
    siegel doctor --json
cmd-completion = Prints completions for the shell
cmd-completion-examples = siegel completion bash > ~/.local/share/bash-completion/completions/siegel
cmd-demo = Shows all of it once, on this machine
cmd-demo-more = Starts the platform in a temporary directory and plays a way there and back: dealer, centre, sender, recording, report, erasing. At the end everything that lies there is searched for plain text.
cmd-demo-examples =
    siegel demo
    siegel demo --lang de --file report.pdf
    siegel demo --keep

## Options

arg-help = Shows this help
arg-version = Shows the version
arg-profile = Profile (one per centre)
arg-json = Result as JSON
arg-quiet = Only results and errors
arg-lang = Language
arg-yes = Do not ask (for scripts)
arg-password-stdin = Read the password from standard input
arg-enrol-code = The code that you were given; asked for if absent
arg-enrol-code-stdin = Read the code from standard input
arg-enrol-name = Login name before the @, for persons
arg-enrol-expect-fingerprint = Enrol only if the centre has this fingerprint
arg-put-files = Files (pack directories first)
arg-to = Recipient: snd_…, mbr_… or tnt_…; may be repeated
arg-note = Note to the recipient, sealed
arg-title = Title for lists, sealed
arg-kind = Kind
arg-put-return-report = Shall the report come back?
arg-return-report = Whether reports go back
arg-conversation = Conversation
arg-answers = The record that it answers
arg-record = Id of the record
arg-get-output = File or directory; - for standard output
arg-get-force = Overwrite a file that exists
arg-get-range = Only these bytes (from-to, both included)
arg-ls-sent = What was sent instead of what came
arg-ls-limit = How many at most
arg-reply-file = The report
arg-inbox-watch = Go on watching what happens
arg-inbox-after = From this position on (of an earlier event)
arg-receipt-list-remote = The receipts that the platform keeps
arg-receipt-show-receipt = Id of the receipt
arg-receipt-verify-file = The file
arg-conversation-open-with = With whom: snd_… or mbr_…; senders leave it out
arg-conversation-open-subject = Subject, readable by the centre's members only
arg-sender-add-name = Name, readable by the centre's members only
arg-hours = How many hours the code is good
arg-sender = Id of the sender
arg-sender-confirm-all = All that wait
arg-member = Id of the member
arg-member-invite-name = Name, readable by the centre's members only
arg-member-invite-owner = As an owner, with all rights
arg-device = Id of the device
arg-device-list-of = Whose devices (for owners)
arg-key-show-party = Whose key: tnt_…, snd_… or mbr_…; else the centre's
arg-tenant = Handle or id of the centre
arg-tenant-create-handle = Handle, the part after the @ (a-z, digits, -)
arg-tenant-create-name = Name of the institution
arg-tenant-create-comment = Comment, for example a customer number; the centre sees it, too
arg-tenant-create-jurisdiction = Where data have to stay
arg-tenant-create-strict = Take nothing while a storage zone is away
arg-tenant-comment-text = The comment
arg-name = Name of the profile
arg-doctor-url = Check another address than the profile's
arg-completion-shell = For which shell
arg-demo-file = Send this file instead of a made-up 24-hour ECG
arg-demo-keep = Leave everything there to look at
