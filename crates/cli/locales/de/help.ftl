# Hilfe: cmd-… je Befehl, arg-… je Option.

## Gerüst

help-usage = Aufruf:
help-commands = Befehle
help-options = Optionen
help-general = Allgemein
help-arguments = Angaben
help-examples = Beispiele:

## Befehle

cmd = Daten versiegelt austauschen: Nur wer gemeint ist, kann sie lesen.
cmd-examples =
    siegel enrol CODE                 dieses Gerät einschreiben
    siegel put aufnahme.edf           eine Aufzeichnung senden
    siegel inbox                      was gekommen ist
    siegel get rec_…                  einen Datensatz öffnen
    siegel doctor                     was an der Leitung fehlt
    siegel demo                       alles einmal vorgeführt, auf diesem Rechner
cmd-enrol = Schreibt dieses Gerät mit einem Code ein
cmd-enrol-more = Der Code sagt, wohin es geht. Bei Absendern und Mitgliedern zeigt siegel den Fingerabdruck der Zentrale: Vergleichen Sie ihn mit ihr, bevor Sie zustimmen. Die Schlüssel entstehen auf diesem Gerät und verlassen es nicht.
cmd-enrol-examples =
    siegel enrol siegel-pWF…                        fragt nach dem Fingerabdruck
    siegel enrol siegel-pWF… --name anna.bell       als Person, mit Passwort
    siegel enrol --code-stdin --expect-fingerprint "12345 67890 …" < code.txt
cmd-login = Meldet ein Mitglied an
cmd-login-more = Das Passwort verlässt diesen Rechner nicht. Die Schlüssel liegen danach im Arbeitsspeicher eines Hintergrundprogramms, bis zur Abmeldung oder bis sie eine Weile nicht gebraucht wurden. Absender und Händler brauchen das nicht.
cmd-login-examples =
    siegel login
    siegel login --password-stdin < passwort.txt
cmd-logout = Meldet ab und vergisst die Schlüssel
cmd-logout-examples = siegel logout
cmd-whoami = Zeigt, als wer die Plattform dieses Profil kennt
cmd-whoami-examples =
    siegel whoami
    siegel whoami --json
cmd-put = Versiegelt Dateien auf diesem Gerät und sendet sie
cmd-put-more = Ohne --to geht es an die Zentrale. Bricht die Leitung ab, wiederholen Sie denselben Befehl: Es geht dort weiter, wo es aufhörte. Name, Größe, Art und Bemerkung sind mit versiegelt.
cmd-put-examples =
    siegel put aufnahme.edf --return-report yes
    siegel put *.edf --note "24 h, bitte die Nacht ansehen"
    siegel put brief.pdf --to snd_… --kind message
cmd-get = Holt einen Datensatz, prüft ihn und öffnet ihn
cmd-get-more = Die Datei bekommt ihren Namen erst, wenn auch ihr letztes Stück geprüft ist. Stimmt eines nicht, bleibt nichts zurück.
cmd-get-examples =
    siegel get rec_…
    siegel get rec_… -o befunde/
    siegel get rec_… --range 0-255 > kopf.bin
cmd-ls = Zeigt Datensätze mit ihren Namen
cmd-ls-examples =
    siegel ls
    siegel ls --sent --kind report
    siegel ls --json -n 500
cmd-reply = Sendet den Befund zu einem Datensatz an dessen Absender
cmd-reply-more = Nur wenn der Absender das wünscht. Die Zentrale kann den Befund auch selbst noch öffnen.
cmd-reply-examples = siegel reply rec_… befund.pdf --note "unauffällig"
cmd-inbox = Zeigt, was noch niemand abgeholt hat
cmd-inbox-examples =
    siegel inbox
    siegel inbox --watch
    siegel inbox --watch --json | ./auswertung
cmd-erase = Löscht sofort und endgültig
cmd-erase-more = Zuerst wird der Schlüssel vernichtet, dann werden beide Speicherorte geleert. Die Quittung nennt beides und den Tag, bis zu dem Sicherungen es noch enthalten können.
cmd-erase-examples =
    siegel erase rec_…
    siegel erase --conversation cnv_… --yes
cmd-receipt = Quittungen der Plattform zeigen und prüfen
cmd-receipt-list = Zeigt die Quittungen auf diesem Gerät
cmd-receipt-list-examples =
    siegel receipt list
    siegel receipt list --remote
cmd-receipt-show = Zeigt eine Quittung, geprüft
cmd-receipt-show-examples = siegel receipt show rcp_…
cmd-receipt-verify = Prüft eine Quittungsdatei, auch ohne Netz
cmd-receipt-verify-examples = siegel receipt verify rcp_….receipt
cmd-conversation = Unterhaltungen: Datensätze, die zusammengehören
cmd-conversation-list = Zeigt die Unterhaltungen
cmd-conversation-list-examples = siegel conversation list
cmd-conversation-open = Beginnt eine Unterhaltung
cmd-conversation-open-examples =
    siegel conversation open snd_… --subject "Rückfrage"
    siegel put antwort.pdf --conversation cnv_… --to snd_…   # siegel conversation open zeigt cnv_…
cmd-sender = Die Absender dieser Zentrale
cmd-sender-list = Zeigt die Absender
cmd-sender-list-examples = siegel sender list
cmd-sender-add = Richtet einen Absender ein und zeigt seinen Code
cmd-sender-add-more = Geben Sie den Code selbst weiter. Den Namen können nur Mitglieder Ihrer Zentrale lesen.
cmd-sender-add-examples = siegel sender add "Praxis Dr. Sommer" --return-report always
cmd-sender-confirm = Bestätigt Absender, die ihren Code benutzt haben
cmd-sender-confirm-examples =
    siegel sender confirm snd_…
    siegel sender confirm --all
cmd-sender-set = Ändert, ob Befunde zu einem Absender zurückgehen
cmd-sender-set-examples = siegel sender set snd_… --return-report never
cmd-sender-remove = Entfernt einen Absender
cmd-sender-remove-examples = siegel sender remove snd_…
cmd-member = Die Mitglieder dieser Zentrale
cmd-member-list = Zeigt die Mitglieder
cmd-member-list-examples = siegel member list
cmd-member-invite = Lädt ein Mitglied ein und zeigt seinen Code
cmd-member-invite-examples =
    siegel member invite "Anna Bell"
    siegel member invite "Dr. Ott" --owner
cmd-member-confirm = Bestätigt ein Mitglied, das seinen Code benutzt hat
cmd-member-confirm-more = Erst damit bekommt es die Schlüssel der Zentrale. Kein Programm kann das von selbst tun.
cmd-member-confirm-examples = siegel member confirm mbr_…
cmd-member-remove = Entfernt ein Mitglied; die Zentrale bekommt einen neuen Schlüssel
cmd-member-remove-examples = siegel member remove mbr_…
cmd-device = Eingeschriebene Geräte
cmd-device-list = Zeigt Geräte
cmd-device-list-examples =
    siegel device list
    siegel device list --of mbr_…
cmd-device-revoke = Sperrt ein verlorenes oder gestohlenes Gerät
cmd-device-revoke-examples = siegel device revoke dev_…
cmd-key = Schlüssel und Fingerabdrücke
cmd-key-show = Zeigt Fingerabdrücke zum Vergleichen
cmd-key-show-examples =
    siegel key show
    siegel key show snd_…
cmd-key-roster = Zeigt die geprüfte Liste, wer dazugehört
cmd-key-roster-examples = siegel key roster
cmd-key-rotate = Gibt der Zentrale einen neuen Schlüssel
cmd-key-rotate-examples = siegel key rotate
cmd-tenant = Zentralen einrichten (für Händler)
cmd-tenant-list = Zeigt die Zentralen dieses Händlers
cmd-tenant-list-examples = siegel tenant list
cmd-tenant-create = Legt eine Zentrale an und zeigt den Code der Inhaberin
cmd-tenant-create-examples = siegel tenant create herzzentrum-nord "Herzzentrum Nord" --comment "Kunde 4711"
cmd-tenant-show = Zeigt eine Zentrale
cmd-tenant-show-examples = siegel tenant show herzzentrum-nord
cmd-tenant-self = Zeigt die eigene Zentrale, wie der Händler sie sieht
cmd-tenant-self-examples = siegel tenant self
cmd-tenant-comment = Ändert den Vermerk zu einer Zentrale
cmd-tenant-comment-more = Höchstens 200 Zeichen. Die Zentrale sieht den Vermerk auch; Daten von Patienten gehören nicht hinein.
cmd-tenant-comment-examples = siegel tenant comment herzzentrum-nord "Kunde 4711, Vertrag B"
cmd-tenant-code = Macht einen neuen Code für die erste Inhaberin
cmd-tenant-code-examples = siegel tenant code herzzentrum-nord
cmd-profile = Die Zentralen, bei denen dieser Rechner eingeschrieben ist
cmd-profile-list = Zeigt die Profile
cmd-profile-list-examples = siegel profile list
cmd-profile-use = Wählt das Profil für alle weiteren Befehle
cmd-profile-use-examples = siegel profile use herzzentrum-nord
cmd-profile-remove = Löscht ein Profil mit seinen Schlüsseln
cmd-profile-remove-examples = siegel profile remove herzzentrum-nord
cmd-doctor = Prüft, was zwischen diesem Rechner und der Plattform steht
cmd-doctor-examples =
    siegel doctor
    siegel doctor --url https://siegel.example:8443
    siegel doctor --json
cmd-completion = Gibt Vervollständigungen für die Shell aus
cmd-completion-examples = siegel completion bash > ~/.local/share/bash-completion/completions/siegel
cmd-demo = Führt alles einmal vor, auf diesem Rechner
cmd-demo-more = Startet die Plattform in einem Verzeichnis auf Zeit und spielt einen Weg hin und zurück: Händler, Zentrale, Absender, Aufzeichnung, Befund, Löschen. Am Ende wird in allem, was dort liegt, nach Klartext gesucht.
cmd-demo-examples =
    siegel demo
    siegel demo --lang en --file befund.pdf
    siegel demo --keep

## Optionen

arg-help = Zeigt diese Hilfe
arg-version = Zeigt die Version
arg-profile = Profil (eines je Zentrale)
arg-json = Ergebnis als JSON
arg-quiet = Nur Ergebnisse und Fehler
arg-lang = Sprache
arg-yes = Nicht nachfragen (für Skripte)
arg-password-stdin = Passwort von der Standardeingabe lesen
arg-enrol-code = Der Code, den Sie bekommen haben; ohne Angabe wird gefragt
arg-enrol-code-stdin = Code von der Standardeingabe lesen
arg-enrol-name = Anmeldename vor dem @, für Personen
arg-enrol-expect-fingerprint = Nur einschreiben, wenn die Zentrale diesen Fingerabdruck hat
arg-put-files = Dateien (Verzeichnisse vorher packen)
arg-to = Empfänger: snd_…, mbr_… oder tnt_…; mehrfach möglich
arg-note = Bemerkung für den Empfänger, versiegelt
arg-title = Titel für Listen, versiegelt
arg-kind = Art
arg-put-return-report = Soll der Befund zurückkommen?
arg-return-report = Ob Befunde zurückgehen
arg-conversation = Unterhaltung
arg-answers = Der Datensatz, auf den es antwortet
arg-record = Kennung des Datensatzes
arg-get-output = Datei oder Verzeichnis; - für die Standardausgabe
arg-get-force = Vorhandene Datei überschreiben
arg-get-range = Nur diese Bytes (von-bis, beide eingeschlossen)
arg-ls-sent = Gesendetes statt Empfangenem
arg-ls-limit = Wie viele höchstens
arg-reply-file = Der Befund
arg-inbox-watch = Weiter zusehen, was geschieht
arg-inbox-after = Ab dieser Stelle (aus einem früheren Ereignis)
arg-receipt-list-remote = Die Quittungen, die die Plattform aufbewahrt
arg-receipt-show-receipt = Kennung der Quittung
arg-receipt-verify-file = Die Datei
arg-conversation-open-with = Mit wem: snd_… oder mbr_…; Absender lassen es weg
arg-conversation-open-subject = Betreff, nur für Mitglieder der Zentrale lesbar
arg-sender-add-name = Name, nur für Mitglieder der Zentrale lesbar
arg-hours = Wie viele Stunden der Code gilt
arg-sender = Kennung des Absenders
arg-sender-confirm-all = Alle, die warten
arg-member = Kennung des Mitglieds
arg-member-invite-name = Name, nur für Mitglieder der Zentrale lesbar
arg-member-invite-owner = Als Inhaber, mit allen Rechten
arg-device = Kennung des Geräts
arg-device-list-of = Wessen Geräte (für Inhaber)
arg-key-show-party = Wessen Schlüssel: tnt_…, snd_… oder mbr_…; sonst der Zentrale
arg-tenant = Kürzel oder Kennung der Zentrale
arg-tenant-create-handle = Kürzel, der Teil nach dem @ (a-z, Ziffern, -)
arg-tenant-create-name = Name der Einrichtung
arg-tenant-create-comment = Vermerk, zum Beispiel eine Kundennummer; auch die Zentrale sieht ihn
arg-tenant-create-jurisdiction = Wo die Daten bleiben müssen
arg-tenant-create-strict = Nichts annehmen, solange ein Speicherort fehlt
arg-tenant-comment-text = Der Vermerk
arg-name = Name des Profils
arg-doctor-url = Eine andere Adresse prüfen als die des Profils
arg-completion-shell = Für welche Shell
arg-demo-file = Diese Datei senden statt eines erfundenen 24-Stunden-EKGs
arg-demo-keep = Alles liegen lassen, zum Ansehen
