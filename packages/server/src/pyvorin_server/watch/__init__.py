"""Anomalies: rules over what was recorded, alerts, and their way to a person."""
