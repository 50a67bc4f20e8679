"""What an operator does: make an installation, start it, handle licences, look after it."""
