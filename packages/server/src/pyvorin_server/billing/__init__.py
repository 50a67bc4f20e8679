"""What was used, counted by the service alone."""
