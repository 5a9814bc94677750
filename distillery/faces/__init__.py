"""Faces rendered from anny's parametric head, with their whole truth; nothing here reads the rest of the project."""
