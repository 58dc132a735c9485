"""docs/keys.md: derivations, enrolment codes and MACs, names, slots and bundles."""

import base64
import hmac
import re

from . import Refused, cbor, shapes
from .primitives import (
    ED25519, XWING, ZERO_NONCE, blake3, digits, ed25519_key, fingerprint, gcm_open, hkdf, hpke_open, salted_open, unpad,
    xwing_public,
)
from .signed import open_signed

LABEL_BUCKETS = (128, 512, 2048)
KINDS = ("owner", "member", "sender", "dealer")
BASE32 = "0123456789abcdefghjkmnpqrstvwxyz"


def device(stored):
    sign = ed25519_key(stored[:32]).public_key().public_bytes_raw()
    return sign, xwing_public(stored[32:])


def user_seed(root):
    return hkdf(root, b"", ["siegel/1/user-key"])


def epoch_key(seed, purpose, tenant, number):
    return hkdf(seed, b"", [f"siegel/1/epoch-{purpose}", tenant, number])


def code_auth(secret):
    return hkdf(secret, b"", ["siegel/1/code-auth"])


def parse_code(text):
    text = "".join(text.split())
    if not text.startswith("siegel-") or not re.fullmatch(r"[A-Za-z0-9_-]*", text[7:]):
        raise Refused("not a code")
    body = text[7:]
    try:
        data = base64.urlsafe_b64decode(body + "=" * (-len(body) % 4))
    except ValueError:
        raise Refused("not base64url") from None
    if base64.urlsafe_b64encode(data).rstrip(b"=").decode() != body or len(data) < 4:
        raise Refused("not the one spelling")
    data, check = data[:-4], data[-4:]
    if blake3(data)[:4] != check:
        raise Refused("a slip")
    code = cbor.decode(data, 512)
    shapes.CODE(code)
    kind = KINDS[code[3]]
    url_ok = re.fullmatch(r"https?://[A-Za-z0-9.:\[\]_-]+", code[0]) and len(code[0]) <= 255
    if not url_ok or (2 in code) == (kind == "dealer") or (5 in code) != (kind in ("member", "sender")):
        raise Refused("against the rules of its kind")
    return code


def check_mac(secret, offer, mac):
    decoded = cbor.decode(offer, 4096)
    shapes.OFFER(decoded)
    key = hkdf(secret, b"", ["siegel/1/code-mac"])
    made = hmac.digest(key, cbor.encode(["siegel/1/offer", decoded]), "sha256")
    if not hmac.compare_digest(made, mac):
        raise Refused("other keys, or another code")


def parse_recovery(text):
    swap = str.maketrans("oil", "011")
    symbols = "".join(text.split()).replace("-", "").lower().translate(swap)
    if len(symbols) != 30 or any(c not in BASE32 for c in symbols) or symbols[0] > "7":
        raise Refused("not a recovery key")
    value = 0
    for symbol in symbols[:26]:
        value = value << 5 | BASE32.index(symbol)
    secret, check = value.to_bytes(16, "big"), 0
    for symbol in symbols[26:]:
        check = check << 5 | BASE32.index(symbol)
    if int.from_bytes(blake3(b"siegel/1/recovery-key" + secret)[:3], "big") >> 4 != check:
        raise Refused("a slip")
    return secret


def recovery_sign(secret, tenant, member):
    return ed25519_key(hkdf(secret, b"", ["siegel/1/recovery-sign", tenant, member])).public_key().public_bytes_raw()


def open_label(tenant, seeds, subject, label):
    number = int.from_bytes(label[:8], "big")
    if len(label) < 8 or not 1 <= number <= len(seeds):
        raise Refused("of an unknown epoch")
    key = epoch_key(seeds[number - 1], "labels", tenant, number)
    try:
        return unpad(salted_open(key, ["siegel/1/label", tenant, subject], label[8:]), LABEL_BUCKETS).decode()
    except UnicodeDecodeError:
        raise Refused("not a text") from None


def open_slot(data, expected, secret, device_seed):
    """`expected` is the context the owner knows; `secret` the export key, PRF output or recovery key's text."""
    slot = cbor.decode(data, 2048)
    shapes.SLOT(slot)
    context = cbor.decode(expected, 2048)
    shapes.SLOT_CONTEXT(context)
    if slot[0] != context or context[0] != 1:
        raise Refused("another slot than expected")
    kind = context[4]
    if kind == 2:
        secret = parse_recovery(secret.decode())
    if len(secret) != (64, 32, 16)[kind]:
        raise Refused("not a secret of this kind")
    aad = cbor.encode(["siegel/1/slot", context])
    inner = gcm_open(hkdf(secret, slot[1], ["siegel/1/slot-key", kind]), ZERO_NONCE, slot[2], aad)
    if kind != 2:
        if device_seed is None or len(inner) < 1120:
            raise Refused("no device")
        inner = hpke_open(device_seed, inner[:1120], aad, inner[1120:])
    if len(inner) != 32 or fingerprint(XWING, xwing_public(user_seed(inner))) != context[6]:
        raise Refused("another root than the roster names")
    return inner


def open_bundle(data, signer, member, root):
    bundle = open_signed(data, "bundle", signer)
    seed = user_seed(root)
    mine = fingerprint(XWING, xwing_public(seed))
    suite, tenant, revision, epoch = (bundle[key] for key in range(4))
    slot = next((one for one in bundle[7] if one[0] == member and one[1] == mine), None)
    if slot is None:
        raise Refused("not for this member")
    info = cbor.encode(["siegel/1/bundle-key", suite, tenant, revision, epoch, member, mine])
    key = hpke_open(seed, slot[2], info, slot[3])
    if not 1 <= epoch <= 4096 or len(bundle[6]) != 32 * epoch + 16 or len(key) != 32:
        raise Refused("not so many seeds")
    aad = cbor.encode(["siegel/1/bundle-seeds", suite, tenant, revision, epoch])
    seeds = gcm_open(key, ZERO_NONCE, bundle[6], aad)
    return [seeds[at : at + 32] for at in range(0, len(seeds), 32)]
