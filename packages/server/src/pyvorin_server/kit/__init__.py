"""What every part of the service uses: clock, identifiers, sealing, local sockets, paging."""
