"""The signer: a process of its own, the only one that holds the keys artifacts are trusted by."""
