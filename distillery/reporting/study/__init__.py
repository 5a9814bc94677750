"""The study: networks compared in pairs, and the page that says what became of the claims."""
