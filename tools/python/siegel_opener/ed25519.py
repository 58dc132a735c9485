"""Ed25519, verified strictly: the library checks the signature and S < L, this adds that neither the key nor R is of
small order. Affine arithmetic on integers, since only points are checked here and nothing is secret."""

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

P = 2**255 - 19
D = -121665 * pow(121666, -1, P) % P


def _point(encoded):
    """The point's coordinates, or None."""
    y = int.from_bytes(encoded, "little")
    sign, y = y >> 255, (y & (1 << 255) - 1) % P
    square = (y * y - 1) * pow(D * y * y + 1, -1, P) % P
    x = pow(square, (P + 3) // 8, P)
    if x * x % P != square:
        x = x * pow(2, (P - 1) // 4, P) % P
    if x * x % P != square:
        return None
    return (P - x if x & 1 != sign else x) % P, y


def _doubled(point):
    x, y = point
    cross, product = x * y % P, D * x * x * y * y % P
    return 2 * cross * pow(1 + product, -1, P) % P, (y * y + x * x) * pow(1 - product, -1, P) % P


def good_key(encoded):
    """A point on the curve, and not one of the eight of small order."""
    point = _point(encoded)
    if point is None:
        return False
    for _ in range(3):
        point = _doubled(point)
    return point != (0, 1)


def verifies(key, message, signature):
    if not good_key(key) or len(signature) != 64 or not good_key(signature[:32]):
        return False
    try:
        Ed25519PublicKey.from_public_bytes(key).verify(signature, message)
    except InvalidSignature:
        return False
    return True
