import pytest
from pyvorin_wire import delivered, envelope, licence, recall, trust
from pyvorin_wire.errors import LicenceError, TrustError, WireError

from tests.wire import samples
from tests.wire.samples import KEY, fake_signer, fake_verify

NOW = 1_850_000_000


def update(new, *signers):
    return trust.sign_update(new, {name: fake_signer(name) for name in signers})


def refused(code, current, signed, now=NOW):
    with pytest.raises(TrustError) as caught:
        trust.accept_update(current, signed, fake_verify, now)
    assert caught.value.code == code


def test_an_update_signed_by_the_old_root_is_accepted():
    new = samples.trust(2)
    assert trust.accept_update(samples.trust(1), update(new, "root"), fake_verify, NOW) == new


def test_an_update_never_goes_back():
    refused("trust_rollback", samples.trust(2), update(samples.trust(1), "root"))
    twin = samples.trust(2).replace(organisation="Other")
    refused("trust_rollback", samples.trust(2), update(twin, "root"))


def test_an_update_by_anyone_else_is_refused():
    for signer in ("artifact", "licence", "recall", "audit", "stranger"):
        refused("trust_signature", samples.trust(1), update(samples.trust(2), signer))


def test_new_root_keys_sign_too():
    new = samples.trust(2, root="root2")
    refused("trust_signature", samples.trust(1), update(new, "root"))
    refused("trust_signature", samples.trust(1), update(new, "root2"))
    both = update(new, "root", "root2")
    assert trust.accept_update(samples.trust(1), both, fake_verify, NOW) == new


def test_another_organisation_or_an_expired_update_is_refused():
    foreign = samples.trust(2, organisation_id="org-2")
    refused("trust_foreign", samples.trust(1), update(foreign, "root"))
    new = samples.trust(2)
    refused("trust_expired", samples.trust(1), update(new, "root"), now=new.expires_at)


def test_the_digest_people_compare():
    given = samples.trust().short_digest()
    trust.check_digest(samples.trust(), given.lower().replace("-", " "))
    with pytest.raises(TrustError):
        trust.check_digest(samples.trust(2), given)


@pytest.mark.parametrize(
    "change",
    [
        {"spki_pins": ["1" * 64]},
        {"spki_pins": ["1" * 64, "1" * 64]},
        {"urls": []},
        {"urls": ["http://plain.example"]},
        {"urls": ["https://user@host"]},
        {"keys": []},
        {"format": 2},
        {"version": 0},
    ],
)
def test_unusable_trust_files_are_refused(change):
    body = {**samples.trust().to_json(), **change}
    with pytest.raises(WireError):
        trust.parse(envelope.canonical.dumps(body))


def test_the_recall_list_names_and_never_goes_back():
    old, new = samples.recall_list(3), samples.recall_list(4)
    assert recall.accept(old, new, "org-1") == new
    assert recall.accept(None, old, "org-1") == old
    for wrong, organisation in ((samples.recall_list(2), "org-1"), (new, "org-2")):
        with pytest.raises(TrustError):
            recall.accept(old, wrong, organisation)
    with pytest.raises(TrustError):
        recall.accept(old, old.replace(entries=()), "org-1")


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("artifact_id", "art-1"),
        ("sha256", samples.manifest().sha256),
        ("mac_key_id", "mac-1"),
        ("toolchain", "llvm=22"),
        ("fingerprint", samples.manifest().fingerprint),
    ],
)
def test_each_kind_of_recall_entry(kind, value):
    named = recall.Recall(1, "org-1", 1, (recall.RecallEntry(kind, value, "why"),))
    assert named.reason(samples.manifest()) == "why"
    other = recall.Recall(1, "org-1", 1, (recall.RecallEntry(kind, value + "x", "why"),))
    assert other.reason(samples.manifest()) is None


def test_licence_keys_are_read_back_and_typing_errors_noticed():
    text = licence.format_key(KEY)
    assert licence.parse_key(f"  {text.upper()}\n") == KEY
    for position in range(len(text)):
        changed = text[:position] + ("b" if text[position] == "a" else "a") + text[position + 1 :]
        with pytest.raises(LicenceError) as caught:
            licence.parse_key(changed)
        assert changed not in str(caught.value)


@pytest.mark.parametrize(
    "text", ["", "pyvk1_", "pyvk1_" + "é" * 58, "x" * 10_000, "pyvk1_" + "1" * 58]
)
def test_other_texts_are_no_licence_keys(text):
    with pytest.raises(LicenceError):
        licence.parse_key(text)


def test_hkdf_is_rfc_5869_test_case_1():
    found = licence.hkdf(
        bytes.fromhex("0b" * 22),
        salt=bytes(range(13)),
        info=bytes(range(0xF0, 0xFA)),
        length=42,
    )
    assert found.hex() == (
        "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865"
    )


def test_hkdf_is_rfc_5869_test_case_3_without_salt():
    found = licence.hkdf(bytes.fromhex("0b" * 22), info=b"", length=42)
    assert found.hex().startswith(
        "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d"
    )


def test_a_licence_file_opens_with_a_licence_key_only():
    signed = licence.sign_licence(samples.licence_file(), {"l": fake_signer("licence")})
    keys = samples.trust().verifiers(trust.Role.LICENCE, fake_verify)
    assert licence.open_licence(signed, keys) == samples.licence_file()
    with pytest.raises(LicenceError):
        licence.open_licence(signed, samples.trust().verifiers(trust.Role.ARTIFACT, fake_verify))


def test_licence_dates_hold_to_the_second():
    file = samples.licence_file()
    licence.check_current(file, file.not_before)
    licence.check_current(file, file.expires_at - 1)
    for moment in (file.not_before - 1, file.expires_at):
        with pytest.raises(LicenceError):
            licence.check_current(file, moment)


def test_a_delivered_key_is_never_printed():
    assert KEY.hex() not in repr(delivered.DeliveredKey("k", KEY.hex()))
