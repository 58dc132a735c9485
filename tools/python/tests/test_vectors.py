"""Every vector has its verdict in Python too, and both directions of the exchange are there."""

import json
import os
import subprocess
import tempfile
import unittest
from pathlib import Path

from siegel_opener import Refused, cbor, ed25519, seal, vectors
from siegel_opener.make_vectors import ident
from siegel_opener.primitives import ed25519_key, xwing_public


def cases():
    for path in sorted(vectors.FOLDER.rglob("*.json")):
        yield path.relative_to(vectors.FOLDER).as_posix(), json.loads(path.read_text())


class Vectors(unittest.TestCase):
    def test_every_vector_has_its_verdict(self):
        count = 0
        for name, case in cases():
            with self.subTest(name):
                self.assertEqual(vectors.run(case), case["expect"])
            count += 1
        self.assertGreater(count, 200)

    def test_a_changed_vector_is_noticed(self):
        """The runner is not one that says yes to everything: each good record, changed in one byte, is refused."""
        for field in ("manifest", "grant", "metadata"):
            case = json.loads((vectors.FOLDER / "record" / "small.json").read_text())
            data = bytearray.fromhex(case[field])
            data[len(data) // 2] ^= 4
            case[field] = data.hex()
            self.assertEqual(vectors.run(case)["verdict"], "refused", field)


class Cbor(unittest.TestCase):
    def test_only_the_canonical_spelling_is_read(self):
        for value in (0, 23, 24, 255, 256, 65536, 2**64 - 1, -1, -25, b"", b"x" * 300, "ü", [], [1, [2]], {0: 1, 30: "a"}):
            data = cbor.encode(value)
            self.assertEqual(cbor.decode(data, 1000), value)
            with self.assertRaises(Refused):
                cbor.decode(data + b"\0", 1000)
        for bad in ("1817", "190017", "1b00000000ffffffff", "9fff", "bfff", "7f6161ff", "a201000000", "a200000000",
                    "f6", "f93c00", "c100", "61ff", "", "81", "a1616101"):
            with self.subTest(bad), self.assertRaises(Refused):
                cbor.decode(bytes.fromhex(bad), 1000)
        with self.assertRaises(Refused):
            cbor.decode(b"\x81" * 200_000, 1_000_000)


class Ed25519(unittest.TestCase):
    def test_weak_keys_are_no_keys(self):
        small = [bytes([1]) + bytes(31), bytes(32), bytes([0xEC] + [0xFF] * 30 + [0x7F])]
        for key in small:
            self.assertFalse(ed25519.good_key(key))
        self.assertTrue(ed25519.good_key(ed25519_key(bytes(32)).public_key().public_bytes_raw()))


class RustOpensWhatPythonSeals(unittest.TestCase):
    """Live, beside the kept files: seals with fresh randomness and asks `siegel-vectors`, if it is built."""

    NAMED = os.environ.get("SIEGEL_VECTORS")
    PROGRAM = Path(NAMED or Path(__file__).resolve().parents[3] / "target" / "debug" / "siegel-vectors")

    def test_a_fresh_record(self):
        if not self.NAMED and not self.PROGRAM.exists():
            self.skipTest("build it first: cargo build -p siegel-vectors")

        sender_seed, kem_seed, plain = os.urandom(32), os.urandom(32), os.urandom(5000)
        names = {"tenant": ident("tnt", 50), "sender": ident("snd", 51), "recipient": ident("tnt", 50),
                 "record": ident("rec", 52)}
        manifest, grant, metadata, parts = seal.seal_record(
            plain, names, {4: []}, sender_seed, xwing_public(kem_seed), 0
        )
        sender = {"party": names["sender"], "key": ed25519_key(sender_seed).public_key().public_bytes_raw().hex()}
        case = {
            "name": "fresh", "about": "", "kind": "record", "sender": sender, "granter": sender,
            "recipient": {"party": names["recipient"], "kem_seed": kem_seed.hex()},
            "manifest": manifest.hex(), "grant": grant.hex(), "metadata": metadata.hex(),
            "parts": [[{"hex": part.hex()}] for part in parts],
            "expect": {
                "verdict": "opens", "plain_bytes": 5000, "plain_blake3": vectors.blake3(plain).hex(),
                "metadata": {"file_name": None, "media_type": None, "title": None, "note": None, "fields": []},
            },
        }
        with tempfile.TemporaryDirectory() as folder:
            Path(folder, "fresh.json").write_text(json.dumps(case))
            done = subprocess.run([self.PROGRAM, "run", folder], capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)


if __name__ == "__main__":
    unittest.main()
