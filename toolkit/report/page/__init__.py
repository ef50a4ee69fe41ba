"""The sections of the HTML page, one module each; every one is a function from a comparison to markup."""
