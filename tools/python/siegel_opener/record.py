"""Opening a record: manifest, grant, commitment, metadata, parts, in this order."""

import hmac

from . import Refused, cbor, shapes
from .ed25519 import verifies
from .primitives import (
    ED25519, XWING, blake3, fingerprint, gcm_open, hkdf, hpke_open, salted_open, unpad, xwing_public,
)
from .signed import CHUNK, PART, chunk_sizes, open_signed, part_sizes, sealed_size

METADATA_BUCKETS = (256, 1024, 4096, 16_384, 65_536 - 48)


def context(manifest):
    """suite, tenant, record, sender, sender key: what every key of the record is bound to."""
    return [manifest[0], manifest[1], manifest[2], manifest[4], manifest[5]]


def nonce(index, flag):
    return bytes(4) + index.to_bytes(4, "big") + bytes(3) + bytes([flag])


def verify_manifest(data, sender, sender_key):
    manifest = open_signed(data, "manifest", sender_key)
    if manifest[5] != fingerprint(ED25519, sender_key) or manifest[4] != sender:
        raise Refused("the sender is not the one whose key signed")
    return manifest


def open_grant(data, granter, granter_key, manifest, recipient, kem_seed):
    grant = cbor.decode(data, 2048)
    shapes.GRANT(grant)
    info = cbor.decode(grant[0], 2048)
    shapes.GRANT_CONTEXT(info)
    expected = [
        "siegel/1/grant", manifest[0], ED25519, manifest[1], manifest[2], manifest[9],
        recipient, fingerprint(XWING, xwing_public(kem_seed)), granter, fingerprint(ED25519, granter_key),
    ]
    if info != expected or not verifies(granter_key, grant[0] + grant[1] + grant[2], grant[3]):
        raise Refused("not this grant")
    key = hpke_open(kem_seed, grant[1], grant[0], grant[2])
    if len(key) != 32:
        raise Refused("not a record key")
    return key


class Record:
    """A record whose manifest is verified and whose key is the committed one."""

    def __init__(self, manifest, key):
        committed = hkdf(key, b"", ["siegel/1/commit", *context(manifest)])
        if not hmac.compare_digest(committed, manifest[9]):
            raise Refused("the sender did not commit to this key")
        self.manifest, self.key = manifest, key
        self.sizes = part_sizes(manifest[7])

    def metadata(self, sealed):
        if len(sealed) > 65_536 or blake3(sealed) != self.manifest[10]:
            raise Refused("not the signed metadata")
        padded = salted_open(self.key, ["siegel/1/metadata", *context(self.manifest)], sealed)
        metadata = cbor.decode(unpad(padded, METADATA_BUCKETS), 65_536)
        shapes.METADATA(metadata)
        return metadata

    def chunks(self, number, sealed, wanted=None):
        """Yields the plaintext of the chunks of a part (all, or those in the range `wanted`) one by one; raises
        `Refused` at the first bad one. What was yielded before is good."""
        size = self.sizes[number]
        lengths = chunk_sizes(size)
        if len(sealed) != sealed_size(size):
            raise Refused("not the signed length")
        salt, trailer = sealed[:32], sealed[len(sealed) - 32 * len(lengths) :]
        if blake3(cbor.encode(["siegel/1/part", salt, trailer])) != self.manifest[8][number][0]:
            raise Refused("not the signed digest")
        key = hkdf(self.key, salt, ["siegel/1/payload", *context(self.manifest), number])
        end = 2 if number + 1 == len(self.sizes) else 1
        for index in wanted if wanted is not None else range(len(lengths)):
            at = 32 + index * (CHUNK + 16)
            chunk = sealed[at : at + lengths[index] + 16]
            if blake3(chunk) != trailer[32 * index : 32 * index + 32]:
                raise Refused("not the signed chunk")
            yield gcm_open(key, nonce(index, end if index + 1 == len(lengths) else 0), chunk)

    def range(self, parts, start, end):
        """Plaintext bytes start..end, touching only the chunks they lie in."""
        if not 0 <= start < end <= self.manifest[7]:
            raise Refused("outside the record")
        out = b""
        for number in range(start // PART, (end - 1) // PART + 1):
            low, high = max(start - number * PART, 0), min(end - number * PART, self.sizes[number])
            chunks = range(low // CHUNK, -(-high // CHUNK))
            plain = b"".join(self.chunks(number, parts[number], chunks))
            out += plain[low - chunks.start * CHUNK : high - chunks.start * CHUNK]
        return out
