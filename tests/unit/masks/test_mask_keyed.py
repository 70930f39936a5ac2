from __future__ import annotations

import base64
import os
import subprocess
import sys

import numpy as np
import pyarrow as pa
import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from dbmimic.masks.keyed import KeyedFunction, SecretError, new_secret, parse_secret
from dbmimic.masks.permutation import Permutation
from dbmimic.model.address import Secret

KEYED = KeyedFunction.derive(Secret(bytes(range(32))), "test")
VALUES = [
    "",
    "a",
    "x" * 15,
    "x" * 16,
    "x" * 17,
    "ünïcødé ✓",
    "\N{GRINNING FACE}" * 9,
    "y" * 1024,
    "y" * 1025,
    "z" * 9001,
]
SIZES = [2, 3, 4, 5, 9, 10, 26, 100, 1000, 1024, 4095, 65_537]


def reference(keyed: KeyedFunction, value: bytes) -> tuple[int, int]:
    """The same function for one value, by the book: AES-CBC over the length block and the padded value."""
    message = len(value).to_bytes(16, "little") + value + bytes(-len(value) % 16)
    encryptor = Cipher(algorithms.AES(keyed.key), modes.CBC(bytes(16))).encryptor()
    last = (encryptor.update(message) + encryptor.finalize())[-16:]
    return int.from_bytes(last[:8], "little"), int.from_bytes(last[8:], "little")


def as_pairs(words: np.ndarray) -> list[tuple[int, int]]:
    return [(int(first), int(second)) for first, second in words]


class TestPseudoRandomFunction:
    @pytest.mark.parametrize("kind", [pa.string(), pa.large_string(), pa.binary(), pa.large_binary()])
    def test_equals_the_reference(self, kind):
        values = pa.array([value.encode() for value in VALUES], pa.binary()).cast(kind)
        assert as_pairs(KEYED.prf(values)) == [reference(KEYED, value.encode()) for value in VALUES]

    def test_a_slice_is_seen_as_a_slice(self):
        values = pa.array([*VALUES, None, *VALUES])
        whole = KEYED.prf(values)
        for start, length in [(3, 4), (10, 5), (0, 1), (20, 1)]:
            part = KEYED.prf(values.slice(start, length))
            known = [row for row in range(length) if values[start + row].is_valid]
            assert (part[known] == whole[start : start + length][known]).all()

    def test_a_filtered_and_a_combined_array(self):
        chunked = pa.chunked_array([["a", "b"], [None, "c"]]).combine_chunks()
        assert as_pairs(KEYED.prf(chunked))[3] == reference(KEYED, b"c")

    @pytest.mark.parametrize("values", [[], [None], [None, None], ["", None]])
    def test_nothing_to_read(self, values):
        assert KEYED.prf(pa.array(values, pa.string())).shape == (len(values), 2)

    def test_integers_are_their_eight_bytes(self):
        numbers = [0, 1, -1, 2**63 - 1, -(2**63), 42]
        words = KEYED.prf_integers(np.array(numbers, dtype=np.int64))
        assert as_pairs(words) == [reference(KEYED, number.to_bytes(8, "little", signed=True)) for number in numbers]

    def test_uniform_is_the_first_word(self):
        values = pa.array(["a", "b"])
        assert (KEYED.uniform(values) == KEYED.prf(values)[:, 0]).all()

    def test_uniform_is_even(self):
        words = KEYED.uniform(pa.array([str(number) for number in range(200_000)]))
        counts = np.bincount((words >> np.uint64(58)).astype(int), minlength=64)
        expected = 200_000 / 64
        assert ((counts - expected) ** 2 / expected).sum() < 120  # chi-square, 63 degrees of freedom: p < 1e-5

    def test_domains_and_secrets_are_apart(self):
        values = pa.array(["a"])
        functions = [
            KEYED,
            KeyedFunction.derive(Secret(bytes(range(32))), "test2"),
            KeyedFunction.derive(Secret(bytes(range(1, 33))), "test"),
            KEYED.sub("test"),
            KEYED.sub("other"),
        ]
        assert len({int(function.uniform(values)[0]) for function in functions}) == len(functions)

    def test_a_secret_of_any_length_from_32_bytes_serves(self):
        words = {KeyedFunction.derive(Secret(b"s" * size), "d").key for size in (32, 64, 65, 200)}
        assert len(words) == 4

    def test_the_key_is_not_shown(self):
        assert repr(KEYED) == "KeyedFunction()"

    def test_a_fresh_process_gives_the_same(self):
        program = (
            "import pyarrow as pa; from dbmimic.masks.keyed import *; from dbmimic.model.address import Secret;"
            "print(int(KeyedFunction.derive(Secret(bytes(range(32))), 'test').uniform(pa.array(['a']))[0]))"
        )
        environment = {**os.environ, "PYTHONHASHSEED": "7", "PYTHONPATH": os.pathsep.join(sys.path)}
        done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True, env=environment)
        assert int(done.stdout) == int(KEYED.uniform(pa.array(["a"]))[0])


class TestPermutation:
    @pytest.mark.parametrize("size", SIZES)
    def test_is_one_to_one_without_fixed_points(self, size):
        numbers = np.arange(size, dtype=np.uint64)
        moved = Permutation(KEYED.sub("p"), size).move(numbers)
        assert (np.sort(moved) == numbers).all()
        assert (moved != numbers).all()

    @pytest.mark.parametrize("size", [10**9, 2**30 - 1, 2**31, 2**63, 2**64 - 1, 2**64])
    def test_large_sizes(self, size):
        step = max(size // 100_003, 1)
        numbers = np.arange(0, 100_000, dtype=np.uint64) * np.uint64(step)
        moved = Permutation(KEYED.sub("p"), size).move(numbers)
        assert len(np.unique(moved)) == len(numbers)
        assert (moved != numbers).all()
        assert int(moved.max()) < size

    def test_numbers_do_not_depend_on_those_beside_them(self):
        permutation = Permutation(KEYED.sub("p"), 1000)
        whole = permutation.move(np.arange(1000, dtype=np.uint64))
        assert [int(permutation.move(np.array([n], dtype=np.uint64))[0]) for n in range(50)] == whole[:50].tolist()

    def test_keys_make_a_difference(self):
        numbers = np.arange(1000, dtype=np.uint64)
        one, other = (Permutation(KEYED.sub(label), 1000).move(numbers) for label in ("p", "q"))
        assert (one == other).sum() < 20

    def test_neighbours_do_not_stay_neighbours(self):
        moved = Permutation(KEYED.sub("p"), 2**30).move(np.arange(10_000, dtype=np.uint64)).astype(np.int64)
        assert (np.abs(np.diff(moved)) < 1000).sum() < 5


class TestSecret:
    def test_hex_and_base64_spell_the_same_secret(self):
        text = new_secret()
        raw = bytes.fromhex(text)
        spellings = [
            text,
            text.upper(),
            f" {text}\n",
            base64.b64encode(raw).decode(),
            base64.urlsafe_b64encode(raw).decode().rstrip("="),
        ]
        assert {parse_secret(spelling).value for spelling in spellings} == {raw}

    def test_new_secrets_are_fit_and_different(self):
        secrets = {new_secret() for _ in range(200)}
        assert len(secrets) == 200
        assert all(len(parse_secret(secret).value) == 32 for secret in secrets)

    @pytest.mark.parametrize(
        ("text", "reason"),
        [
            ("", "at least 32 bytes"),
            ("not a secret at all!", "hex or base64"),
            ("pässwörd", "hex or base64"),
            ("6f" * 5 + "1b" * 5, "at least 32 bytes"),
            ("8f0c3a915be2d7467c1fa8e09b3d52f41e6a7c80d95b2e4f6a13c7d8e9f0b1", "at least 32 bytes"),
            ("00" * 32, "not random"),
            ("ab" * 32, "not random"),
            ("0123456789abcdef" * 4, "not random"),
            ("deadbeef" * 8, "not random"),
            (bytes(range(32)).hex(), "not random"),
            (bytes(range(64, 0, -2)).hex(), "not random"),
            (base64.b64encode(b"change me, I am only an example!!").decode(), "not random"),
            (base64.b64encode(b"0123456789abcdefghijklmnopqrstuv").decode(), "not random"),
        ],
    )
    def test_unfit_secrets_are_refused(self, text, reason):
        with pytest.raises(SecretError, match=reason) as caught:
            parse_secret(text)
        assert text == "" or text not in str(caught.value)
        assert caught.value.__cause__ is None
        assert caught.value.__context__ is None or caught.value.__suppress_context__
