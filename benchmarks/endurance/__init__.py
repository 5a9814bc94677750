"""Runs of hours, by hand: kills, many rounds, many images. Each prints its progress and writes a log to keep."""
