"""HKDF, AES-256-GCM, HPKE with X-Wing, BLAKE3 and fingerprints, in the shape docs/format.md uses them."""

import hashlib

from blake3 import blake3 as _blake3
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes, hpke
from cryptography.hazmat.primitives.asymmetric import ed25519, mlkem, x25519
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from . import Refused, cbor

ED25519, XWING = 1, 0x647A
ZERO_NONCE = bytes(12)
_SUITE = hpke.Suite(hpke.KEM.MLKEM768_X25519, hpke.KDF.HKDF_SHA256, hpke.AEAD.AES_256_GCM)


def blake3(data):
    return _blake3(data).digest()


def stream(seed, skip, length):
    """The plaintext rule of the vectors: the BLAKE3 output stream of a seed text."""
    return _blake3(seed.encode()).digest(length=length, seek=skip)


def hkdf(secret, salt, info):
    """32 bytes; `info` is a list that is encoded, or bytes that are already."""
    info = info if isinstance(info, bytes) else cbor.encode(info)
    return HKDF(algorithm=hashes.SHA256(), length=32, salt=salt, info=info).derive(secret)


def gcm_seal(key, nonce, plain, aad=b""):
    return AESGCM(key).encrypt(nonce, plain, aad)


def gcm_open(key, nonce, sealed, aad=b""):
    if len(sealed) < 16:
        raise Refused("shorter than a tag")
    try:
        return AESGCM(key).decrypt(nonce, sealed, aad)
    except InvalidTag:
        raise Refused("the tag does not fit") from None


def fingerprint(algorithm, key):
    return blake3(cbor.encode(["siegel/1/key", algorithm, key]))


def digits(fingerprint_):
    """The form to compare aloud."""
    groups = (int.from_bytes(fingerprint_[at : at + 4], "big") % 100_000 for at in range(0, 32, 4))
    return " ".join(f"{group:05}" for group in groups)


def ed25519_key(seed):
    return ed25519.Ed25519PrivateKey.from_private_bytes(seed)


def _xwing(seed):
    """X-Wing's 32 bytes expand to the seeds of both halves."""
    expanded = hashlib.shake_256(seed).digest(96)
    kem = mlkem.MLKEM768PrivateKey.from_seed_bytes(expanded[:64])
    dh = x25519.X25519PrivateKey.from_private_bytes(expanded[64:])
    return kem, dh


def xwing_public(seed):
    kem, dh = _xwing(seed)
    return kem.public_key().public_bytes_raw() + dh.public_key().public_bytes_raw()


def hpke_seal(public, info, plain):
    """enc (1120 bytes) and ciphertext."""
    key = hpke.MLKEM768X25519PublicKey(
        mlkem.MLKEM768PublicKey.from_public_bytes(public[:1184]),
        x25519.X25519PublicKey.from_public_bytes(public[1184:]),
    )
    sealed = _SUITE.encrypt(plain, key, info)
    return sealed[:1120], sealed[1120:]


def hpke_open(seed, enc, info, sealed):
    try:
        return _SUITE.decrypt(enc + sealed, hpke.MLKEM768X25519PrivateKey(*_xwing(seed)), info)
    except (InvalidTag, ValueError):
        raise Refused("HPKE did not open") from None


def salted_open(key, info, sealed):
    """salt (32) ‖ ciphertext ‖ tag under HKDF(key, salt, info)."""
    if len(sealed) < 48:
        raise Refused("shorter than salt and tag")
    return gcm_open(hkdf(key, sealed[:32], info), ZERO_NONCE, sealed[32:])


def salted_seal(key, info, plain, salt):
    return salt + gcm_seal(hkdf(key, salt, info), ZERO_NONCE, plain)


def pad(content, buckets):
    bucket = next(size for size in buckets if size >= len(content) + 4)
    return (len(content).to_bytes(4, "big") + content).ljust(bucket, b"\0")


def unpad(padded, buckets):
    length = int.from_bytes(padded[:4], "big")
    bucket = next((size for size in buckets if size >= length + 4), None)
    if bucket != len(padded) or any(padded[4 + length :]):
        raise Refused("not the one way to pad")
    return padded[4 : 4 + length]
