"""What runs beside native code in the user's process; standard library only."""
