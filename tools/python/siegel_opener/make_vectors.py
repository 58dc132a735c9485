"""Seals records for the other implementations to open: python -m siegel_opener.make_vectors.

The library draws HPKE's randomness itself, so the files differ each time; they are made once and kept. Run it only
when the format changes.
"""

import hashlib
import json

from . import cbor, keys, seal, vectors
from .primitives import blake3, ed25519_key, stream, xwing_public

FOLDER = vectors.FOLDER / "python"
ORDER = 2**252 + 27742317777372353535851937790883648493
TIME = 1_767_225_600_000


def ident(prefix, number):
    value, symbols = int.from_bytes(stream("python vectors: ids", number * 16, 16), "big"), ""
    for place in range(25, -1, -1):
        symbols += keys.BASE32[value >> 5 * place & 31]
    return f"{prefix}_{symbols}"


def add(name, about, length, inline, number):
    draws = iter(stream(f"python vectors: {name}", 32 * at, 32) for at in range(100))
    random = lambda size: next(draws)[:size]
    sender_seed, kem_seed = stream("python vectors: sender", 0, 32), stream("python vectors: inbox", 0, 32)
    names = {
        "tenant": ident("tnt", 0), "sender": ident("snd", 1), "recipient": ident("tnt", 0),
        "record": ident("rec", 10 + number),
    }
    plain_seed = f"python plain {name}"
    plain = stream(plain_seed, 0, length)
    metadata = {0: "befund.pdf", 1: "application/pdf", 2: "Befund", 3: "aus Python", 4: [["origin", "python"]]}
    manifest, grant, sealed_metadata, parts = seal.seal_record(
        plain, names, metadata, sender_seed, xwing_public(kem_seed), TIME, random
    )
    sender_key = ed25519_key(sender_seed).public_key().public_bytes_raw()
    sender = {"party": names["sender"], "key": sender_key.hex()}
    case = {
        "name": name,
        "about": about,
        "kind": "record",
        "sender": sender,
        "granter": sender,
        "recipient": {"party": names["recipient"], "kem_seed": kem_seed.hex()},
        "manifest": manifest.hex(),
        "grant": grant.hex(),
        "metadata": sealed_metadata.hex(),
        "parts": [],
        "expect": {
            "verdict": "opens",
            "plain_bytes": length,
            "plain_blake3": blake3(plain).hex(),
            "metadata": {
                "file_name": "befund.pdf", "media_type": "application/pdf", "title": "Befund", "note": "aus Python",
                "fields": [["origin", "python"]],
            },
        },
    }
    if inline:
        case["parts"] = [[{"hex": part.hex()}] for part in parts]
    else:
        # The reader seals these parts itself from their ingredients; the signed digests say whether it got the same.
        case["sources"] = {}
        for at, part in enumerate(parts):
            skip = at * seal.CHUNK * 32
            case["sources"][f"part{at}"] = {"seal": {
                "record_key": stream(f"python vectors: {name}", 0, 32).hex(),
                "tenant": names["tenant"], "record": names["record"], "sender": names["sender"],
                "sender_key": seal.fingerprint(seal.ED25519, sender_key).hex(),
                "part": at, "last": at + 1 == len(parts), "salt": part[:32].hex(),
                "plain_seed": plain_seed, "plain_skip": skip, "plain_bytes": min(length - skip, seal.CHUNK * 32),
            }}
            case["parts"].append([{"source": f"part{at}", "from": 0, "to": len(part)}])
    if vectors.run(case) != case["expect"]:
        raise AssertionError(f"{name} does not open here either")
    FOLDER.mkdir(exist_ok=True)
    (FOLDER / f"{name}.json").write_text(json.dumps(case, indent=2, ensure_ascii=False) + "\n")


def add_small_order_r():
    """R is the neutral element and S = k·a: the plain equation holds, so only a strict verifier refuses. Made here,
    because it takes the private scalar, which libraries do not give out."""
    seed = stream("python vectors: sender", 0, 32)
    hashed = hashlib.sha512(seed).digest()
    scalar = int.from_bytes(hashed[:32], "little") & ~7 & (1 << 254) - 1 | 1 << 254
    public = ed25519_key(seed).public_key().public_bytes_raw()
    names = {"tenant": ident("tnt", 0), "sender": ident("snd", 1), "recipient": ident("tnt", 0), "record": ident("rec", 20)}
    honest, *_ = seal.seal_record(b"", names, {4: []}, seed, xwing_public(stream("python vectors: inbox", 0, 32)), TIME)
    signed = cbor.decode(honest, 1 << 20)
    neutral = bytes([1]) + bytes(31)
    challenge = int.from_bytes(hashlib.sha512(neutral + public + signed[2]).digest(), "little")
    signed[3] = neutral + (challenge * scalar % ORDER).to_bytes(32, "little")
    case = {
        "name": "small-order-r",
        "about": "A signature whose R is the neutral element: lenient verifiers accept it.",
        "kind": "signed",
        "object": "manifest",
        "key": public.hex(),
        "bytes": cbor.encode(signed).hex(),
        "expect": "refused",
    }
    (FOLDER / "small-order-r.json").write_text(json.dumps(case, indent=2) + "\n")


def main():
    add_small_order_r()
    add("empty", "An empty record sealed by Python.", 0, True, 0)
    add("small", "One chunk sealed by Python.", 1234, True, 1)
    add("three-chunks", "Two full chunks and a rest.", 2 * seal.CHUNK + 7, False, 2)
    add("two-parts", "A full part and a rest.", 32 * seal.CHUNK + 99, False, 3)


if __name__ == "__main__":
    main()
