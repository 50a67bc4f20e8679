"""Formats shared by compiler, thin client and service; standard library only, no input or output."""
