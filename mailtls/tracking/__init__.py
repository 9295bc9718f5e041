"""What becomes of readings over time. Pure: the time is always an argument."""
