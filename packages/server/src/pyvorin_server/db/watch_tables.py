"""Tables of what is watched over: sealed audit segments, credits, alerts and their delivery."""

import sqlalchemy as sa

from pyvorin_server.db.columns import BigCounter, metadata, owner, text, time

# Audit entries first … last, closed for good: only rows named here may be deleted. Append-only.
audit_segments = sa.Table(
    "audit_segments",
    metadata,
    sa.Column("first", BigCounter, primary_key=True, autoincrement=False),
    sa.Column("last", BigCounter, nullable=False, unique=True),
    # The chain's hash before the first entry and at the last one, and the RFC 6962 tree's root.
    sa.Column("hash_before", sa.LargeBinary, nullable=False),
    sa.Column("hash_at_last", sa.LargeBinary, nullable=False),
    sa.Column("root", sa.LargeBinary, nullable=False),
    sa.Column("statement", sa.LargeBinary, nullable=False),
    time("newest_at"),
    time("sealed_at"),
)

# One row an organisation and month: a job moves a credit from free to reserved to used.
credit_periods = sa.Table(
    "credit_periods",
    metadata,
    owner(),
    text("period", 7),
    sa.Column("reserved", BigCounter, nullable=False),
    sa.Column("used", BigCounter, nullable=False),
    sa.PrimaryKeyConstraint("organisation_id", "period"),
)

# What a rule found. One row a rule, subject and window, however many nodes look.
alerts = sa.Table(
    "alerts",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    # Empty for what concerns the installation and no single organisation.
    text("organisation_id", 40),
    text("rule", 40),
    text("subject", 120),
    sa.Column("window", BigCounter, nullable=False),
    text("detail", 400),
    time("created_at"),
    sa.UniqueConstraint("rule", "subject", "window"),
)

webhooks = sa.Table(
    "webhooks",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    owner(),
    text("url", 400),
    sa.Column("secret_sealed", sa.LargeBinary, nullable=False),
    time("created_at"),
    time("disabled_at", null=True),
)

# Alerts on their way: `target` is `mail` or a webhook's id. At least once; receivers see the id.
deliveries = sa.Table(
    "deliveries",
    metadata,
    sa.Column("alert_id", sa.Text, sa.ForeignKey("alerts.id"), nullable=False),
    text("target", 40),
    sa.Column("attempts", sa.Integer, nullable=False),
    text("outcome", 40),
    time("next_at"),
    time("delivered_at", null=True),
    sa.PrimaryKeyConstraint("alert_id", "target"),
)
