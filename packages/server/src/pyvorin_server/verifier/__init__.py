"""The verifier: a process of its own that alone decides whether a build may be signed."""
