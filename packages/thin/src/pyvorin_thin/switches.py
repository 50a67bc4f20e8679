"""The user's switches that decide what may leave the machine, apart from what then sends it.

Telemetry is on unless something says off; source upload is off unless two things say on.
"""

import os
from typing import Final

from pyvorin_thin import config, keys, paths

SEND_SOURCE: Final = "PYVORIN_THIN_SEND_SOURCE"
_CI: Final = ("CI", "GITHUB_ACTIONS", "GITLAB_CI", "JENKINS_URL", "BUILDKITE", "TF_BUILD")


def source_opted_in() -> bool:
    """The environment's half of the opt-in for source: only a clear yes counts."""
    return config.flag(SEND_SOURCE) is True


def telemetry_off_reason(settings: config.Settings) -> str | None:
    """Why telemetry is off, or None if it is on. Looked at before each event and each sending."""
    if os.path.exists(telemetry_switch()):
        return "turned off by `telemetry off`"
    if not settings["telemetry.enabled"]:
        return f"turned off by {settings.origins['telemetry.enabled']}"
    if os.environ.get("DO_NOT_TRACK", "0").strip().lower() not in ("", "0", "false"):
        return "turned off by DO_NOT_TRACK"
    if any(os.environ.get(name) for name in _CI):
        return "off in CI"
    if not os.path.exists(keys.device_path()):
        return "no service is configured"
    return None


def telemetry_switch() -> str:
    """The file whose existence says that telemetry was turned off by command."""
    return os.path.join(paths.config(), "telemetry-off")
