"""Who is asking: access tokens, refresh tokens, request signatures, and the guard that combines
them.
"""
