"""Makes the client's source text from an OpenAPI document."""
