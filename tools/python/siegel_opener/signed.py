"""Signed objects: `{0: algorithm, 1: signer, 2: body, 3: signature}`, body = `[domain, algorithm, object]`."""

from . import Refused, cbor, shapes
from .ed25519 import good_key, verifies
from .primitives import ED25519, blake3, fingerprint

CHUNK, PART_CHUNKS, PARTS = 256 * 1024, 32, 16_384
PART = CHUNK * PART_CHUNKS
OVERHEAD = 160


def part_sizes(plain_bytes):
    """Plaintext bytes of each part."""
    count = max(1, -(-plain_bytes // PART))
    if count > PARTS:
        raise Refused("longer than a record can be")
    return [PART] * (count - 1) + [plain_bytes - PART * (count - 1)]


def chunk_sizes(plain_bytes):
    count = max(1, -(-plain_bytes // CHUNK))
    return [CHUNK] * (count - 1) + [plain_bytes - CHUNK * (count - 1)]


def sealed_size(plain_bytes):
    return 32 + plain_bytes + 48 * len(chunk_sizes(plain_bytes))


def _manifest(manifest):
    sizes = part_sizes(manifest[7])
    parties = [recipient[0] for recipient in manifest[6]]
    good = (
        manifest[0] == 1
        and 1 <= len(parties) <= 64
        and len(set(parties)) == len(parties)
        and manifest.get(11) != manifest[2]
        and [entry[1] for entry in manifest[8]] == [sealed_size(size) for size in sizes]
    )
    if not good:
        raise Refused("against the rules of a manifest")


def _chained(number, previous, first=1):
    if (number < first) or (number == first) != (previous is None):
        raise Refused("only the first has none before it")


def _epoch(epoch):
    if epoch[0] != 1:
        raise Refused("unknown suite")
    _chained(epoch[2], epoch.get(4))


def _bundle(bundle):
    if bundle[0] != 1 or not 1 <= len(bundle[7]) <= 1000:
        raise Refused("against the rules of a bundle")
    _chained(bundle[2], bundle.get(4))


def _roster(entry):
    _chained(entry[1], entry.get(2), first=0)
    if (entry[1] == 0) != (entry[4][0] == 0):
        raise Refused("the first entry founds, and only the first")


def _tombstone(tombstone):
    if tombstone[3] > 2:
        raise Refused("unknown kind")


def _upload(receipt):
    if not receipt[7]:
        raise Refused("no zone held the record")


def _erase(receipt):
    if receipt[3] > 2 or len(receipt[6]) > 65_536:
        raise Refused("unknown kind, or too many objects")
    if any(seen[3] < seen[2] for seen in receipt[6]) or receipt[8] < receipt[5]:
        raise Refused("times that can't follow each other")


def _challenge(challenge):
    if len(challenge[0]) > 128:
        raise Refused("not a challenge")


def _nothing(_):
    pass


OBJECTS = {
    "manifest": (shapes.MANIFEST, 768 * 1024, _manifest),
    "epoch": (shapes.EPOCH, 2048, _epoch),
    "bundle": (shapes.BUNDLE, 2 * 1024 * 1024, _bundle),
    "roster": (shapes.ROSTER, 2048, _roster),
    "tombstone": (shapes.TOMBSTONE, 512, _tombstone),
    "upload-receipt": (shapes.UPLOAD_RECEIPT, 4096, _upload),
    "erase-receipt": (shapes.ERASE_RECEIPT, 16 * 1024 * 1024, _erase),
    "key-statement": (shapes.KEY_STATEMENT, 1024, _nothing),
    "checkpoint": (shapes.CHECKPOINT, 1024, _nothing),
    "challenge": (shapes.CHALLENGE, 1024, _challenge),
}


def outer(data, kind):
    signed = cbor.decode(data, OBJECTS[kind][1] + OVERHEAD)
    shapes.SIGNED(signed)
    return signed


def body(signed, kind):
    """The object in a body whose signature is **not** checked here."""
    shape, limit, rules = OBJECTS[kind]
    decoded = cbor.decode(signed[2], limit)
    if type(decoded) is not list or len(decoded) != 3 or decoded[:2] != [f"siegel/1/{kind}", ED25519]:
        raise Refused("another kind, version or algorithm")
    if type(decoded[1]) is not int:
        raise Refused("an algorithm is a number")
    shape(decoded[2])
    rules(decoded[2])
    return decoded[2]


def open_signed(data, kind, key):
    """The object, if `key` (32 bytes) signed it and it keeps its rules."""
    signed = outer(data, kind)
    if not good_key(key) or signed[0] != ED25519 or signed[1] != fingerprint(ED25519, key):
        raise Refused("another signer or algorithm")
    if not verifies(key, signed[2], signed[3]):
        raise Refused("the signature does not fit")
    return body(signed, kind)


def digest(data):
    return blake3(data)
