"""Reporting: figures and the report's one static page."""
