"""Sealing a record. Randomness is a function that returns so many bytes, so that vectors can fix it."""

import os

from . import cbor
from .primitives import ED25519, XWING, blake3, ed25519_key, fingerprint, gcm_seal, hkdf, hpke_seal, pad, salted_seal
from .record import METADATA_BUCKETS, context, nonce
from .signed import CHUNK, chunk_sizes, part_sizes


def sign(kind, value, seed):
    """The wire form of an object signed by the Ed25519 key of `seed`."""
    key = ed25519_key(seed)
    body = cbor.encode([f"siegel/1/{kind}", ED25519, value])
    public = key.public_key().public_bytes_raw()
    return cbor.encode({0: ED25519, 1: fingerprint(ED25519, public), 2: body, 3: key.sign(body)})


def seal_part(record_key, bound, number, last, plain, salt):
    """A sealed part; `bound` is the record's context list."""
    key = hkdf(record_key, salt, ["siegel/1/payload", *bound, number])
    chunks, at = [], 0
    sizes = chunk_sizes(len(plain))
    for index, size in enumerate(sizes):
        flag = 0 if index + 1 < len(sizes) else 2 if last else 1
        chunks.append(gcm_seal(key, nonce(index, flag), plain[at : at + size]))
        at += CHUNK
    return salt + b"".join(chunks) + b"".join(blake3(chunk) for chunk in chunks)


def part_digest(sealed, plain_bytes):
    trailer = sealed[len(sealed) - 32 * len(chunk_sizes(plain_bytes)) :]
    return blake3(cbor.encode(["siegel/1/part", sealed[:32], trailer]))


def grant(manifest, record_key, recipient, recipient_public, granter, granter_seed):
    key = ed25519_key(granter_seed)
    info = cbor.encode([
        "siegel/1/grant", manifest[0], ED25519, manifest[1], manifest[2], manifest[9],
        recipient, fingerprint(XWING, recipient_public),
        granter, fingerprint(ED25519, key.public_key().public_bytes_raw()),
    ])
    enc, sealed = hpke_seal(recipient_public, info, record_key)
    return cbor.encode({0: info, 1: enc, 2: sealed, 3: key.sign(info + enc + sealed)})


def seal_record(plain, names, metadata, sender_seed, recipient_public, time_ms, random=os.urandom):
    """Seals `plain`. `names` holds tenant, record, sender and recipient. Returns manifest, grant, metadata, parts."""
    record_key = random(32)
    sender_key = fingerprint(ED25519, ed25519_key(sender_seed).public_key().public_bytes_raw())
    manifest = {0: 1, 1: names["tenant"], 2: names["record"], 4: names["sender"], 5: sender_key}
    bound = context(manifest)
    parts, at = [], 0
    sizes = part_sizes(len(plain))
    for number, size in enumerate(sizes):
        last = number + 1 == len(sizes)
        parts.append(seal_part(record_key, bound, number, last, plain[at : at + size], random(32)))
        at += size
    info = ["siegel/1/metadata", *bound]
    sealed_metadata = salted_seal(record_key, info, pad(cbor.encode(metadata), METADATA_BUCKETS), random(32))
    manifest |= {
        6: [{0: names["recipient"], 1: fingerprint(XWING, recipient_public)}],
        7: len(plain),
        8: [{0: part_digest(part, size), 1: len(part)} for part, size in zip(parts, sizes)],
        9: hkdf(record_key, b"", ["siegel/1/commit", *bound]),
        10: blake3(sealed_metadata),
        12: time_ms,
    }
    granted = grant(manifest, record_key, names["recipient"], recipient_public, names["sender"], sender_seed)
    return sign("manifest", manifest, sender_seed), granted, sealed_metadata, parts
