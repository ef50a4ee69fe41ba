"""The swap matrix as text, Markdown, page, picture and JSON."""
