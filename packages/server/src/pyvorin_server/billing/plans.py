"""Plans: how many builds a month, and how fast they may be asked for. Zero is unlimited."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Plan:
    """Limits of one plan: credits a calendar month (UTC), builds accepted a minute and an hour."""

    credits: int
    per_minute: int
    per_hour: int


UNLIMITED = "unlimited"
PLANS: dict[str, Plan] = {
    UNLIMITED: Plan(0, 0, 0),  # a self-hosted installation starts here
    "free": Plan(100, 10, 100),
    "pro": Plan(10_000, 60, 2_000),
    "enterprise": Plan(0, 600, 20_000),
}


def plan_named(name: str) -> Plan:
    """Return a plan; a name that this release does not know allows the least."""
    return PLANS.get(name, PLANS["free"])
