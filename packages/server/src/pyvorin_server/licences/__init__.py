"""Licences and devices: issue, activate, check, refresh, revoke."""
