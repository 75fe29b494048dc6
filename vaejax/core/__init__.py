"""What everything stands on: checks, streams of random numbers, devices, platforms, files."""
