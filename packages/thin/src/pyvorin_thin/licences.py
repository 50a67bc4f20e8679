"""The organisation's licence file as last delivered: kept as signed, verified when it is read."""

import os
import time

from pyvorin_wire import licence as formats
from pyvorin_wire.envelope import Envelope
from pyvorin_wire.errors import LicenceError
from pyvorin_wire.licence import Licence
from pyvorin_wire.trust import Role, Trust

from pyvorin_thin import paths, trust
from pyvorin_thin.errors import LicenceProblem


def licence_path() -> str:
    return os.path.join(paths.state(), "licence.json")


def stored_licence(believed: Trust) -> Licence | None:
    """The licence file last delivered, verified again."""
    data = paths.read(licence_path())
    return None if data is None else open_licence(believed, Envelope.from_bytes(data))


def save(signed: Envelope) -> None:
    paths.write(licence_path(), signed.to_bytes())


def open_licence(believed: Trust, signed: Envelope) -> Licence:
    """Verify a licence file with the trust's licence keys and dates. Raises LicenceProblem."""
    try:
        licence = formats.open_licence(
            signed, believed.verifiers(Role.LICENCE, trust.verify_ed25519)
        )
        formats.check_current(licence, int(time.time()))
    except LicenceError as error:
        raise LicenceProblem("PYV821", str(error)) from error
    return licence
