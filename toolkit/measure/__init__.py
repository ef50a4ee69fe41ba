"""What is measured on a host: its swaps and its memory; and what is made of it."""
