"""Runs the vectors: python -m siegel_opener.vectors [FOLDER]. Verdicts are JSON values and must be equal."""

import json
import pathlib
import sys

from . import Refused, keys, record, signed
from .primitives import ED25519, XWING, blake3, digits, fingerprint, stream
from .roster import Roster
from .seal import seal_part

FOLDER = pathlib.Path(__file__).resolve().parents[3] / "tests" / "vectors"


def hexed(text):
    return bytes.fromhex(text)


def run(case, folder=FOLDER):
    """The verdict on a case."""
    kind = case["kind"]
    if kind == "record":
        return run_record(case, folder)
    if kind == "roster":
        return run_roster(case)
    try:
        return {"signed": run_signed, "code": run_code, "mac": run_mac, "derive": run_derive, "slot": run_slot,
                "bundle": run_bundle, "label": run_label}[kind](case)
    except Refused:
        return "refused"


def run_signed(case):
    key = hexed(case["key"])
    if case["object"] == "manifest":
        manifest = signed.open_signed(hexed(case["bytes"]), "manifest", key)
        record.verify_manifest(hexed(case["bytes"]), manifest[4], key)
    else:
        signed.open_signed(hexed(case["bytes"]), case["object"], key)
    return "accepted"


def run_record(case, folder):
    stage, released = "manifest", 0
    try:
        sender = case["sender"]
        manifest = record.verify_manifest(hexed(case["manifest"]), sender["party"], hexed(sender["key"]))
        stage = "grant"
        granter, recipient = case["granter"], case["recipient"]
        key = record.open_grant(hexed(case["grant"]), granter["party"], hexed(granter["key"]), manifest,
                                recipient["party"], hexed(recipient["kem_seed"]))
        stage = "commitment"
        opened = record.Record(manifest, key)
        stage = "metadata"
        metadata = opened.metadata(hexed(case["metadata"]))
        stage = "part"
        parts = assemble(case, folder)
        if "range" in case:
            plain = opened.range(parts, *case["range"])
            return {"verdict": "opens", "range_blake3": blake3(plain).hex()}
        if len(parts) != len(opened.sizes):
            raise Refused("parts are missing or too many")
        plain = bytearray()
        for number, sealed in enumerate(parts):
            for chunk in opened.chunks(number, sealed):
                plain += chunk
                released += len(chunk)
    except Refused:
        return {"verdict": "refused", "stage": stage, "released": released}
    names = ("file_name", "media_type", "title", "note")
    return {
        "verdict": "opens",
        "plain_bytes": len(plain),
        "plain_blake3": blake3(bytes(plain)).hex(),
        "metadata": {name: metadata.get(at) for at, name in enumerate(names)} | {"fields": metadata[4]},
    }


def assemble(case, folder):
    sources = {}
    for name, source in case.get("sources", {}).items():
        if "file" in source:
            sources[name] = (folder / source["file"]).read_bytes()
        else:
            recipe = source["seal"]
            plain = stream(recipe["plain_seed"], recipe["plain_skip"], recipe["plain_bytes"])
            bound = [1, recipe["tenant"], recipe["record"], recipe["sender"], hexed(recipe["sender_key"])]
            sources[name] = seal_part(hexed(recipe["record_key"]), bound, recipe["part"], recipe["last"], plain,
                                      hexed(recipe["salt"]))
    join = lambda piece: hexed(piece["hex"]) if "hex" in piece else sources[piece["source"]][piece["from"]:piece["to"]]
    return [b"".join(join(piece) for piece in pieces) for pieces in case["parts"]]


def run_code(case):
    code = keys.parse_code(case["text"])
    return {
        "url": code[0],
        "ca": code[1].hex() if 1 in code else None,
        "tenant": code.get(2),
        "kind": keys.KINDS[code[3]],
        "secret_blake3": blake3(code[4]).hex(),
        "root": code[5].hex() if 5 in code else None,
    }


def run_mac(case):
    keys.check_mac(hexed(case["secret"]), hexed(case["offer"]), hexed(case["mac"]))
    return "accepted"


def run_derive(case):
    secret, context, kind = hexed(case["secret"]), case.get("context", {}), case["secret_kind"]
    if kind == "device":
        sign, kem = keys.device(secret)
        return {
            "sign": sign.hex(),
            "sign_fingerprint": fingerprint(ED25519, sign).hex(),
            "sign_digits": digits(fingerprint(ED25519, sign)),
            "kem_blake3": blake3(kem).hex(),
            "kem_fingerprint": fingerprint(XWING, kem).hex(),
        }
    if kind == "user-root":
        return {"user_key_fingerprint": fingerprint(XWING, keys.xwing_public(keys.user_seed(secret))).hex()}
    if kind == "epoch-seed":
        derived = lambda purpose: keys.epoch_key(secret, purpose, context["tenant"], context["number"])
        names = ("search", "labels", "invites")
        inbox = fingerprint(XWING, keys.xwing_public(derived("inbox"))).hex()
        return {"inbox_fingerprint": inbox} | {f"{name}_key": derived(name).hex() for name in names}
    if kind == "code":
        token = keys.code_auth(secret)
        return {"auth": token.hex(), "stored": blake3(token).hex()}
    if kind == "recovery-key":
        recovery = keys.parse_recovery(secret.decode())
        return {"sign": keys.recovery_sign(recovery, context["tenant"], context["member"]).hex()}
    if kind == "record-key":
        bound = [1, context["tenant"], context["record"], context["sender"], hexed(context["sender_key"])]
        return {"commitment": keys.hkdf(secret, b"", ["siegel/1/commit", *bound]).hex()}
    raise ValueError(kind)


def run_slot(case):
    device = hexed(case["device"]) if "device" in case else None
    root = keys.open_slot(hexed(case["slot"]), hexed(case["expected"]), hexed(case["secret"]), device)
    return {"root_blake3": blake3(root).hex()}


def run_bundle(case):
    seeds = keys.open_bundle(hexed(case["bundle"]), hexed(case["signer"]), case["member"], hexed(case["root"]))
    return {"seeds": [blake3(seed).hex() for seed in seeds]}


def run_label(case):
    seeds = [hexed(seed) for seed in case["seeds"]]
    return keys.open_label(case["tenant"], seeds, case["subject"], hexed(case["label"]))


def run_roster(case):
    roster = None
    for number, entry in enumerate(case["entries"]):
        try:
            if roster is None:
                roster = Roster(hexed(entry), hexed(case["root"]))
            else:
                roster.append(hexed(entry))
        except Refused:
            return {"refused_at": number}
    if roster is None:
        return {"refused_at": 0}
    return {
        "head": roster.head.hex(),
        "length": roster.length,
        "epoch": roster.epoch,
        "epoch_due": roster.epoch_due,
        "members": sorted(roster.members),
        "senders": sorted(roster.senders),
    }


def main():
    folder = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER
    ran, wrong = 0, 0
    for path in sorted(folder.rglob("*.json")):
        case = json.loads(path.read_text())
        seen = run(case, folder)
        ran += 1
        if seen != case["expect"]:
            wrong += 1
            print(f"{path.relative_to(folder)}: expected {case['expect']}, saw {seen}")
    print(f"{ran} vectors, {wrong} wrong verdicts")
    return 1 if wrong or not ran else 0


if __name__ == "__main__":
    sys.exit(main())
