"""Losses that tie a classification head and a detection head together by what is known of their relation (FBN, DMC)."""
