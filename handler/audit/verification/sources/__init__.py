"""Reads stored records without the code that wrote them."""
