"""What the objects look like: a tiny schema. A shape is a function that passes a decoded value or refuses it."""

import re

from . import Refused

_ID = re.compile(r"([a-z]{3})_[0-7][0-9a-hjkmnp-tv-z]{25}")


def _when(condition):
    if not condition:
        raise Refused("not of this shape")


def uint(bits):
    return lambda value: _when(type(value) is int and 0 <= value < 1 << bits)


def time(value):
    _when(type(value) is int and -(1 << 63) <= value < 1 << 63)


def octets(length=None):
    return lambda value: _when(type(value) is bytes and (length is None or len(value) == length))


def text(value):
    _when(type(value) is str)


def boolean(value):
    _when(type(value) is bool)


def word(*words):
    return lambda value: _when(type(value) is str and value in words)


def ident(*prefixes):
    def check(value):
        _when(type(value) is str)
        match = _ID.fullmatch(value)
        _when(match and match[1] in prefixes)

    return check


def signing_key(value):
    from .ed25519 import good_key

    octets(32)(value)
    _when(good_key(value))


def listing(item):
    def check(value):
        _when(type(value) is list)
        for one in value:
            item(one)

    return check


def fixed(*items):
    """An array of exactly these items."""

    def check(value):
        _when(type(value) is list and len(value) == len(items))
        for one, shape in zip(value, items):
            shape(one)

    return check


def record(shapes, optional=()):
    """A map with exactly these integer keys; those in `optional` may be absent."""

    def check(value):
        _when(type(value) is dict and set(value) <= set(shapes))
        for key, shape in shapes.items():
            if key in value:
                shape(value[key])
            else:
                _when(key in optional)

    return check


PARTY, PRINCIPAL = ident("tnt", "snd", "mbr"), ident("mbr", "snd", "dlr")
TENANT, RECORD, MEMBER, SENDER, DEVICE = (ident(p) for p in ("tnt", "rec", "mbr", "snd", "dev"))
DIGEST = KEY = octets(32)

SIGNED = record({0: uint(16), 1: KEY, 2: octets(), 3: octets(64)})
MANIFEST = record(
    {
        0: uint(16), 1: TENANT, 2: RECORD, 3: ident("cnv"), 4: PARTY, 5: KEY,
        6: listing(record({0: PARTY, 1: KEY})), 7: uint(64),
        8: listing(record({0: DIGEST, 1: uint(32)})), 9: DIGEST, 10: DIGEST, 11: RECORD, 12: time, 13: DIGEST,
    },
    optional=(3, 11, 13),
)
GRANT = record({0: octets(), 1: octets(1120), 2: octets(48), 3: octets(64)})
GRANT_CONTEXT = fixed(text, uint(16), uint(16), TENANT, RECORD, DIGEST, PARTY, KEY, PARTY, KEY)
METADATA = record({0: text, 1: text, 2: text, 3: text, 4: listing(fixed(text, text))}, optional=(0, 1, 2, 3))
TOMBSTONE = record({0: TENANT, 1: RECORD, 2: time, 3: uint(2)})
EPOCH = record({0: uint(16), 1: TENANT, 2: uint(64), 3: octets(1216), 4: DIGEST, 5: DIGEST, 6: time}, optional=(4,))
BUNDLE = record(
    {
        0: uint(16), 1: TENANT, 2: uint(64), 3: uint(64), 4: DIGEST, 5: DIGEST, 6: octets(),
        7: listing(record({0: MEMBER, 1: KEY, 2: octets(1120), 3: octets(48)})),
    },
    optional=(4,),
)
UPLOAD_RECEIPT = record({
    0: ident("rcp"), 1: TENANT, 2: RECORD, 3: DIGEST, 4: time, 5: uint(32), 6: uint(64),
    7: listing(record({0: text, 1: text, 2: uint(32)})),
})
ERASE_RECEIPT = record({
    0: ident("rcp"), 1: TENANT, 2: RECORD, 3: uint(2), 4: time, 5: time,
    6: listing(record({0: text, 1: text, 2: time, 3: time, 4: boolean}, optional=(4,))),
    7: listing(text), 8: time, 9: DIGEST,
})
KEY_STATEMENT = record({0: TENANT, 1: PARTY, 2: DIGEST, 3: uint(64), 4: DIGEST, 5: time})
CHECKPOINT = record({0: TENANT, 1: uint(64), 2: KEY, 3: DIGEST, 4: uint(64), 5: time})
CHALLENGE = record({0: octets(), 1: DEVICE, 2: TENANT, 3: text}, optional=(2,))
SLOT_CONTEXT = record(
    {0: uint(16), 1: TENANT, 2: MEMBER, 3: DEVICE, 4: uint(2), 5: uint(64), 6: KEY}, optional=(3,)
)
SLOT = record({0: SLOT_CONTEXT, 1: octets(32), 2: octets()})
OFFER = record(
    {
        0: TENANT, 1: ident("inv"), 2: uint(2), 3: PRINCIPAL, 4: DEVICE, 5: signing_key, 6: octets(1216),
        7: octets(1216), 8: signing_key,
    },
    optional=(7, 8),
)
CODE = record({0: text, 1: octets(32), 2: TENANT, 3: uint(2), 4: octets(16), 5: octets(32)}, optional=(1, 2, 5))
ROSTER_DEVICE = record({0: DEVICE, 1: signing_key, 2: KEY})
ROLE = word("owner", "member", "sender", "dealer")
CHANGES = [
    record({0: MEMBER, 1: KEY, 2: signing_key, 3: ROSTER_DEVICE}, optional=(2,)),
    record({0: MEMBER, 1: ROLE, 2: KEY, 3: signing_key, 4: ROSTER_DEVICE}, optional=(3,)),
    record({0: MEMBER}),
    record({0: MEMBER, 1: ROSTER_DEVICE}),
    record({0: MEMBER, 1: DEVICE}),
    record({0: SENDER, 1: ROSTER_DEVICE}),
    record({0: SENDER}),
    record({0: SENDER, 1: ROSTER_DEVICE}),
    record({0: MEMBER, 1: ROLE}),
    record({0: uint(64), 1: DIGEST}),
]


def change(value):
    _when(type(value) is list and len(value) == 2 and type(value[0]) is int and 0 <= value[0] < len(CHANGES))
    CHANGES[value[0]](value[1])


ROSTER = record({0: TENANT, 1: uint(64), 2: DIGEST, 3: time, 4: change}, optional=(2,))
