"""Calibration, one method a file: what makes of a probability one that is right as often as it says."""
