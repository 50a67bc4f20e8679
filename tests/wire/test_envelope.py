import ast
from pathlib import Path

import pytest
import pyvorin_wire
from hypothesis import given
from hypothesis import strategies as st
from pyvorin_wire import envelope
from pyvorin_wire.errors import EnvelopeError, WireError

from tests.wire.samples import fake_signer, fake_verify, public_key


def accept(name):
    public = bytes.fromhex(public_key(name))
    return {name: lambda signature, message: fake_verify(public, signature, message)}


def test_pae_is_the_vector_of_the_dsse_protocol():
    found = envelope.pae("http://example.com/HelloWorld", b"hello world")
    assert found == b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"


@given(st.text(min_size=1, max_size=20), st.binary(max_size=50), st.text(max_size=20), st.binary())
def test_pae_is_injective(kind, body, other_kind, other_body):
    same = envelope.pae(kind, body) == envelope.pae(other_kind, other_body)
    assert same == ((kind, body) == (other_kind, other_body))


@given(st.binary(max_size=200))
def test_a_signed_document_opens_with_its_key(body):
    signed = envelope.sign("t", body, {"k": fake_signer("a")})
    again = envelope.Envelope.from_bytes(signed.to_bytes())
    assert envelope.verify(again, "t", accept("a")) == body


def test_the_key_id_is_only_a_hint():
    signed = envelope.sign("t", b"x", {"trusted": fake_signer("evil")})
    with pytest.raises(EnvelopeError):
        envelope.verify(signed, "t", {"trusted": accept("good")["good"]})
    renamed = envelope.sign("t", b"x", {"whatever": fake_signer("good")})
    assert envelope.verify(renamed, "t", accept("good")) == b"x"


def test_a_signature_over_one_type_is_none_over_another():
    signed = envelope.sign("licence", b"x", {"k": fake_signer("a")})
    with pytest.raises(EnvelopeError):
        envelope.verify(signed, "artifact", accept("a"))
    relabelled = envelope.Envelope("artifact", signed.payload, signed.signatures)
    with pytest.raises(EnvelopeError):
        envelope.verify(relabelled, "artifact", accept("a"))


def test_no_keys_accept_nothing():
    with pytest.raises(EnvelopeError):
        envelope.verify(envelope.sign("t", b"x", {"k": fake_signer("a")}), "t", {})


@pytest.mark.parametrize("cut", [0, 1, 16, 31, 33])
def test_a_mac_of_another_length_is_refused(cut):
    good = envelope.mac(b"k", "t", b"x")
    assert envelope.check_mac(b"k", "t", b"x", good)
    assert not envelope.check_mac(b"k", "t", b"x", (good + good)[:cut])
    assert not envelope.check_mac(b"k", "t", b"x", good.hex().encode())


@pytest.mark.parametrize("text", ["YQ", "YQ=", "YR==", "Y Q==", "YQ==\n", "-_==", "é"])
def test_base64_has_one_spelling(text):
    with pytest.raises(WireError):
        envelope.unbase64(text)


def test_digests_are_never_compared_with_the_equality_operator_on_macs():
    """Constant time: `==` may not touch a mac or signature anywhere in the formats."""
    for path in Path(pyvorin_wire.__file__).parent.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Compare) and isinstance(node.ops[0], ast.Eq | ast.NotEq):
                names = {n.id for n in ast.walk(node) if isinstance(n, ast.Name)}
                names |= {n.attr for n in ast.walk(node) if isinstance(n, ast.Attribute)}
                assert not names & {"mac", "sig", "signature"}, f"{path.name}:{node.lineno}"
