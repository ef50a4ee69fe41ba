"""What the API takes and gives, as types: bodies are checked against them, and the OpenAPI document is made of them."""
