import hashlib
import hmac
import os

import pytest
from pyvorin_wire import digest

RFC_4231 = [  # key, message, HMAC-SHA256; the fifth test case truncates and is left out
    (
        b"\x0b" * 20,
        b"Hi There",
        "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7",
    ),
    (
        b"Jefe",
        b"what do ya want for nothing?",
        "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
    ),
    (
        b"\xaa" * 20,
        b"\xdd" * 50,
        "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe",
    ),
    (
        bytes(range(1, 26)),
        b"\xcd" * 50,
        "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b",
    ),
    (
        b"\xaa" * 131,
        b"Test Using Larger Than Block-Size Key - Hash Key First",
        "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
    ),
    (
        b"\xaa" * 131,
        b"This is a test using a larger than block-size key and a larger than block-size data."
        b" The key needs to be hashed before being used by the HMAC algorithm.",
        "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2",
    ),
]


@pytest.mark.parametrize(("key", "message", "expected"), RFC_4231)
def test_hmac_of_the_standard(key, message, expected):
    assert digest.hmac_sha256(key, message).hex() == expected


@pytest.mark.parametrize("size", [0, 1, 32, 63, 64, 65, 200, 400_000])
def test_agrees_with_the_library(size):
    key, message = os.urandom(size), os.urandom(3 * size + 1)
    assert digest.hmac_sha256(key, message) == hmac.digest(key, message, "sha256")
    assert digest.sha256_bytes(message) == hashlib.sha256(message).digest()
    assert digest.sha256_text(message) == hashlib.sha256(message).hexdigest()


def test_comparison_is_the_constant_time_one():
    assert digest.same_bytes(b"a", b"a")
    assert not digest.same_bytes(b"a", b"b")
    with pytest.raises(TypeError):
        digest.same_bytes(b"a", "a")
