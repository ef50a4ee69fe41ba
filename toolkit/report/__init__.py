"""Renders a comparison: terminal table, one offline HTML page, Markdown, JSON."""
