"""The demo: a small shop's customers as four systems know them, told to the product as any source tells it."""
