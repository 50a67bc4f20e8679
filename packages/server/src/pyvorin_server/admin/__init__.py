"""What an operator does: make an installation, start it, issue and revoke licences, look after it."""
