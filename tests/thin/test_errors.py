import pytest
from pyvorin_thin import errors
from pyvorin_wire.jobs import ExitCode


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        (errors.ThinError, ExitCode.INTERNAL),
        (errors.UsageError, ExitCode.USAGE),
        (errors.ServiceError, ExitCode.SERVICE),
        (errors.ProvenanceError, ExitCode.PROVENANCE),
        (errors.LicenceProblem, ExitCode.LICENCE),
        (errors.LimitError, ExitCode.LIMIT),
        (errors.Findings, ExitCode.FINDINGS),
    ],
)
def test_the_numbers_are_the_exit_codes_of_every_command(kind, code):
    assert kind("PYV999", "x").exit_code == code
