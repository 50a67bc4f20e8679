"""The recall list as last accepted, which the loader reads on every load. `trust.accept_recall`
puts it there once its signature is checked.
"""

import os

from pyvorin_wire import canonical
from pyvorin_wire.errors import WireError
from pyvorin_wire.recall import Recall

from pyvorin_thin import paths
from pyvorin_thin.errors import ProvenanceError


def recall_path() -> str:
    return os.path.join(paths.state(), "recall.json")


def load_recall() -> Recall | None:
    """The recall list in use; None before the first. Raises ProvenanceError if it is damaged.

    Its signature was checked when it was stored; the file is private to the user, as the keys are.
    """
    data = paths.read(recall_path(), limit=8 << 20)
    if data is None:
        return None
    try:
        return Recall.from_json(canonical.loads(data))
    except WireError as error:
        raise ProvenanceError(
            "PYV854", "the stored recall list is damaged", ("pyvorin-thin sync",)
        ) from error
