"""Deterministic CBOR (RFC 8949, 4.2.1) as far as Siegel uses it: integers, byte strings, texts, arrays, maps with
integer keys, and booleans. The decoder refuses every other spelling, and every other kind of item."""

from . import Refused

DEPTH = 16
FALSE, TRUE = 0xF4, 0xF5


def encode(value):
    if value is True or value is False:
        return bytes([TRUE if value else FALSE])
    if isinstance(value, int):
        return _head(0, value) if value >= 0 else _head(1, -1 - value)
    if isinstance(value, bytes):
        return _head(2, len(value)) + value
    if isinstance(value, str):
        text = value.encode()
        return _head(3, len(text)) + text
    if isinstance(value, (list, tuple)):
        return _head(4, len(value)) + b"".join(encode(item) for item in value)
    if isinstance(value, dict):
        entries = sorted((encode(key), encode(item)) for key, item in value.items() if item is not None)
        return _head(5, len(entries)) + b"".join(key + item for key, item in entries)
    raise TypeError(f"no CBOR for {type(value)}")


def _head(major, number):
    if number < 24:
        return bytes([major << 5 | number])
    for info, size in ((24, 1), (25, 2), (26, 4), (27, 8)):
        if number < 1 << 8 * size:
            return bytes([major << 5 | info]) + number.to_bytes(size, "big")
    raise OverflowError("integers have at most 64 bits")


def decode(data, max_length):
    """The value in `data`, if that is exactly its canonical encoding."""
    if len(data) > max_length:
        raise Refused("too long")
    value, end = _item(data, 0, 0)
    if end != len(data):
        raise Refused("bytes behind the value")
    return value


def _item(data, at, depth):
    if at >= len(data) or depth > DEPTH:
        raise Refused("cut off, or nested too deep")
    major, info = data[at] >> 5, data[at] & 31
    at += 1
    if major == 7:
        if info + 0xE0 not in (FALSE, TRUE):
            raise Refused("no floats, null or simple values")
        return info + 0xE0 == TRUE, at
    number = info
    if info >= 24:
        if info > 27:
            raise Refused("no indefinite lengths")
        size = 1 << info - 24
        number = int.from_bytes(data[at : at + size], "big")
        if len(data) < at + size or number < (24 if size == 1 else 1 << 4 * size):
            raise Refused("not the shortest form")
        at += size
    if major == 0:
        return number, at
    if major == 1:
        return -1 - number, at
    if major in (2, 3):
        if number > len(data) - at:
            raise Refused("cut off")
        content = bytes(data[at : at + number])
        if major == 2:
            return content, at + number
        try:
            return content.decode(), at + number
        except UnicodeDecodeError:
            raise Refused("not UTF-8") from None
    if major == 4:
        return _array(data, at, number, depth)
    if major == 5:
        return _map(data, at, number, depth)
    raise Refused("no tags")


def _array(data, at, count, depth):
    items = []
    for _ in range(count):
        item, at = _item(data, at, depth + 1)
        items.append(item)
    return items, at


def _map(data, at, count, depth):
    entries, before = {}, b""
    for _ in range(count):
        start = at
        key, at = _item(data, at, depth + 1)
        if data[start:at] <= before or not isinstance(key, int) or isinstance(key, bool):
            raise Refused("keys must be integers, ascending, each once")
        before = data[start:at]
        entries[key], at = _item(data, at, depth + 1)
    return entries, at
