"""Labelling: views of an image, their ensemble, predictions in shards, pseudo-labels selected from them."""
