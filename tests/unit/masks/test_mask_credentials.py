from __future__ import annotations

import base64
import hashlib
import re

import bcrypt
import pytest
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

from dbmimic.model.types import Kind, LogicalType


class TestPassword:
    """Each hash is checked as the software that reads it does."""

    def test_django_takes_it(self, apply):
        (made,) = apply("password", ["pbkdf2_sha256$600000$old"])
        algorithm, iterations, salt, digest = made.split("$")
        assert algorithm == "pbkdf2_sha256"
        expected = hashlib.pbkdf2_hmac("sha256", b"staging", salt.encode(), int(iterations))
        assert base64.b64decode(digest) == expected

    def test_werkzeug_takes_it(self, apply):
        for scheme in ("werkzeug", "werkzeug-scrypt"):
            (made,) = apply("password", ["x"], scheme=scheme, plain="let me in")
            method, salt, digest = made.split("$")
            name, *numbers = method.split(":")
            if name == "scrypt":
                n, r, p = map(int, numbers)
                key = hashlib.scrypt(b"let me in", salt=salt.encode(), n=n, r=r, p=p, maxmem=132 * n * r * p)
            else:
                key = hashlib.pbkdf2_hmac(numbers[0], b"let me in", salt.encode(), int(numbers[1]))
            assert key.hex() == digest

    def test_passlib_takes_it(self, apply):
        _, scheme, rounds, salt, digest = apply("password", ["x"], scheme="passlib")[0].split("$")

        def read(text):
            return base64.b64decode(text.replace(".", "+") + "=" * (-len(text) % 4))

        assert scheme == "pbkdf2-sha256"
        assert read(digest) == hashlib.pbkdf2_hmac("sha256", b"staging", read(salt), int(rounds))

    def test_a_directory_takes_it(self, apply):
        (made,) = apply("password", ["x"], scheme="ldap")
        raw = base64.b64decode(made.removeprefix("{SSHA512}"))
        assert raw[:64] == hashlib.sha512(b"staging" + raw[64:]).digest()

    def test_bcrypt_takes_it(self, apply):
        for scheme, sign in (("bcrypt", b"$2b$"), ("bcrypt-2y", b"$2y$")):
            made = apply("password", ["x"], scheme=scheme, plain="let me in")[0].encode()
            assert made.startswith(sign)
            assert bcrypt.checkpw(b"let me in", made.replace(sign, b"$2b$"))
            assert not bcrypt.checkpw(b"let me out", made.replace(sign, b"$2b$"))

    def test_argon2_takes_it(self, apply):
        for scheme, before in (("argon2", ""), ("django-argon2", "argon2")):
            (made,) = apply("password", ["x"], scheme=scheme, plain="let me in")
            assert made.startswith(before + "$argon2id$v=19$")
            Argon2id.verify_phc_encoded(b"let me in", made.removeprefix(before))

    def test_what_bcrypt_cannot_take_is_refused(self, refusal, monkeypatch):
        column = LogicalType(Kind.TEXT)
        assert "up to 72 bytes" in refusal("password", column, scheme="bcrypt", plain="\u20ac" * 30)
        monkeypatch.setattr("dbmimic.masks.builtin.credentials.find_spec", lambda _name: None)
        assert "pip install 'dbmimic[passwords]'" in refusal("password", column, scheme="bcrypt")

    def test_everybody_has_the_same_and_nobody_none(self, apply):
        one, other, empty, none = apply("password", ["a", "b", "", None])
        assert (one, empty, none) == (other, "", None)

    def test_a_column_that_is_too_narrow_is_refused(self, refusal):
        assert "has 87 characters, and the column holds 60" in refusal("password", LogicalType(Kind.TEXT, length=60))
        assert refusal("password", LogicalType(Kind.TEXT, length=128)) is None


class TestHash:
    def test_looks_like_a_digest(self, apply):
        for length in (32, 40, 64, 128):
            assert all(
                re.fullmatch(f"[0-9a-f]{{{length}}}", value) for value in apply("hash", ["a", "b"], length=length)
            )

    def test_fills_the_column_and_no_more(self, apply, refusal):
        assert len(apply("hash", ["a"], LogicalType(Kind.TEXT, length=40))[0]) == 40
        assert "16" in refusal("hash", LogicalType(Kind.TEXT, length=16), unique=True)

    def test_is_none_that_can_be_computed(self, apply):
        made = apply("hash", ["5f4dcc3b5aa765d61d8327deb882cf99"])[0]
        for name in hashlib.algorithms_guaranteed - {"shake_128", "shake_256"}:
            assert hashlib.new(name, b"5f4dcc3b5aa765d61d8327deb882cf99").hexdigest()[:16] != made[:16]


class TestApiKey:
    @pytest.mark.parametrize(
        ("value", "prefix"),
        [("sk_live_51H8xyz", "sk_live_"), ("ghp_16C7e42F", "ghp_"), ("xoxb-17653-abc", "xoxb-"), ("AKIA1234", "")],
    )
    def test_the_prefix_stays(self, apply, value, prefix):
        (made,) = apply("api_key", [value])
        assert re.fullmatch(re.escape(prefix) + "[a-z2-7]{24}", made)

    def test_a_prefix_without_room_goes(self, apply, refusal):
        assert re.fullmatch("[a-z2-7]{24}", apply("api_key", ["sk_live_51"], LogicalType(Kind.TEXT, length=30))[0])
        assert "24" in refusal("api_key", LogicalType(Kind.TEXT, length=20))


class TestUlid:
    def test_is_one_and_its_order_stays(self, apply):
        values = [f"01ARZ3NDE{n:1}TSV4RRFFQ69G5FAV" for n in range(10)]
        made = apply("ulid", values, unique=True)
        assert made == sorted(made)
        for before, after in zip(values, made, strict=True):
            assert re.fullmatch("[0-7][0-9A-HJKMNP-TV-Z]{25}", after)
            assert before[:10] == after[:10]
            assert before[10:] != after[10:]

    def test_its_time_may_go(self, apply):
        (made,) = apply("ulid", ["01ARZ3NDEKTSV4RRFFQ69G5FAV"], time="change")
        assert not made.startswith("01ARZ3NDEK")
        assert re.fullmatch("[0-7][0-9A-HJKMNP-TV-Z]{25}", made)

    def test_what_is_none_becomes_one(self, apply, refusal):
        assert re.fullmatch("[0-7][0-9A-HJKMNP-TV-Z]{25}", apply("ulid", ["none"])[0])
        assert "26" in refusal("ulid", LogicalType(Kind.TEXT, length=20))
