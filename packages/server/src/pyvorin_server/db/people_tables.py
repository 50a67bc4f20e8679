"""Tables of people and of those who vouch for machines: members, roles, sessions, CI trust.

A member needs a login name and nothing else; name and e-mail do not exist here. Passwords are
Argon2id hashes, every token is stored by SHA-256.
"""

import sqlalchemy as sa

from pyvorin_server.db.columns import metadata, owner, text, time

members = sa.Table(
    "members",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    owner(),
    text("login", 64),
    text("role", 40),
    text("password_hash", 200),
    sa.Column("totp_sealed", sa.LargeBinary, nullable=False),
    # The last time step a code was accepted for: a code works once.
    sa.Column("totp_step", sa.BigInteger, nullable=False),
    time("created_at"),
    time("disabled_at", null=True),
    sa.UniqueConstraint("login"),
)

# A role's permissions, one row a version; the newest counts, older ones say what counted when.
roles = sa.Table(
    "roles",
    metadata,
    owner(),
    text("name", 40),
    sa.Column("version", sa.Integer, nullable=False),
    text("permissions", 2000),
    text("created_by", 80),
    time("created_at"),
    sa.PrimaryKeyConstraint("organisation_id", "name", "version"),
)

# One-time tokens with which a person becomes a member; the first administrator's too.
enrolments = sa.Table(
    "enrolments",
    metadata,
    sa.Column("digest", sa.LargeBinary, primary_key=True),
    owner(),
    text("role", 40),
    time("created_at"),
    time("expires_at"),
    time("used_at", null=True),
)

sessions = sa.Table(
    "sessions",
    metadata,
    sa.Column("digest", sa.LargeBinary, primary_key=True),
    owner(),
    sa.Column("member_id", sa.Text, sa.ForeignKey("members.id"), nullable=False, index=True),
    time("created_at"),
    time("seen_at"),
    time("ended_at", null=True),
)

# A device that waits for a person to approve it (RFC 8628).
device_codes = sa.Table(
    "device_codes",
    metadata,
    sa.Column("digest", sa.LargeBinary, primary_key=True),
    sa.Column("user_code", sa.LargeBinary, nullable=False, unique=True),
    owner(),
    sa.Column("device_id", sa.Text, sa.ForeignKey("devices.id"), nullable=False),
    text("scopes", 200),
    text("member_id", 40, null=True),
    text("state", 10),
    time("created_at"),
    time("polled_at", null=True),
    time("expires_at"),
)

# Which runs of which CI may activate a device of a licence, without a licence key.
identity_trusts = sa.Table(
    "identity_trusts",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    owner(),
    sa.Column("licence_id", sa.Text, sa.ForeignKey("licences.id"), nullable=False),
    text("issuer", 200),
    text("audience", 200),
    text("subject", 400),
    time("created_at"),
    time("revoked_at", null=True),
    sa.UniqueConstraint("organisation_id", "issuer", "audience", "subject"),
)
