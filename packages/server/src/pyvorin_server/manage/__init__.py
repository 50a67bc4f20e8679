"""An organisation's administration, for its own people."""
