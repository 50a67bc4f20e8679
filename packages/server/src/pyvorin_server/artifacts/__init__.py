"""Finished artifacts: their bytes in the store, their rows, their envelopes, the recall list."""
