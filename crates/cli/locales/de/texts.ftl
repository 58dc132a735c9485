# Was die Befehle sagen.

## Wörter

yes = ja
no = nein
role-owner = Inhaber
role-member = Mitglied
role-sender = Absender
role-dealer = Händler
kind-recording = Aufzeichnung
kind-report = Befund
kind-message = Nachricht
standing-invited = eingeladen
standing-pending = wartet auf Bestätigung
standing-active = aktiv
standing-not-in-roster = NICHT in der unterschriebenen Liste
standing-removed = entfernt
return-report-always = immer
return-report-never = nie
return-report-ask = jedes Mal gefragt
phase-provisioning = wird eingerichtet
phase-ready = bereit
phase-suspended = gesperrt
phase-failed = fehlgeschlagen
unreadable-not-confirmed = (Absender noch nicht bestätigt)
unreadable-untrusted = (LÄSST SICH NICHT PRÜFEN)
unreadable-other = (nicht lesbar)
name-you = { $name } (Sie)
from-passed-on = { $from }, weitergegeben von { $by }

## Überschriften

head-default = *
head-name = Name
head-role = Rolle
head-tenant = Zentrale
head-url = Adresse
head-state = Stand
head-id = Kennung
head-since = seit
head-return-report = Befund zurück
head-record = Datensatz
head-kind = Art
head-when = Zeit
head-size = Größe
head-from = von
head-file = Datei
head-fetched = abgeholt
head-receipt = Quittung
head-path = Ort
head-conversation = Unterhaltung
head-with = mit
head-subject = Betreff
head-records = Datensätze
head-last = zuletzt
head-device = Gerät
head-key = Schlüssel
head-handle = Kürzel
head-owner = Inhaber da
head-comment = Vermerk

## Passwort

password-prompt = Passwort:
password-new = Neues Passwort:
password-again = Noch einmal:
password-differs = Die beiden Eingaben sind verschieden; bitte von vorn.
password-rule = Das Passwort braucht mindestens 11 Zeichen: Groß- und Kleinbuchstaben, eine Ziffer, ein Sonderzeichen. Ein Satz ist leichter zu merken und schwerer zu raten.
password-strength-fair = Das genügt der Regel, mehr nicht. Länger wäre besser.
password-strength-good = Gutes Passwort.
password-strength-strong = Sehr gutes Passwort.
password-lack-length = 11 Zeichen
password-lack-too-long = höchstens 1024 Bytes
password-lack-upper = ein Großbuchstabe
password-lack-lower = ein Kleinbuchstabe
password-lack-digit = eine Ziffer
password-lack-special = ein Sonderzeichen
password-lack-common = etwas Eigenes (nicht eines der häufigsten Passwörter, nicht der eigene Name)

## enrol

enrol-code-prompt = Einschreibecode:
enrol-at = Plattform: { $url }
enrol-tenant = Zentrale: { $name } — Sie werden: { $role }
enrol-expires = Der Code gilt bis { $when }.
enrol-fingerprint =
    Fingerabdruck der Zentrale: { $fingerprint }
    Vergleichen Sie ihn mit der Zentrale, am Telefon oder auf Papier. Nur wenn jede Ziffer stimmt, ist es wirklich sie.
enrol-fingerprint-ask = Stimmt jede Ziffer? [j/N]
enrol-working = Schlüssel werden gemacht …
enrol-done = Eingeschrieben. Profil „{ $name }“ liegt in { $path }
enrol-next-owner = Weiter geht es mit: siegel login --profile { $name }, danach siegel sender add "Praxis …"
enrol-next-member = Jetzt muss ein Mitglied Sie bestätigen (siegel member confirm). Anmelden: siegel login --profile { $name }
enrol-next-sender = Senden können Sie sofort: siegel put DATEI --profile { $name }. Die Zentrale bestätigt Sie noch (siegel sender confirm).
enrol-next-dealer = Eine Zentrale anlegen: siegel tenant create KÜRZEL "Name" --profile { $name }
enrol-owner-fingerprint = Fingerabdruck Ihrer Zentrale, zum Vorlesen am Telefon: { $fingerprint }

## login, logout, whoami, profile

login-as = Anmeldung als { $login }
login-done = Angemeldet. Ihre Schlüssel liegen nur im Arbeitsspeicher; nach { $idle } ohne Benutzung werden sie vergessen.
login-not-confirmed = Noch hat niemand in der Zentrale Sie bestätigt; bis dahin können Sie nichts lesen.
login-not-needed = Dieses Profil meldet sich mit dem Schlüssel des Geräts an; ein Passwort braucht es nicht.
logout-done = Abgemeldet. Die Schlüssel sind vergessen.
logout-nothing = Es war niemand angemeldet.
logout-not-told = Die Plattform war nicht zu erreichen; dort endet die Sitzung von selbst. ({ $why })
whoami-profile = Profil { $name } bei { $url }
whoami-tenant = Zentrale: { $name } ({ $handle })
whoami-principal = Rolle: { $role } ({ $id })
whoami-login = Anmeldename: { $login }
whoami-device = Gerät: { $id }
whoami-confirmed = Von der Zentrale bestätigt.
whoami-not-confirmed = Noch nicht bestätigt.
profile-none = Dieser Rechner ist noch nirgends eingeschrieben.
profile-selected = Ab jetzt gilt das Profil { $name }.
profile-remove-ask = Profil { $name } mit seinen Schlüsseln löschen? Was nur an dieses Gerät versiegelt ist, ist dann verloren. [j/N]
profile-removed = Profil { $name } ist gelöscht.

## put, get, ls, reply, inbox

put-done = { $file } ist angekommen: { $record } ({ $size } in { $took }, { $rate })
put-resumed = { $size } lagen schon dort und wurden nicht noch einmal gesendet.
put-degraded = Ein Speicherort fehlt gerade; die zweite Kopie wird nachgeholt. So steht es auch in der Quittung.
put-directory-silent = Das Verzeichnis hat seit { $hours } Stunden nichts Neues bestätigt. Vielleicht hält jemand zurück, dass ein Schlüssel ersetzt oder jemand entfernt wurde: bitte das Zentrum anrufen und nachfragen.
put-receipt = Quittung der Plattform, geprüft: { $path }
put-return-report-ask = Soll der Befund zu Ihnen zurückkommen? [j/N]
get-done = Geöffnet: { $path } ({ $size } in { $took }, { $rate })
get-from = Von: { $from } (Unterschrift geprüft)
get-note = Bemerkung: { $note }
ls-empty = Hier ist nichts.
ls-more = Es gibt mehr als { $limit }; mit --limit sehen Sie weiter.
inbox-empty = Nichts Neues.
inbox-watching = Warte auf Neues; Ende mit Strg+C.
inbox-record = { $when }  { $record }  { $file } ({ $size }) von { $from }
inbox-unreadable = { $when }  { $record }  nicht zu öffnen: { $why }
inbox-enrolled = Jemand hat einen Code benutzt: { $id }. Bestätigen: siegel sender confirm { $id } (oder siegel member confirm { $id })
inbox-event = { $when }  { $kind }  { $subject }

## erase, receipt

erase-ask = { $what } sofort und endgültig löschen? Das holt niemand zurück. [j/N]
erase-running = Ab jetzt kann es niemand mehr lesen. Beide Speicherorte werden geleert …
erase-receipt = Quittung { $id }: Schlüssel vernichtet { $gone }, { $objects } Objekte abwesend, in Sicherungen spätestens { $horizon } verschwunden
erase-done = Gelöscht: { $records }
erase-going-on = Das Löschen läuft weiter ({ $job }), es wartet auf: { $waiting }
receipt-none = Keine Quittungen.
receipt-damaged = { $path } ist keine gültige Quittung dieser Plattform.
receipt-kind-upload = angenommen
receipt-kind-erase = gelöscht
receipt-verified = Die Unterschrift der Plattform stimmt.
receipt-upload = { $record } angenommen am { $when }, { $size } versiegelt
receipt-zone =   Speicherort { $zone } ({ $where }): { $parts } von { $of } Teilen
receipt-erase = { $record } gelöscht; beauftragt am { $when }
receipt-key-gone =   Schlüssel der zweiten Schicht vernichtet: { $when }
receipt-object =   Speicherort { $zone }: { $object } abwesend gesehen { $when }
receipt-horizon =   In Sicherungen höchstens noch bis { $when }

## sender, member, device, conversation, key, tenant

invite-code = Code für { $name }, nur jetzt zu sehen:
invite-how = Geben Sie ihn selbst weiter, nicht über diese Plattform. Er gilt einmal, bis { $until }.
sender-compare = Fingerabdruck zum Vergleichen am Telefon: { $fingerprint }
sender-then-confirm = Wenn der Absender den Code benutzt hat: siegel sender confirm { $id }
member-then-confirm = Wenn die Person den Code benutzt hat: siegel member confirm { $id }
sender-none = Noch keine Absender. Anlegen: siegel sender add "Praxis …"
sender-confirmed = Bestätigt: { $name } ({ $id })
nothing-to-confirm = Es wartet niemand auf Bestätigung.
sender-set = Gespeichert.
sender-remove-ask = Absender { $name } entfernen? Er kann dann nichts mehr senden. [j/N]
sender-removed = Entfernt: { $name }
member-none = Keine Mitglieder.
member-confirmed = Bestätigt: { $id }. Es kann jetzt lesen.
member-remove-ask = { $name } entfernen? Die Zentrale bekommt danach einen neuen Schlüssel. [j/N]
member-removed = Entfernt: { $name }. Die Zentrale hat einen neuen Schlüssel.
device-none = Keine Geräte.
device-this = dieses
device-active = aktiv
device-revoked-state = gesperrt
device-revoke-ask = Gerät { $id } sperren? Die Zentrale bekommt danach einen neuen Schlüssel. [j/N]
device-revoked = Gesperrt: { $id }. Die Zentrale hat einen neuen Schlüssel.
conversation-none = Keine Unterhaltungen.
conversation-opened = Unterhaltung { $id }. Senden darin: siegel put DATEI --conversation { $id }
key-root = Fingerabdruck von { $name }: { $fingerprint }
key-party = Schlüssel, an den versiegelt wird ({ $party }): { $fingerprint }
key-epoch = Es ist der { $number }. Schlüssel der Zentrale, vom { $when }.
key-device = Schlüssel dieses Geräts: { $fingerprint }
key-rotate-ask = Der Zentrale einen neuen Schlüssel geben? Alles Bisherige bleibt lesbar. [j/N]
key-rotated = Die Zentrale hat jetzt Schlüssel Nummer { $number }.
roster-none = Niemand in der Liste.
roster-verified = { $entries } unterschriebene Einträge geprüft, von der Wurzel { $root } an.
tenant-none = Noch keine Zentralen. Anlegen: siegel tenant create KÜRZEL "Name"
tenant-created = Angelegt: { $name } ({ $id })
tenant-code = Code für die erste Inhaberin oder den ersten Inhaber von { $name }, nur jetzt zu sehen:
tenant-code-how = Er gilt bis { $until }. Geben Sie ihn persönlich weiter. Die Schlüssel der Zentrale entstehen erst dort; Sie sehen sie nie.
tenant-comment-set = Vermerk gespeichert. Die Zentrale sieht ihn auch; Daten von Patienten gehören nicht hinein.
tenant-show-name = { $name } ({ $handle }, { $id })
tenant-show-state = Stand: { $state }
tenant-show-comment = Vermerk: { $comment }
tenant-show-where = Die Daten bleiben in: { $where }
durability-available = Fällt ein Speicherort aus, geht es mit dem anderen weiter.
durability-strict = Fällt ein Speicherort aus, wird nichts angenommen, bis er wieder da ist.
tenant-owner-enrolled = Die Inhaberin oder der Inhaber ist eingeschrieben.
tenant-owner-missing = Noch ist niemand eingeschrieben.
tenant-condition = Offen: { $kind } — { $message }

## doctor

doctor-good =   ✓ { $text }
doctor-bad =   ✗ { $text }
doctor-keys-good = Die Schlüssel dieses Geräts liegen, wo nur Sie sie lesen können.
doctor-keys-bad = Die Schlüssel dieses Geräts sind nicht zu gebrauchen: { $why }
doctor-agent-runs = Sie sind angemeldet.
doctor-agent-none = Sie sind nicht angemeldet (siegel login).
doctor-proxy = Es geht über den Proxy { $proxy }.
doctor-no-proxy = Kein Proxy in der Umgebung.
doctor-reached = { $url } antwortet in { $trip } (Version { $version }).
doctor-not-reached = Die Plattform ist nicht zu erreichen: { $why }
doctor-tls-good = Die Verbindung führt wirklich zur Plattform; niemand öffnet sie dazwischen.
doctor-intercepted = Jemand dazwischen öffnet die Verschlüsselung: Das Zertifikat ist von „{ $issuer }“. Bitten Sie die IT, diesen Server davon auszunehmen.
doctor-tls-bad = Das Zertifikat stimmt nicht: { $why }
doctor-other-url = Die Plattform nennt sich { $url }; mit einer anderen Adresse nimmt sie keine Anmeldung an.
doctor-clock-good = Die Uhr geht richtig ({ $skew } Unterschied).
doctor-clock-hint = Die Uhr geht um { $skew } anders als die der Plattform; stellen Sie sie bei Gelegenheit.
doctor-clock-bad = Die Uhr geht um { $skew } falsch; so nimmt die Plattform keine Anmeldung an. Stellen Sie sie.
doctor-statement-good = Die Plattform unterschreibt mit dem Schlüssel, den dieses Profil kennt.
doctor-statement-bad = Die Plattform unterschreibt mit einem ANDEREN Schlüssel als bei der Einschreibung. Rufen Sie den Betreiber an.
doctor-rate = Beim Laden: { $rate } (gemessen an { $size }).
