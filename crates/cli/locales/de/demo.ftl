# Die Vorführung (siegel demo).

## Vorführung

demo-building = Die Plattform wird gebaut (nur beim ersten Mal dauert das) …
demo-program-missing = { $path } fehlt.
next-demo-program-missing = Legen Sie siegel-server und siegel-admin neben dieses Programm, oder starten Sie es mit: cargo run -- demo
demo-build-failed = Die Plattform ließ sich nicht bauen.
demo-server-failed =
    Die Plattform ist nicht gestartet. Ihr Protokoll ({ $log }) endet so:
    { $last }
demo-server-hangs = Die Plattform hat sich nicht beenden lassen.
demo-admin-failed = siegel-admin ging nicht: { $why }
demo-recording-failed = Die Aufzeichnung ging nicht: { $why }
demo-search-failed = Die Suche ging nicht: { $why }
demo-centre-name = Herzzentrum Nord
demo-stranger-name = Fremde Praxis
demo-bar-upload =   versiegeln und senden
demo-bar-download =   holen und öffnen

## Die Akte

demo-act-start = Die Plattform startet, auf diesem Rechner, mit eigenem Zertifikat
demo-where = Alles liegt in { $path }
demo-platform = Sie antwortet auf { $url }, nur verschlüsselt; ihr Protokoll: { $log }
demo-act-dealer = Ein Händler wird zugelassen
demo-dealer-code = Der Betreiber gab ihm einen Code (siegel-admin dealer add).
demo-dealer-in = Sein Gerät hat jetzt einen eigenen Schlüssel, in { $path }
demo-act-create = Er richtet eine Auswertezentrale ein
demo-created = { $name }, Vermerk „{ $comment }“; die Daten bleiben in der EU
demo-owner-code = Den Code für die Inhaberin gibt er ihr persönlich. Schlüssel hat er keine.
demo-act-owner = Die Inhaberin der Zentrale schreibt sich ein
demo-keys-where = Schlüssel auf diesem Gerät, sonst nirgends: { $path }
demo-owner-in = Angemeldet als { $login }. Das Passwort blieb auf ihrem Rechner; der erste Schlüssel der Zentrale entstand dort.
demo-comment-seen = Sie sieht auch, was der Händler vermerkt hat: „{ $comment }“
demo-root = Fingerabdruck der Zentrale: { $fingerprint }
demo-act-sender = Die Zentrale richtet einen Absender ein, eine Praxis
demo-sender-invited = { $name } bekommt einen Code, am Telefon. Den Namen kann die Plattform nicht lesen.
demo-fingerprint-same = Die Praxis vergleicht den Fingerabdruck, Ziffer für Ziffer: { $fingerprint }
demo-sender-confirmed = Die Zentrale prüft, dass die Schlüssel wirklich mit diesem Code kamen, und unterschreibt.
demo-act-record = Die Praxis zeichnet auf
demo-recorded = { $path } ({ $size })
demo-act-upload = Sie versiegelt die Aufzeichnung und sendet sie
demo-line-cut = Bei { $percent } % reißt die Leitung ab …
demo-resumed = … und es geht weiter: { $size } lagen schon dort.
demo-uploaded = { $record } ist angekommen ({ $size }, { $rate })
demo-zone = Speicherort { $zone }: { $parts } von { $of } Teilen
demo-receipt = Quittung der Plattform, geprüft: { $path }
demo-told = Die Zentrale erfährt es sofort ({ $kind }).
demo-act-evaluate = Die Zentrale holt die Aufzeichnung und öffnet sie
demo-listed = In der Liste: { $file }, „{ $note }“
demo-opened = { $path } ({ $size }, { $rate })
demo-same = Byte für Byte dieselbe Datei; die Unterschrift der Praxis stimmt.
demo-act-report = Sie schreibt den Befund, und weil die Praxis das wünscht, geht er zurück
demo-report-line = │ { $line }
demo-report-any = Datei: { $size }, vollständig angekommen
demo-report-sent = Versiegelt an die Praxis gesendet: { $record }
demo-act-back = Die Praxis liest den Befund
demo-report-read = { $path }
demo-act-stranger = Jemand anderes versucht es
demo-stranger-asks = Die Plattform sagt einer fremden Praxis nicht einmal, dass es den Datensatz gibt.
demo-stranger-tries = Selbst mit allem, was die Plattform über ihn hat, öffnet keiner ihrer Schlüssel ihn ({ $attempts } Versuche).
demo-act-search = Steht irgendwo auf der Plattform etwas im Klartext?
demo-act-search-again = Und noch einmal, nachdem die Plattform beendet ist
demo-search-control = Gegenprobe: In der Praxis, wo die Aufzeichnung offen liegt, findet die Suche sie ({ $hits } Treffer).
demo-searched = Durchsucht: { $files } Dateien, { $size } (Datenbanken, beide Speicherorte, Ereignisse, Protokoll), nach { $canaries } Dingen in { $patterns } Schreibweisen: Namen, Bemerkungen, Codes, Passwörter, Schlüssel, Stücke der Aufzeichnung
demo-search-nothing = Nichts gefunden.
canary-text = ein Name oder Text
canary-code = ein Code
canary-password = ein Passwort
canary-key = ein Schlüssel
canary-file = ein Stück der Aufzeichnung
demo-act-erase = Die Zentrale löscht beides, sofort und endgültig
demo-zones-before = Vorher liegen in beiden Speicherorten { $files } Dateien, { $size }
demo-erased = { $record }: Schlüssel vernichtet, { $objects } Objekte abwesend gesehen; in Sicherungen höchstens bis { $horizon }
demo-zones-after = Danach: { $files } Dateien, { $size }; es sind nur noch die Vermerke, dass gelöscht wurde
demo-receipts-verified = { $count } Quittungen geprüft, ohne die Plattform zu fragen

## Das Ende

demo-good = Alles ging gut, in { $took }. Es gibt keinen Schlüssel auf der Plattform, und nichts, was man lesen könnte.
demo-bad = Die Vorführung ist im { $act }. Akt gescheitert.
demo-kept = Alles liegt noch in { $path }
demo-removed = Das Verzeichnis ist gelöscht; mit --keep bliebe es liegen.

## Was nicht hätte geschehen dürfen

demo-wrong-tenant = Die Zentrale sieht etwas anderes, als der Händler eingerichtet hat.
demo-wrong-password = Das Passwort der Vorführung hält die Regel nicht ein.
demo-wrong-list = Die Aufzeichnung steht nicht in der Liste der Zentrale.
demo-wrong-bytes = Was ankam, ist nicht, was gesendet wurde.
demo-wrong-wish = Der Wunsch nach einem Befund ging verloren.
demo-wrong-untold = Niemand hat dem Empfänger gesagt, dass etwas kam.
demo-wrong-fingerprint = Der Code trägt einen anderen Fingerabdruck als den der Zentrale.
demo-wrong-role = Der Absender ist nicht, was er sein sollte.
demo-wrong-uncut = Die Leitung ließ sich nicht rechtzeitig unterbrechen.
demo-wrong-resume = Nach dem Abriss fing der Upload von vorn an.
demo-wrong-stranger = Jemand anderes kam weiter, als er durfte.
demo-wrong-erase = Das Löschen wurde nicht fertig oder nicht quittiert.
demo-wrong-zones = In einem Speicherort liegt noch etwas vom gelöschten Datensatz.
demo-wrong-receipts = Es fehlen Quittungen.
demo-wrong-search = Die Suche findet nicht einmal, was da ist.
demo-found = Auf der Plattform liegt etwas im Klartext (oben).
