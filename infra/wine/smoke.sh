#!/usr/bin/env bash
# A sender on Windows: enrols, uploads a recording and opens the report that comes back. The server, the centre and the dealer run
# here; the sender is siegel.exe under Wine. Called by `cargo xtask windows-smoke`, which builds everything and sets:
#   SIEGEL_BIN  directory with siegel, siegel-server and siegel-admin     SIEGEL_EXE  siegel.exe     WINE  the loader
set -euo pipefail

work=$(mktemp -d)
export WINEPREFIX="$work/wine" WINEDEBUG=-all
server=
finish() {
    status=$?
    if [ -n "$server" ]; then kill "$server" 2>/dev/null && wait "$server" || true; fi
    if [ $status -ne 0 ]; then echo "failed; what was left lies in $work" >&2; else rm -rf "$work"; fi
    exit $status
}
trap finish EXIT

say() { printf '%s\n' "$*"; }
# The first string of that name in JSON on standard input.
field() { sed -n 's/.*"'"$1"'": *"\([^"]*\)".*/\1/p' | head -n 1; }
admin() { "$SIEGEL_BIN/siegel-admin" --state "$work/state" "$@"; }
here() { local profile=$1; shift; SIEGEL_CONFIG_DIR="$work/here" "$SIEGEL_BIN/siegel" --lang en --profile "$profile" "$@"; }
# Wine shows the whole file system as drive Z.
windows_path() { printf 'Z:%s' "${1//\//\\}"; }
there() { SIEGEL_CONFIG_DIR=$(windows_path "$work/there") "$WINE" "$SIEGEL_EXE" --lang en --profile sender "$@"; }

say "starting the server"
"$SIEGEL_BIN/siegel-server" --state "$work/state" --listen 127.0.0.1:0 --ready-file "$work/ready.json" >"$work/server.log" 2>&1 &
server=$!
for _ in $(seq 300); do
    [ -s "$work/ready.json" ] && break
    kill -0 "$server" 2>/dev/null || { cat "$work/server.log" >&2; exit 1; }
    sleep 0.1
done
[ -s "$work/ready.json" ] || { say "the server is not ready after 30 s" >&2; exit 1; }

say "a dealer makes a centre, its owner adds a sender"
password='Windows-Probe-2026!'
here dealer enrol "$(admin dealer add 'Smoke test')" --yes >/dev/null
owner_code=$(here dealer --json tenant create smoke 'Smoke test centre' | field code)
printf '%s\n' "$password" | here centre enrol "$owner_code" --yes --name owner --password-stdin >/dev/null
printf '%s\n' "$password" | here centre login --password-stdin >/dev/null
sender_code=$(here centre --json sender add 'A PC with Windows' --return-report always | field code)

say "siegel.exe enrols"
there enrol "$sender_code" --yes
here centre sender confirm --all

say "siegel.exe uploads a recording of 9 MB"
head -c 9000000 /dev/urandom >"$work/recording.edf"
record=$(there --json put "$(windows_path "$work/recording.edf")" | field record)
here centre get "$record" --output "$work/at-the-centre.edf"
cmp "$work/recording.edf" "$work/at-the-centre.edf"

say "the report goes back, and siegel.exe opens it"
say "sinus rhythm" >"$work/report.txt"
report=$(here centre --json reply "$record" "$work/report.txt" | field record)
there get "$report" --output "$(windows_path "$work/at-the-sender.txt")"
cmp "$work/report.txt" "$work/at-the-sender.txt"
here centre logout >/dev/null

say "enrol, put and get work on Windows"
