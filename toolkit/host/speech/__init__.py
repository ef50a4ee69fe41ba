"""What the twin says: templates, tokens, the words of a model, and what parsers make of them."""
