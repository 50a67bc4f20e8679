import base64

import pytest
from pyvorin_wire import httpsig
from pyvorin_wire.errors import HttpSigError

from tests.wire.samples import KEY, request

NOW = 1_800_000_000
PARAMETERS = httpsig.Parameters(NOW, "n" * 24, "dev-1")


def signed(**changes):
    made = httpsig.sign(request(), PARAMETERS, httpsig.hmac_signer(KEY))
    headers = {**request().headers, **made, **changes.pop("headers", {})}
    headers = {name: value for name, value in headers.items() if value is not None}
    return request().replace(headers=headers, **changes)


def verify(one, *, now=NOW, alg=httpsig.HMAC, key=KEY):
    return httpsig.verify(one, httpsig.hmac_verifier(key), alg=alg, now_s=now)


def test_signature_base_is_the_vector_of_rfc_9421_b_2_5():
    key = base64.b64decode(
        "uzvJfB4u3N0Jy4T7NZ75MDVcr8zSTInedJtkgcu46YW4XByzNJjxBdtjUkdJPBtbmHhIDi6pcl8jsasjlTMtDQ=="
    )
    headers = {"date": "Tue, 20 Apr 2021 02:07:55 GMT", "content-type": "application/json"}
    one = httpsig.Request("POST", "example.com", "/foo", "", headers, b"")
    base = httpsig.signature_base(
        one,
        headers,
        ("date", "@authority", "content-type"),
        '("date" "@authority" "content-type");created=1618884473;keyid="test-shared-secret"',
    )
    made = base64.b64encode(httpsig.hmac_signer(key)(base))
    assert made == b"pxcQw6G3AjtMBQjwo8XzkZf/bws5LelbaMk5rGIGtE8="


def test_content_digest_is_the_vector_of_rfc_9530():
    found = httpsig.content_digest(b'{"hello": "world"}\n')
    assert found == "sha-256=:RK/0qy18MlBSVnWgjwz6lZEWjP/lF5HF9bvEF8FabDg=:"


def test_a_signed_request_verifies():
    assert verify(signed()) == PARAMETERS


@pytest.mark.parametrize("offset", [-60, 60])
def test_the_window_includes_a_minute(offset):
    verify(signed(), now=NOW + offset)


@pytest.mark.parametrize("offset", [-61, 61])
def test_the_window_ends_after_a_minute(offset):
    with pytest.raises(HttpSigError) as caught:
        verify(signed(), now=NOW + offset)
    assert caught.value.code == "clock_skew"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"body": b"{} "}, "signature_digest"),
        ({"method": "PUT"}, "signature_wrong"),
        ({"authority": "evil.example"}, "signature_wrong"),
        ({"path": "/v1/compile/"}, "signature_wrong"),
        ({"query": "a=2"}, "signature_wrong"),
        ({"query": "a=1&a=1"}, "signature_wrong"),
        ({"headers": {"content-type": "text/plain"}}, "signature_wrong"),
        ({"headers": {"authorization": "Bearer u"}}, "signature_wrong"),
        ({"headers": {"authorization": None}}, "signature_malformed"),
        ({"headers": {"content-type": None}}, "signature_malformed"),
        ({"headers": {"signature": None}}, "signature_missing"),
        ({"headers": {"signature-input": None}}, "signature_missing"),
        ({"headers": {"signature": "pyvorin=::"}}, "signature_wrong"),
        ({"headers": {"signature": "pyvorin=:AAAA:"}}, "signature_wrong"),
        ({"headers": {"signature": "other=:AAAA:"}}, "signature_wrong"),
        ({"headers": {"content-digest": None}}, "signature_digest"),
        ({"headers": {"content-digest": ""}}, "signature_digest"),
    ],
)
def test_every_change_is_noticed(changes, code):
    with pytest.raises(HttpSigError) as caught:
        verify(signed(**changes))
    assert caught.value.code == code


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('nonce="nnnnnnnnnnnnnnnnnnnnnnnn";', ""),
        ('nonce="nnnnnnnnnnnnnnnnnnnnnnnn"', 'nonce=""'),
        ('nonce="nnnnnnnnnnnnnnnnnnnnnnnn"', 'nonce="' + "n" * 65 + '"'),
        (' "content-digest"', ""),
        ('"@method" "@authority"', '"@authority" "@method"'),
        ('"@method"', '"@method" "@method"'),
        ('alg="hmac-sha256"', 'alg="none"'),
        ('alg="hmac-sha256"', 'alg="rsa-pss-sha512"'),
        ('tag="pyvorin-v1"', 'tag="other"'),
        ("created=1800000000", "created=1800000000.5"),
        ("created=1800000000", "created=-1"),
        ("created=1800000000", "created=01800000000"),
        ("pyvorin=", "pyvorin= "),
        (";created", "; created"),
    ],
)
def test_signature_input_has_one_spelling(old, new):
    text = signed().headers["signature-input"]
    assert old in text
    with pytest.raises(HttpSigError) as caught:
        verify(signed(headers={"signature-input": text.replace(old, new)}))
    assert caught.value.code == "signature_malformed"


def test_the_route_fixes_the_algorithm():
    with pytest.raises(HttpSigError) as caught:
        verify(signed(), alg=httpsig.ED25519)
    assert caught.value.code == "signature_algorithm"


def test_another_key_is_refused():
    with pytest.raises(HttpSigError):
        verify(signed(), key=bytes(32))


def test_a_header_cannot_smuggle_a_line():
    evil = request().replace(headers={"content-type": 'a\n"@path": /x'})
    with pytest.raises(HttpSigError):
        httpsig.sign(evil, PARAMETERS, httpsig.hmac_signer(KEY))
